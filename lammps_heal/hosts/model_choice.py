"""Which of the shipped models is for a crystal: that of its element, or else of the structure that its atoms show, hot or not."""

from collections.abc import Sequence
from dataclasses import dataclass
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

OPEN = "diamond"
ALIKE = 0.02  # of the nearest-neighbour distance: a crystal of no known element is of the model's


@dataclass(frozen=True)
class Choice:
    """why: for the user. is_of_elements: the atoms are of the model's elements, or taken to be: it needs no other lengths."""

    name: str
    why: str
    is_of_elements: bool = False

    def __str__(self) -> str:
        return f"model {self.name}: {self.why} (--model to name another)"


def is_auto(model: Model | str | Path) -> bool:
    return isinstance(model, str) and model == AUTO


def model_for(atoms: Atoms, model: Model | str | Path, threads: int = 1) -> Model:
    """The model itself, or one that is loaded by its name, or chosen and scaled. Raises HealError."""
    if isinstance(model, Model):
        return model
    if not is_auto(model):
        return load(model)
    structure = structure_of(atoms, "the atoms", 0)
    choice = choose(structure, threads=threads)
    chosen = load(choice.name)
    return chosen if choice.is_of_elements else fitting_model(structure, chosen, threads=threads, finds=True)


def choose(structure: Structure, named: Sequence[str] = (), threads: int = 1) -> Choice:
    """Raises HealError where the atoms show no crystal that a shipped model is of.

    named: elements of the types, or of all, as the user names them; empty: as the structure has them.
    """
    elements = elements_told(structure, named)
    models = {name: load(name) for name in shipped_names()}
    of_one = {name: model for name, model in models.items() if len(model.structures) == 1}
    own = [name for name, model in of_one.items() if elements <= set(model.elements)]
    if len(own) == 1:
        return Choice(own[0], f"of {', '.join(sorted(elements))}", True)
    [joint] = models.keys() - of_one.keys()
    shown = structures_shown(structure, models[joint], models[OPEN], threads)
    if shown is None:
        raise HealError(
            f"{structure.where}: too few atoms are inside of a crystal to choose a model for: name one, as --model fcc"
        )
    found = [name for name, part in shown.parts.items() if part > COMMON]
    if not found:
        parts = ", ".join(f"{part:.0%} {name}" for name, part in shown.parts.items())
        raise HealError(
            f"{structure.where}: the atoms show no crystal that a shipped model is of ({parts}): name one, as fcc, or "
            "make one, lammps-heal fit"
        )
    if len(found) > 1:
        return Choice(joint, f"its atoms lie as in {' and '.join(found)}")
    return _of_structure(found[0], shown, {name: m for name, m in of_one.items() if m.structure == found[0]}, elements)


def _of_structure(found: str, shown: Shown, models: dict[str, Model], elements: set[str]) -> Choice:
    """The structure's own model, which has its name; of a crystal of no known element that whose lengths are the crystal's."""
    why = f"{shown.parts[found]:.0%} of the atoms lie as in {found}"
    if elements == {"?"}:
        distance = {name: abs(shown.nearest / _nearest(model) - 1.0) for name, model in models.items()}
        nearest = min(distance, key=lambda name: distance[name])
        if distance[nearest] < ALIKE:
            return Choice(nearest, f"{why}, as far apart as in {', '.join(models[nearest].elements)}", True)
    if len(elements) > 1:
        why += "; it knows no species, and heals to the sites of one element: lammps-heal fit makes a model that does"
    return Choice(found, why)


def _nearest(model: Model) -> float:
    """Nearest-neighbour distance, Å."""
    return shells_of(model.structure).nearest * model.lattice_constant
