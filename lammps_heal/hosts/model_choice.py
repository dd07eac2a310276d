"""Which of the shipped models is for a crystal: that of its element, or else of the structure that its atoms show, hot or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ase import Atoms

from lammps_heal.analysis.local_structure import shells_of
from lammps_heal.analysis.other_structure import COMMON
from lammps_heal.errors import HealError
from lammps_heal.hosts.fitting_model import fitting_model
from lammps_heal.hosts.formats.ase_file import structure_of
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.input_checks import Shown, structures_shown
from lammps_heal.hosts.type_elements import elements_told
from lammps_heal.model.model_file import Model, load
from lammps_heal.model.names import AUTO, shipped_names

OPEN, BODY_CENTRED = "diamond", "bcc"
ALIKE = 0.02  # of the nearest-neighbour distance: a crystal of no known element is of the model's


@dataclass(frozen=True)
class Choice:
    """why: for the user. is_of_elements: the atoms are of the model's elements and structure: it needs no other lengths."""

    name: str
    why: str
    is_of_elements: bool = False

    def __str__(self) -> str:
        return f"model {self.name}: {self.why} (--model to name another)"


def is_auto(model: Model | str | Path) -> bool:
    return isinstance(model, str) and model == AUTO


class NoCrystal(HealError):
    """The atoms show no crystal that a shipped model is of."""


@dataclass(frozen=True)
class Fitted:
    """model: as it fits a crystal. own: the same, not scaled. finds: its lengths are the crystal's, whatever the elements.
    choice: None where the model was named."""

    model: Model
    own: Model
    finds: bool
    choice: Choice | None


def fitted(
    structure: Structure,
    model: Model | str | Path,
    lattice: float | None = None,
    elements: Sequence[str] = (),
    threads: int = 1,
    finds: bool = False,
) -> Fitted:
    """The model, loaded where it is a name, or chosen, as it fits a structure; see `fitting_model`. Raises HealError."""
    choice = choose(structure, elements, threads) if is_auto(model) else None
    own = model if isinstance(model, Model) else _shipped()[choice.name] if choice else load(model)
    finds = finds or (choice is not None and not choice.is_of_elements)
    return Fitted(fitting_model(structure, own, lattice, elements, threads, finds), own, finds, choice)


def model_for(atoms: Atoms, model: Model | str | Path, threads: int = 1) -> Model:
    """The model itself; or that of a name, or chosen, scaled where the atoms are of other elements. Raises HealError."""
    if not isinstance(atoms, Atoms):
        raise HealError(f"atoms must be ASE Atoms, got {type(atoms).__name__}: lammps-heal heal reads files")
    if isinstance(model, Model):
        return model
    named = None if is_auto(model) else load(model)
    if named is not None and set(atoms.get_chemical_symbols()) <= set(named.elements):
        return named
    structure = structure_of(atoms, "the atoms", 0)
    if named is not None:
        return fitting_model(structure, named, threads=threads)
    choice = choose(structure, threads=threads)
    chosen = _shipped()[choice.name]
    return chosen if choice.is_of_elements else fitting_model(structure, chosen, threads=threads, finds=True)


@cache
def _shipped() -> dict[str, Model]:
    """By name; read once, for whoever heals atoms again and again."""
    return {name: load(name) for name in shipped_names()}


def choose(structure: Structure, named: Sequence[str] = (), threads: int = 1) -> Choice:
    """Raises NoCrystal.

    named: elements of the types, or of all, as the user names them; empty: as the structure has them.
    """
    elements = elements_told(structure, named)
    models = _shipped()
    of_one = {name: model for name, model in models.items() if len(model.structures) == 1}
    own = next((name for name, model in of_one.items() if elements <= set(model.elements)), None)
    [joint] = models.keys() - of_one.keys()
    try:
        shown = structures_shown(structure, models[joint], models[OPEN], threads)
    except HealError:
        if own is None:
            raise
        shown = None  # what is wrong with the atoms will be said when they are healed
    found = sorted((name for name, part in shown.parts.items() if part > COMMON), key=shown.parts.__getitem__) if shown else []
    of_own = f"of {', '.join(sorted(elements))}"
    if len(found) > 1 and BODY_CENTRED in found:  # fcc and hcp beside each other are stacking faults to the model of either
        return Choice(joint, f"the atoms lie as in {' and '.join(sorted(found))}")
    if own is not None and (not found or models[own].structure in found):
        return Choice(own, of_own, True)
    if shown is None:
        raise NoCrystal(f"{structure.where}: too few atoms are inside of a crystal to choose a model for: name one, as fcc")
    if not found:
        parts = ", ".join(f"{part:.0%} {name}" for name, part in shown.parts.items())
        raise NoCrystal(
            f"{structure.where}: the atoms show no crystal that a shipped model is of ({parts}): name one, as fcc, or "
            "make one, lammps-heal fit"
        )
    return _of_structure(found[-1], shown, {name: m for name, m in of_one.items() if m.structure == found[-1]}, elements)


def _of_structure(found: str, shown: Shown, models: dict[str, Model], elements: set[str]) -> Choice:
    """The structure's own model, which has its name; of a crystal of no known element that whose lengths are the crystal's."""
    why = f"{shown.parts[found]:.0%} of the atoms lie as in {found}"
    if elements == {"?"}:
        distance = {name: abs(shown.nearest / _nearest(model) - 1.0) for name, model in models.items()}
        nearest = min(distance, key=lambda name: distance[name])
        if distance[nearest] < ALIKE:
            return Choice(nearest, f"{why}, as far apart as in {', '.join(models[nearest].elements)}")
    if len(elements) > 1:
        why += "; it knows no species, and heals to the sites of one element: lammps-heal fit makes a model that does"
    return Choice(found, why)


def _nearest(model: Model) -> float:
    """Nearest-neighbour distance, Å."""
    return shells_of(model.structure).nearest * model.lattice_constant
