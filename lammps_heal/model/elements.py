"""Which elements a model heals: one check and one message for all Python hosts."""

from collections.abc import Sequence

from lammps_heal.errors import HealError
from lammps_heal.model.model_file import Model

MASS_TOLERANCE = 0.005  # relative; isotope tables differ by less, neighbouring elements by more


def known_elements(model: Model) -> str:
    """As "Pt (195.084 g/mol)"."""
    return ", ".join(f"{element} ({mass:g} g/mol)" for element, mass in zip(model.elements, model.masses, strict=True))


def require_elements(model: Model, elements: Sequence[str]) -> None:
    """Raise HealError unless the model was trained on all of these, or was scaled to another lattice constant."""
    unknown = sorted(set(elements) - set(model.elements))
    if model.elements and unknown:
        raise HealError(
            f"element {', '.join(unknown)} is not in the model, which knows {known_elements(model)}: "
            f'use a model of {", ".join(unknown)}, or give the lattice constant of the crystal ("lattice")'
        )


def require_elements_of_types(model: Model, n_types: int, elements: Sequence[str] | None, masses: Sequence[float] | None) -> None:
    """The same for LAMMPS's atom types: by the elements that the user names, one for each type, or else by the masses.

    masses: of each type, g/mol, 0 where there is none.
    """
    if not model.elements:
        return
    if elements is not None:
        if len(elements) != n_types:
            raise HealError(f"elements names {len(elements)} types, the system has {n_types}: name one for each type")
        require_elements(model, elements)
        return
    for number, mass in enumerate(masses or [0.0] * n_types, 1):
        if element_of_mass(model, mass) is None:
            raise HealError(
                f"type {number} has mass {mass:g}, the model knows {known_elements(model)}: name the types' elements, "
                'or give the lattice constant of the crystal ("lattice")'
            )


def element_of_mass(model: Model, mass: float) -> str | None:
    """The model's element of this mass, g/mol, or None."""
    for element, own in zip(model.elements, model.masses, strict=True):
        if abs(mass - own) <= MASS_TOLERANCE * own:
            return element
    return None
