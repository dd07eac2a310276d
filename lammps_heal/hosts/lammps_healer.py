"""The healer of Python hosts: the displacement of the atoms of a running LAMMPS, by one healing step.

Only this module and `ghost_depth` read LAMMPS's arrays. How atoms are moved is the hosts' affair: `fix_external` on any
LAMMPS with a Python module, `python_move` on one with the PYTHON package.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lammps_heal.errors import AgreedError, HealError
from lammps_heal.hosts.floor_of_model import floor_of
from lammps_heal.hosts.ghost_depth import require_ghosts
from lammps_heal.hosts.structure_watch import StructureWatch
from lammps_heal.model.elements import UNKNOWN, species_of_types
from lammps_heal.model.model_file import Model, load
from lammps_heal.step.backends import make_backend
from lammps_heal.step.crystal import SKIN, outrun_skin
from lammps_heal.step.ghost_exchange import GhostExchange
from lammps_heal.step.neighbours import Float64Array, Int32Array, Int64Array, Neighbourhoods, neighbours_by_id
from lammps_heal.step.ranks import Ranks
from lammps_heal.step.soft_floor import keep_apart
from lammps_heal.step.step import cap, displacement

MOVED = 0.01  # Å; further is counted as moved, as in fix heal


@dataclass(frozen=True)
class HealingStep:
    """What one step did, over all ranks: lengths in Å; atoms that were capped, that moved further than MOVED."""

    rms: float
    largest: float
    n_capped: int
    n_moved: int


class LammpsHealer:
    """Computes the displacement of the local atoms of a LAMMPS instance. Caches none of its pointers.

    max_displacement: cap of one step in Å, by default the model's. elements: of each LAMMPS type; by default the
    masses of the types decide. group: LAMMPS group whose atoms move. kernel, threads, device: see `make_backend`. watches:
    warn of a crystal of another structure than the model's. Sets
    LAMMPS's ghost cutoff, skin and the check for new neighbours, whatever the script has set.
    """

    def __init__(
        self,
        lmp: Any,
        model: Model,
        ranks: Ranks,
        max_displacement: float | None = None,
        elements: Sequence[str] | None = None,
        group: str = "all",
        kernel: bool = True,
        threads: int = 1,
        device: str = "cpu",
        watches: bool = True,
    ) -> None:
        self.lmp, self.model, self.ranks = lmp, model, ranks
        with warnings.catch_warnings():
            if ranks.rank > 0:  # one warning that there is no kernel is enough
                warnings.simplefilter("ignore")
            self._backend = make_backend(model, kernel, threads, device, ranks.rank_on_node())
        self._threads = threads
        self.max_displacement = float(model.max_displacement if max_displacement is None else max_displacement)
        self._floor = floor_of(model)
        self.ghost_cutoff = model.cutoff + SKIN
        self.last = HealingStep(0.0, 0.0, 0, 0)
        self._elements = elements
        self._group_bit = 1 << lmp.available_ids("group").index(group)
        self._species_of_types: Int32Array
        self._watch = StructureWatch(model, ranks, threads) if watches else None
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
        """Raise HealError, on all ranks, where atoms, ghosts or settings are not such that healing is right; for each run."""
        message = None
        n_types = self.lmp.extract_global("ntypes")
        used = np.any(self.ranks.all(np.bincount(self._types(), minlength=n_types + 1)[1:] > 0), axis=0)
        try:
            self._require_settings()
            masses = self.lmp.numpy.extract_atom("mass")
            of_types = None if masses is None else [float(mass) for mass in masses[1 : n_types + 1]]
            self._species_of_types = species_of_types(self.model, used, self._elements, of_types)
        except HealError as error:
            message = str(error)
        n_atoms = sum(self.ranks.all(self.lmp.extract_global("nlocal")))
        if n_atoms == 0:
            message = "the system has no atoms: read or create some first"
        self.ranks.agree(message)
        self._require_ghosts()

    def step(self) -> Float64Array:
        """Displacement of each local atom, (nlocal, 3) Å, capped, above the soft floor, zero outside the group; updates `last`.

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

    def _atoms(self, name: str, n_all: int) -> np.ndarray:
        # Versions before 2022 count local atoms only where nelem is not given.
        return np.asarray(self.lmp.numpy.extract_atom(name, nelem=n_all))

    def _types(self, n_all: int | None = None) -> Int64Array:
        """Of the local atoms, or of so many, ghosts after them."""
        n_all = self.lmp.extract_global("nlocal") if n_all is None else n_all
        return self._atoms("type", n_all).astype(np.int64).reshape(n_all)

    def _species(self, n_all: int) -> Int32Array | None:
        """(n_all,), None where the model sees none. Raises HealError for a type that has come without an element."""
        if self.model.n_species == 1:
            return None
        types = self._types(n_all)
        species = self._species_of_types[types - 1]
        if (species == UNKNOWN).any():
            number = types[species == UNKNOWN][0]
            raise HealError(f"atoms of type {number} have come in this run, whose element the model does not know: name it")
        return species

    def _n_centres(self) -> int:
        return int(((self._atoms("mask", self.lmp.extract_global("nlocal")) & self._group_bit) != 0).sum())

    def _displacements(self) -> tuple[Float64Array, int]:
        nlocal = self.lmp.extract_global("nlocal")
        n_all = nlocal + self.lmp.extract_global("nghost")
        positions = self._atoms("x", n_all).astype(np.float64).reshape(n_all, 3)
        n_lost = int((~np.isfinite(positions[:nlocal])).any(1).sum())
        self.ranks.agree(f"{n_lost} atoms have positions that are not finite" if n_lost else None)
        self._update_neighbours(positions, self._atoms("id", n_all).astype(np.int64).reshape(n_all), nlocal)
        moved = ((self._atoms("mask", nlocal) & self._group_bit) != 0).reshape(nlocal, 1)
        if self._watch is not None:
            self._watch.before_step(lambda: (positions, self._neighbourhoods), moved[:, 0])
        ghosts = _GhostsOfGroup(self._ghosts, self.ranks, moved)
        v = displacement(self._backend, positions, self._neighbourhoods, ghosts, self._species(n_all))
        capped, n_capped = cap(np.where(moved, v, 0.0), self.max_displacement)
        apart = keep_apart(capped, positions, self._neighbourhoods, ghosts, self._floor, self._backend.nearest, self._threads)
        return np.where(moved, apart, 0.0), n_capped

    def _update_neighbours(self, positions: Float64Array, ids: Int64Array, nlocal: int) -> None:
        """Build the lists of all ranks anew where rows changed (sorting, exchange) or an atom has moved half the skin."""
        is_stale = self._listed is None
        if self._listed is not None:
            listed_positions, listed_ids = self._listed
            is_stale = not np.array_equal(ids, listed_ids) or outrun_skin(positions, listed_positions)
        if any(self.ranks.all(is_stale)):
            self._neighbourhoods = neighbours_by_id(positions, ids, nlocal, self.ghost_cutoff, self._threads)
            self.ranks.agree(None)  # a rank whose list failed does not come here
            self._require_ghosts()  # a script may have kept LAMMPS from looking for new ones
            self._ghosts = GhostExchange(ids, nlocal, self.ranks)
            self._listed = positions, ids

    def _require_settings(self) -> None:
        """What `fix heal` refuses too."""
        nlocal = self.lmp.extract_global("nlocal")
        if nlocal and self._atoms("id", nlocal).min() < 1:
            raise HealError('atoms have no ids, by which owners know their ghosts: remove "atom_modify id no"')
        if self.lmp.extract_global("respa_levels"):
            raise HealError('healing works with run_style verlet, got respa: use "run_style verlet"')

    def _require_ghosts(self) -> None:
        require_ghosts(self.lmp, self.ranks, self.model.cutoff, SKIN)


class _GhostsOfGroup:
    """See `step.Communicator`: atoms outside the group act on others by pair forces alone. moved: (nlocal, 1) bool."""

    def __init__(self, exchange: GhostExchange, ranks: Ranks, moved: np.ndarray) -> None:
        self._exchange, self._ranks, self._moved = exchange, ranks, moved

    def reverse(self, forces: Float64Array) -> Float64Array:
        self._ranks.agree(None)  # a rank whose forces failed does not come here
        return self._exchange.reverse(forces)

    def forward(self, vectors: Float64Array) -> Float64Array:
        self._ranks.agree(None)  # nor one whose layer failed
        return self._exchange.forward(np.where(self._moved, vectors, 0.0))

    def largest(self, values: Float64Array) -> Float64Array:
        self._ranks.agree(None)
        return np.asarray(np.max(self._ranks.all(values), axis=0))


def load_on_all_ranks(name: str | None, ranks: Ranks, lattice: float | None = None) -> Model:
    """The model of this name or path, read by each rank; raises HealError on all where one cannot.

    lattice: lattice constant, Å, of another crystal of the model's structure; see `model_file.load`.
    """
    model, message = None, None
    try:
        if name is None:
            raise HealError("no model is named: call use_model before the fix, as in inputs/in.heal")
        model = load(name, lattice)
    except HealError as error:
        message = str(error)
    ranks.agree(message)
    assert model is not None
    return model
