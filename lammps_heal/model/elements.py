"""Of which species the atoms are: one rule, one check and one message for all Python hosts, as for fix heal.

A model's species are its elements, numbered from 0 in their order. LAMMPS's atom types are of the elements that the user
names, or else of those that their labels say, or else their masses. Labels are for fix heal and files alone: LAMMPS's
Python module does not show them (22Jul2025).
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from lammps_heal.errors import HealError
from lammps_heal.model.model_file import Model

MASS_TOLERANCE = 0.005  # relative; isotope tables differ by less, neighbouring elements by more, but for Co and Ni
UNKNOWN = -1  # species of a type without atoms whose element nobody tells

Int32Array = NDArray[np.int32]


def known_elements(model: Model) -> str:
    """As "Pt (195.084 g/mol)"."""
    return ", ".join(f"{element} ({mass:g} g/mol)" for element, mass in zip(model.elements, model.masses, strict=True))


def require_elements(model: Model, elements: Collection[str]) -> None:
    """Raise HealError unless the model was trained on all of these, or was scaled to another lattice constant."""
    unknown = sorted(set(elements) - set(model.elements))
    if model.elements and unknown:
        raise HealError(
            f"element {', '.join(unknown)} is not in the model, which knows {known_elements(model)}: "
            f"use a model of {', '.join(unknown)}{_or_lattice(model)}"
        )


def species_of(model: Model, elements: Sequence[str]) -> Int32Array:
    """(n,) species of atoms of these elements; 0 where the model sees none. Raises HealError as `require_elements`."""
    require_elements(model, set(elements))
    if model.n_species == 1:
        return np.zeros(len(elements), np.int32)
    numbers = {element: number for number, element in enumerate(model.elements)}
    return np.array([numbers[element] for element in elements], np.int32)


def species_of_types(
    model: Model,
    used: Sequence[bool],
    elements: Sequence[str] | None = None,
    masses: Sequence[float] | None = None,
) -> Int32Array:
    """(n_types,) species of LAMMPS's atom types; UNKNOWN for types that no atom has, where nobody tells.

    used: for each type, whether an atom has it. elements: that the user names, one for each type. masses: of each type,
    g/mol, 0 where there is none. Raises HealError for a type with atoms of no element that the model knows, if it knows any.
    """
    if not model.elements:
        return np.zeros(len(used), np.int32)
    if elements is not None and len(elements) != len(used):
        raise HealError(f"elements names {len(elements)} types, the system has {len(used)}: name one for each type")
    masses = [0.0] * len(used) if masses is None else masses
    by_type: Sequence[str | None] = [element_of_mass(model, mass) for mass in masses] if elements is None else elements
    found = np.full(len(used), UNKNOWN, np.int32)
    for type_, element in enumerate(by_type):
        if element in model.elements:
            found[type_] = 0 if model.n_species == 1 else model.elements.index(element)
        elif used[type_]:
            raise HealError(_problem(model, type_ + 1, None if elements is None else element, masses[type_]))
    return found


def element_of_mass(model: Model, mass: float) -> str | None:
    """The model's element of this mass, g/mol, the nearest where there are several (Co, Ni), or None."""
    if not model.elements:
        return None
    nearest = min(range(len(model.masses)), key=lambda k: abs(mass - model.masses[k]))
    return model.elements[nearest] if abs(mass - model.masses[nearest]) <= MASS_TOLERANCE * model.masses[nearest] else None


def _problem(model: Model, number: int, element: str | None, mass: float) -> str:
    """Of a LAMMPS type. element: that the user names."""
    known = known_elements(model)
    if element is not None:
        return f"type {number} is {element}, the model knows {known}: use a model of {element}{_or_lattice(model)}"
    has = f"has mass {mass:g}" if mass > 0.0 else "has no mass"
    return f"type {number} {has}, the model knows {known}: name the types' elements{_or_lattice(model)}"


def _or_lattice(model: Model) -> str:
    """Lengths alone make no other elements of a model that sees species."""
    return "" if model.n_species > 1 else ', or give the lattice constant of the crystal ("lattice")'
