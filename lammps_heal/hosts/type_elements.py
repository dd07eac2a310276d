"""Element and mass of each atom type: what the user names, or else what the file says."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.model.elements import MASS_TOLERANCE, element_of_mass
from lammps_heal.model.model_file import Model
from lammps_heal.step.neighbours import Int64Array

UNKNOWN_MASS = 1.0  # g/mol; healing does not need it
SAME_MASS = 0.001  # relative, of one element; those of Co and Ni differ by 0.004
LIGHTEST = 1.005  # g/mol; what is lighter than hydrogen is no element's mass


@dataclass(frozen=True)
class TypeElements:
    """elements: of each type, None where it is not known. masses: of each, g/mol. warnings: what contradicts each other."""

    elements: tuple[str | None, ...]
    masses: tuple[float, ...]
    warnings: tuple[str, ...] = ()


def type_elements(structure: Structure, model: Model, named: Sequence[str] | None, kind: str, needs_them: bool) -> TypeElements:
    """Elements of the structure's types.

    named: by the user, one for each type or one for all. kind: of the file: a data file must tell masses, or the user
    elements; of a dump that tells nothing the model's only element is taken. needs_them: not where the user names the
    lattice constant, but for a model that sees species. Raises HealError that says what to name.
    """
    by_file = [_element(element, mass, model) for element, mass in zip(structure.elements, structure.masses, strict=True)]
    warnings: list[str] = []
    if named:
        elements: list[str | None] = list(_named(structure, named))
        for number, (in_file, chosen) in enumerate(zip(by_file, elements, strict=True), 1):
            if in_file is not None and in_file != chosen:
                warnings.append(f"type {number} is {in_file} by {structure.where}, and {chosen} by --elements, which is taken")
    else:
        elements = by_file
        used = {number - 1 for number in structure.types.tolist()} if len(by_file) > 1 else {0}
        if (needs_them or model.n_species > 1) and any(by_file[k] is None for k in used):
            elements = _assumed(structure, model, kind, by_file)
    masses = [_mass(element, mass, model) for element, mass in zip(elements, structure.masses, strict=True)]
    return TypeElements(tuple(elements), tuple(masses), tuple(warnings))


def elements_told(structure: Structure, named: Sequence[str] = ()) -> set[str]:
    """Of the structure's atoms, as the user names them or else the file tells; "?" for those of a type of which neither does."""
    told = _named(structure, named) if named else map(_element, structure.elements, structure.masses)
    return elements_present(structure, TypeElements(tuple(told), ()))


def elements_present(structure: Structure, types: TypeElements) -> set[str]:
    """Of the structure's atoms; "?" for those of a type whose element nobody tells."""
    return {types.elements[number - 1] or "?" for number in set(structure.types.tolist())}


def first_alike(structures: Sequence[Structure], model: Model, named: Sequence[str] = ()) -> Int64Array:
    """(n_types + 1,) of each type, from 1, the first type of the same element; itself where that is not told.

    structures: that number their types alike; of each type the first of them that tells counts. named: by the user, one
    for each type or one for all. The rule of fix heal, hosts/plugin/heal_elements.cpp.
    """
    n_types = max(structure.n_types for structure in structures)
    elements: list[str | None] = [None] * n_types
    masses = [0.0] * n_types
    for structure in reversed(structures):
        for k, (element, mass) in enumerate(zip(structure.elements, structure.masses, strict=True)):
            elements[k], masses[k] = _element(element, mass, model) or elements[k], mass or masses[k]
    if named:
        elements = [named[k] if k < len(named) else None for k in range(n_types)] if len(named) > 1 else [named[0]] * n_types

    def are_alike(one: int, other: int) -> bool:
        if elements[one] and elements[other]:
            return elements[one] == elements[other]
        return abs(masses[one] - masses[other]) <= SAME_MASS * masses[one] and masses[one] > LIGHTEST

    return np.array([0, *(next((j for j in range(k) if are_alike(j, k)), k) + 1 for k in range(n_types))])


def _named(structure: Structure, named: Sequence[str]) -> list[str]:
    unknown = [element for element in named if element not in atomic_numbers or element == "X"]
    if unknown:
        raise HealError(f'"{unknown[0]}" is no element: name one for each type, or one for all, as --elements Pt')
    if len(named) == 1:
        return [*named] * structure.n_types
    if len(named) < structure.n_types:
        few = f"{structure.n_types} atom types, {len(named)} elements are named"
        raise HealError(f"{structure.where}: {few}: name one for each, or one for all")
    return list(named[: structure.n_types])


def _assumed(structure: Structure, model: Model, kind: str, by_file: list[str | None]) -> list[str | None]:
    number = by_file.index(None) + 1
    mass = structure.masses[number - 1]
    if mass > 0.0:
        raise HealError(f"{structure.where}: type {number} has mass {mass:g}, which is no element's: name it, as --elements Pt")
    if kind == "dump" and len(model.elements) == 1 and not any(by_file):
        return [model.elements[0]] * len(by_file)
    raise HealError(f"{structure.where}: it does not tell the element of type {number}: name one for each, as --elements Pt")


def _element(element: str | None, mass: float, model: Model | None = None) -> str | None:
    if element is not None and element in atomic_numbers and element != "X":
        return element
    if not mass > 0.0:
        return None
    own = element_of_mass(model, mass) if model is not None else None
    if own is not None:
        return own
    nearest = min(range(1, len(atomic_masses)), key=lambda number: abs(atomic_masses[number] - mass))
    return chemical_symbols[nearest] if abs(atomic_masses[nearest] - mass) <= MASS_TOLERANCE * mass else None


def _mass(element: str | None, mass: float, model: Model) -> float:
    """The file's, if it has one that is the element's, so that it is written as it was read."""
    if element is None:
        return mass if mass > 0.0 else UNKNOWN_MASS
    if element in model.elements:
        own = float(model.masses[model.elements.index(element)])
    else:
        own = float(atomic_masses[atomic_numbers[element]])
    return mass if abs(mass - own) <= MASS_TOLERANCE * own else own
