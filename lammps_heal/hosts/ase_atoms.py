"""Healing of ASE Atoms, without LAMMPS."""

from pathlib import Path

import numpy as np
from ase import Atoms

from lammps_heal.errors import HealError
from lammps_heal.model.elements import require_elements
from lammps_heal.model.model_file import Model, load
from lammps_heal.step.backends import make_backend
from lammps_heal.step.crystal import PeriodicCrystal
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
    if not isinstance(model, Model):
        model = load(model)
    _require_structure(atoms, model)
    backend = make_backend(model, kernel, threads, device)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, model.cutoff, threads)
    longest = model.max_displacement if max_displacement is None else max_displacement
    healed: Atoms = atoms.copy()
    for _ in range(steps):
        step = displacement(backend, *crystal.open_cluster(healed.positions), crystal)
        healed.positions += cap(step, longest)[0]
    return healed


def _require_structure(atoms: Atoms, model: Model) -> None:
    if len(atoms) == 0:
        raise HealError("the structure has no atoms: give at least one")
    elements = sorted(set(atoms.get_chemical_symbols()))
    require_elements(model, elements)
    if not np.isfinite(atoms.positions).all():
        raise HealError("a position is not finite: check the structure file")
