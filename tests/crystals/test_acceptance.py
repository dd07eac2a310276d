"""Acceptance figures of two healers of which the figures are known: minimisation itself, and none."""

import numpy as np
import pytest
from ase import Atoms

from lammps_heal.crystals.acceptance import Acceptance, Goals, Size, visible_vacancies, with_noise
from lammps_heal.crystals.crystal import Crystal, guess
from lammps_heal.crystals.defects import with_vacancies
from lammps_heal.crystals.drafts import Plan
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.crystals.relaxed_crystal import relaxed_crystal
from lammps_heal.crystals.thorough import cascade, hot_defects, labels, strong_noise
from lammps_heal.evaluation.rows import Row
from lammps_heal.hosts.potential import Potential

pytestmark = pytest.mark.lammps

SILICON = LammpsWork(Potential("sw", ("* * Si.sw Si",)), ("Si",))
TINY = Size(
    edge=4.0,
    vacancy_edge=4.0,
    crystals=2,
    plan=Plan(
        edge=3.5, wide_edge=3.5, n_interstitials=1, n_interstitial_pairs=0, n_slabs=1, n_boundaries=1, n_faults=1, n_dipoles=1
    ),
    ps=0.2,
    temperatures=(0.3,),
)


@pytest.fixture(scope="module")
def silicon() -> Crystal:
    return relaxed_crystal("diamond", ("Si",), SILICON.potential)


def minimised(atoms: Atoms, steps: int) -> Atoms:
    return SILICON.relaxed(atoms)[0]


def as_it_was(atoms: Atoms, steps: int) -> Atoms:
    return atoms.copy()


def rows_by_case(rows: list[Row]) -> dict[str, list[bool | None]]:
    cases: dict[str, list[bool | None]] = {}
    for row in rows:
        cases.setdefault(row.case, []).append(row.passed)
    return cases


def test_minimisation_is_accepted(silicon: Crystal) -> None:
    cases = rows_by_case(list(Acceptance(silicon, SILICON, minimised, 1678.0, TINY).rows()))
    assert list(cases) == ["noise", "vacancies", "rest", "heat"]
    for passed in cases.values():
        assert all(passed)


def test_no_healing_rests_and_heals_nothing(silicon: Crystal) -> None:
    cases = rows_by_case(list(Acceptance(silicon, SILICON, as_it_was, 1678.0, TINY).rows()))
    assert all(cases["rest"])
    assert not any(cases["noise"])
    assert cases["heat"] == [True, False, True, False]  # on their sites, but hot


def test_a_healer_that_fills_vacancies_is_not_accepted(silicon: Crystal) -> None:
    def filled(atoms: Atoms, steps: int) -> Atoms:
        moved = atoms.copy()
        moved.positions[0] = moved.positions[1] + 0.2  # another vacancy, and an interstitial
        return moved

    kept, _ = rows_by_case(list(Acceptance(silicon, SILICON, filled, 1678.0, TINY).vacancies()))["vacancies"]
    assert not kept


def test_open_structures_have_wider_goals() -> None:
    assert Goals.of(guess("diamond", ("Si",))).excess_5 > Goals.of(guess("bcc", ("W",))).excess_5


def test_vacancies_are_visible_in_little_noise_and_hidden_in_much(rng: np.random.Generator) -> None:
    crystal = guess("bcc", ("W",))
    sites = crystal.block(5.0)
    clean = with_vacancies(sites, 5, rng)
    assert len(visible_vacancies(with_noise(clean, 0.02 * crystal.nn, rng), clean, sites, crystal)) == 5
    assert len(visible_vacancies(with_noise(clean, 0.4 * crystal.nn, rng), clean, sites, crystal)) == 0


def test_thorough_figures_of_minimisation(silicon: Crystal) -> None:
    acceptance = Acceptance(silicon, SILICON, minimised, 1678.0, TINY)
    assert (labels(silicon.repeat(2), silicon) == labels(silicon.repeat(2), silicon)[0]).all()
    rows = [*hot_defects(acceptance), *strong_noise(acceptance), *cascade(acceptance, 500, 20.0)]
    cases = rows_by_case(rows)
    assert list(cases) == ["hot defects", "strong noise", "cascade"]
    assert all(passed is not False for passed in [*cases["hot defects"], *cases["strong noise"], *cases["cascade"]])
    assert len(cases["hot defects"]) >= 10
