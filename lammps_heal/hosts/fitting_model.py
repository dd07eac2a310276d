"""The model as it fits the atoms of a file or of another program: scaled where their elements, or the user, want it so."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.input_checks import look_at
from lammps_heal.hosts.type_elements import type_elements
from lammps_heal.model.model_file import Model


def fitting_model(
    structure: Structure, model: Model, lattice: float | None = None, elements: Sequence[str] = (), threads: int = 1
) -> Model:
    """The model to observe a structure with; it then asks for no elements, which are looked at here.

    lattice: constant, Å, as the user gives it; None: the model's, or what is found where the elements are others. elements: of
    each type, or of all; empty: as the structure has them. Raises HealError where nothing but ruin can come of it.
    """
    types = type_elements(structure, model, elements, "dump", needs_them=lattice is None)
    present = {types.elements[number - 1] for number in set(structure.types.tolist())}
    findings = look_at(structure, model, lattice, lattice is None and not present <= set(model.elements), threads)
    if findings.ruin:
        raise HealError(f"{structure.where}: {findings.ruin[0]}")
    return model.scaled(findings.lattice or model.lattice_constant)


def atoms_of(structure: Structure) -> Atoms:
    """Of no element, unwrapped, in LAMMPS's axes."""
    numbers = np.zeros(len(structure.ids), int)
    return Atoms(numbers, positions=structure.unwrapped - structure.origin, cell=structure.cell, pbc=structure.periodic)
