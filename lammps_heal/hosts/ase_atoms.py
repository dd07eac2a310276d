"""Healing and observing of ASE Atoms, without LAMMPS."""

from pathlib import Path

import numpy as np
from ase import Atoms

from lammps_heal.analysis.local_structure import LocalStructure, shells_of
from lammps_heal.analysis.observation import Observation
from lammps_heal.errors import HealError
from lammps_heal.model.elements import require_elements
from lammps_heal.model.model_file import Model, load
from lammps_heal.step.backends import make_backend
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import Float64Array
from lammps_heal.step.step import cap, displacement


def heal(
    atoms: Atoms,
    model: Model | str | Path = "fcc",
    steps: int = 10,
    max_displacement: float | None = None,
    kernel: bool = True,
    threads: int = 1,
    device: str = "cpu",
) -> Atoms:
    """A healed copy of `atoms`: `steps` times x <- x + Delta(x), positions never wrapped.

    model: as `load` returns it, or what it takes. max_displacement: cap of one step in Å, by default the model's. kernel,
    threads, device: see `backends.make_backend`. Raises HealError for an element that the model does not know, an empty or
    non-finite structure, a cell without volume, or two atoms that overlap.
    """
    healing = _Healing(atoms, model, max_displacement, kernel, threads, device)
    healed: Atoms = atoms.copy()
    for _ in range(steps):
        healed.positions += healing.step(healed.positions)
    return healed


def observe(
    atoms: Atoms,
    model: Model | str | Path = "fcc",
    steps: int = 3,
    kernel: bool = True,
    threads: int = 1,
    device: str = "cpu",
) -> Observation:
    """Local structure of `atoms`, seen on a copy that is healed by so many steps; the atoms stay as they are.

    Options and errors as of `heal`; steps: 1 or more, 3 are enough for hot crystals, 8 to 12 for fresh cascades.
    """
    if steps < 1:
        raise HealError(f"observing needs 1 step or more, got {steps}")
    healing = _Healing(atoms, model, None, kernel, threads, device)
    positions = atoms.positions.copy()
    for _ in range(steps):
        last = healing.step(positions)
        positions += last
    shells = shells_of(healing.model.structure)
    nearest = shells.nearest * healing.model.lattice_constant
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, shells.search * nearest, threads)
    structure = LocalStructure(*crystal.open_cluster(positions), shells, nearest, threads)
    coordination, labels = structure.coordination_and_labels()
    residual = structure.bonded_average(crystal.forward(np.linalg.norm(last, axis=1)))
    return Observation(positions, positions - atoms.positions, coordination, labels, residual, shells, nearest)


class _Healing:
    """Steps of a model on the positions of `atoms`; see `heal`."""

    def __init__(
        self,
        atoms: Atoms,
        model: Model | str | Path,
        max_displacement: float | None,
        kernel: bool,
        threads: int,
        device: str,
    ) -> None:
        self.model = model if isinstance(model, Model) else load(model)
        _require_structure(atoms, self.model)
        self._longest = self.model.max_displacement if max_displacement is None else max_displacement
        self._backend = make_backend(self.model, kernel, threads, device)
        self._crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, self.model.cutoff, threads)

    def step(self, positions: Float64Array) -> Float64Array:
        """(n, 3) Å, to be added, capped."""
        return cap(displacement(self._backend, *self._crystal.open_cluster(positions), self._crystal), self._longest)[0]


def _require_structure(atoms: Atoms, model: Model) -> None:
    if len(atoms) == 0:
        raise HealError("the structure has no atoms: give at least one")
    elements = sorted(set(atoms.get_chemical_symbols()))
    require_elements(model, elements)
    if not np.isfinite(atoms.positions).all():
        raise HealError("a position is not finite: check the structure file")
