"""The model as it fits the atoms of a file or of another program: scaled where their elements, or the user, want it so."""

import warnings
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.input_checks import atomic_numbers_of, look_at
from lammps_heal.hosts.type_elements import elements_present, type_elements
from lammps_heal.model.elements import require_elements
from lammps_heal.model.model_file import Model


def fitting_model(
    structure: Structure,
    model: Model,
    lattice: float | None = None,
    elements: Sequence[str] = (),
    threads: int = 1,
    finds: bool = False,
) -> Model:
    """The model to observe a structure with; where it sees no species it asks for no elements then, which are looked at here.

    lattice: constant, Å, as the user gives it; None: the model's, or what is found where the elements are others, or `finds`.
    elements: of each type, or of all; empty: as the structure has them. Raises HealError where nothing but ruin can come of it.
    """
    types = type_elements(structure, model, elements, "dump", needs_them=lattice is None and not finds)
    present = elements_present(structure, types)
    if model.n_species > 1:  # other lengths do not make it a model of other elements
        require_elements(model, present)
    auto = lattice is None and (finds or not present <= set(model.elements))
    findings = look_at(structure, model, lattice, auto, threads, types.elements)
    if findings.ruin:
        raise HealError(f"{structure.where}: {findings.ruin[0]}")
    for line in findings.warnings:
        warnings.warn(line, stacklevel=2)
    return model.scaled(findings.lattice or model.lattice_constant)


def atoms_of(structure: Structure, model: Model, elements: Sequence[str] = ()) -> Atoms:
    """Unwrapped, in LAMMPS's axes; of no element where the model sees no species.

    model, elements: see `fitting_model`.
    """
    numbers = np.zeros(len(structure.ids), np.int64)
    if model.n_species > 1:
        numbers = atomic_numbers_of(structure, type_elements(structure, model, elements, "dump", needs_them=True).elements)
    return Atoms(numbers, positions=structure.unwrapped - structure.origin, cell=structure.cell, pbc=structure.periodic)
