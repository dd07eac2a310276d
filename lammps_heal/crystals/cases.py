"""The cases of `lammps-heal evaluate` for a model whose record names its crystal and potential, as `lammps-heal fit` writes it.

They ask the same of every crystal, in its own lengths; the cases of lammps_heal/evaluation are platinum's.
"""

from collections.abc import Callable, Iterator
from functools import cached_property, partial

from lammps_heal.analysis.local_structure import has_shells
from lammps_heal.crystals import thorough
from lammps_heal.crystals.acceptance import FULL, QUICK, Acceptance
from lammps_heal.crystals.fit import Subject, acceptance_of, model_for, of_crystal
from lammps_heal.crystals.phases import phases
from lammps_heal.crystals.seen_heat import HotCrystal, seen_heat
from lammps_heal.crystals.species import species
from lammps_heal.evaluation.rows import Row
from lammps_heal.model.model_file import Model
from lammps_heal.training.recipe import Crystal
from lammps_heal.whole_files import with_tuples

CASCADE = 100_000, 2000.0  # atoms, eV
QUICK_CASCADE = 2000, 50.0
SEEN = 14.1, 50, 0.5  # nn, frames at each temperature, ps from one to the next
QUICK_SEEN = 6.0, 2, 0.1


def names_its_potential(model: Model) -> bool:
    """Whether the record of a model says which crystal, under which potential, it is of."""
    return bool(model.training.get("crystal", {}).get("pair_style"))


class CrystalCases:
    """Of one model; of a joint one each case is of all its crystals. quick: smaller structures and fewer of them."""

    def __init__(self, model: Model, quick: bool = False) -> None:
        self._model, self._quick = model, quick

    def by_name(self) -> dict[str, Callable[[], Iterator[Row]]]:
        """Every case, and what measures it."""
        atoms, recoil = QUICK_CASCADE if self._quick else CASCADE
        cases: dict[str, Callable[[Acceptance], Iterator[Row]]] = {
            "noise": Acceptance.noise,
            "vacancies": Acceptance.vacancies,
            "rest": Acceptance.rest,
            "heat": Acceptance.heat,
            "strong noise": thorough.strong_noise,
            "cascade": lambda acceptance: thorough.cascade(acceptance, atoms, recoil),
        }
        if len(self._model.elements) > 1:
            cases["species"] = species
        if len(self._model.structures) > 1:
            cases["phases"] = phases
        of_all: dict[str, Callable[[], Iterator[Row]]] = {name: partial(self._of_all, rows) for name, rows in cases.items()}
        if has_shells(self._model.structure):  # of which labels are known
            of_all["hot defects"] = partial(self._of_all, thorough.hot_defects)
            if len(self._model.elements) == 1:
                of_all["seen-heat"] = self._seen_heat
        return of_all

    def _of_all(self, rows: Callable[[Acceptance], Iterator[Row]]) -> Iterator[Row]:
        for subject in self._subjects:
            accepted = acceptance_of(self._model, subject, QUICK if self._quick else FULL)
            yield from of_crystal(rows(accepted), subject, len(self._subjects) > 1)

    def _seen_heat(self) -> Iterator[Row]:
        for subject in self._subjects:
            hot = HotCrystal(subject.crystal, subject.work, subject.melting_point, *(QUICK_SEEN if self._quick else SEEN))
            rows = seen_heat(model_for(self._model, subject), hot)
            yield from of_crystal(rows, subject, len(self._subjects) > 1)

    @cached_property
    def _subjects(self) -> list[Subject]:
        return [Subject.of(crystal) for crystal in recorded_crystals(self._model)]


def recorded_crystals(model: Model) -> list[Crystal]:
    """What its recipe described; of a joint model several."""
    recorded = [model.training["crystal"], *model.training.get("others", [])]
    return [Crystal(**with_tuples(crystal)) for crystal in recorded]
