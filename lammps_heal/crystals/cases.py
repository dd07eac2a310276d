"""The cases of `lammps-heal evaluate` for a model whose record names its crystal and potential, as `lammps-heal fit` writes it.

They ask the same of every crystal, in its own lengths; the cases of lammps_heal/evaluation are platinum's.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from lammps_heal.analysis.local_structure import has_shells
from lammps_heal.crystals import thorough
from lammps_heal.crystals.acceptance import FULL, QUICK, Acceptance
from lammps_heal.crystals.fit import Subject, acceptance_of
from lammps_heal.crystals.seen_heat import HotCrystal, seen_heat
from lammps_heal.crystals.species import species
from lammps_heal.evaluation.rows import Row
from lammps_heal.model.model_file import Model
from lammps_heal.training.recipe import Crystal

CASCADE = 100_000, 2000.0  # atoms, eV
QUICK_CASCADE = 2000, 50.0
SEEN = 14.1, 50, 0.5  # nn, frames at each temperature, ps from one to the next
QUICK_SEEN = 6.0, 2, 0.1


def names_its_potential(model: Model) -> bool:
    """Whether the record of a model says which crystal, under which potential, it is of."""
    return bool(model.training.get("crystal", {}).get("pair_style"))


class CrystalCases:
    """Of one model. quick: smaller structures and fewer of them."""

    def __init__(self, model: Model, quick: bool = False) -> None:
        self._model, self._quick = model, quick

    def by_name(self) -> dict[str, Callable[[], Iterator[Row]]]:
        """Every case, and what measures it."""
        atoms, recoil = QUICK_CASCADE if self._quick else CASCADE
        cases: dict[str, Callable[[], Iterator[Row]]] = {
            "noise": lambda: self._acceptance.noise(),
            "vacancies": lambda: self._acceptance.vacancies(),
            "rest": lambda: self._acceptance.rest(),
            "heat": lambda: self._acceptance.heat(),
            "strong noise": lambda: thorough.strong_noise(self._acceptance),
            "cascade": lambda: thorough.cascade(self._acceptance, atoms, recoil),
        }
        if len(self._model.elements) > 1:
            cases["species"] = lambda: species(self._acceptance)
        if has_shells(self._model.structure):  # of which labels are known
            cases["hot defects"] = lambda: thorough.hot_defects(self._acceptance)
            if len(self._model.elements) == 1:
                cases["seen-heat"] = lambda: seen_heat(self._model, self._hot_crystal)
        return cases

    @property
    def _hot_crystal(self) -> HotCrystal:
        a = self._acceptance
        return HotCrystal(a.crystal, a.work, a.melting_point, *(QUICK_SEEN if self._quick else SEEN))

    @cached_property
    def _acceptance(self) -> Acceptance:
        subject = Subject.of(recorded_crystal(self._model.training["crystal"]))
        return acceptance_of(self._model, subject, QUICK if self._quick else FULL)


def recorded_crystal(recorded: dict[str, Any]) -> Crystal:
    """What a recipe described, of its JSON."""
    tuples: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in recorded.items()}
    return Crystal(**tuples)
