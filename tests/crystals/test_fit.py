"""`lammps-heal fit`: from a crystal and its potential to a model file; as little of each part as there can be."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from lammps_heal.commands.main import main
from lammps_heal.crystals.acceptance import Size
from lammps_heal.crystals.cases import CrystalCases, names_its_potential, recorded_crystals
from lammps_heal.crystals.drafts import FRUGAL, Plan
from lammps_heal.crystals.fit import Effort, Subject, affordable, base_of, fit, make_structures, recipe_for, verdict
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.errors import HealError
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.model.model_file import Model, load
from lammps_heal.tables import at_most
from lammps_heal.training.recipe import Crystal
from lammps_heal.training.stages import Files

ALUMINIUM = Crystal("fcc", ("Al",), pair_style="eam/alloy", pair_coeff=("* * Al_zhou.eam.alloy Al",), melting_point=900.0)
PLAN = Plan(
    scales=(1.0, 0.98, 1.02),
    edge=3.0,
    wide_edge=3.0,
    n_strained=6,
    n_vacancies=12,
    n_clusters=0,
    n_interstitials=10,
    n_interstitial_pairs=0,
    n_slabs=1,
    n_boundaries=0,
    n_faults=0,
    n_dipoles=0,
    n_hot=12,
    ps=0.1,
    expansion_ps=0.2,
)
SIZE = Size(
    edge=4.0,
    vacancy_edge=4.0,
    crystals=1,
    plan=replace(PLAN, n_interstitials=1, n_slabs=0),
    ps=0.1,
    temperatures=(0.3,),
)
EFFORT = Effort(steps=20, fine_steps=12, plan=PLAN, acceptance=SIZE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fit")


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject.of(ALUMINIUM)


@pytest.fixture(scope="module")
def structures(folder: Path, subject: Subject) -> Path:
    path = folder / "al.xyz"
    make_structures(path, subject, PLAN)
    return path


@pytest.fixture(scope="module")
def fitted(folder: Path, subject: Subject, structures: Path) -> tuple[Model, list[Row]]:
    """Begun from the shipped model of its structure."""
    recipe = recipe_for(ALUMINIUM, subject.crystal, structures, EFFORT, base="fcc")
    rows = fit(recipe, [subject], folder / "al.pt", Files(folder / "al.pth", folder), SIZE, "a test")
    return load(folder / "al.pt"), rows


@pytest.mark.lammps
def test_a_fit_ends_as_a_model_of_the_crystal_with_its_acceptance_in_the_record(
    fitted: tuple[Model, list[Row]], subject: Subject
) -> None:
    model, rows = fitted
    assert (model.structure, model.elements) == ("fcc", ("Al",))
    assert model.lattice_constant == pytest.approx(subject.crystal.lattice_constant, abs=1e-4)
    assert model.lattice_constants[0] < 0.985 * model.lattice_constant
    assert {r.case for r in rows} == {"noise", "vacancies", "rest", "heat"}
    assert [r["figure"] for r in model.training["acceptance"]] == [r.figure for r in rows]
    assert names_its_potential(model)
    assert recorded_crystals(model) == [ALUMINIUM]
    assert not names_its_potential(load("fcc"))  # whose structures are files


@pytest.mark.lammps
def test_a_model_begun_from_a_base_heals_at_once(fitted: tuple[Model, list[Row]]) -> None:
    """A dozen steps teach a network nothing: what it can it has from platinum, its lengths scaled."""
    [after_ten] = [r for r in fitted[1] if r.case == "noise" and r.steps == 10]
    assert isinstance(after_ten.healed, float)
    assert after_ten.healed < 5.0  # meV/atom; noise of 0.11 nn puts some 200 on


@pytest.mark.lammps
def test_the_evaluation_of_a_fitted_model_asks_what_any_crystal_is_asked(fitted: tuple[Model, list[Row]]) -> None:
    cases = CrystalCases(fitted[0], quick=True).by_name()
    assert {"noise", "vacancies", "rest", "heat", "strong noise", "cascade", "hot defects", "seen-heat"} == set(cases)
    assert [r.steps for r in cases["noise"]()] == [5, 10]


@pytest.mark.lammps
def test_a_finished_fit_is_not_trained_again(
    folder: Path, subject: Subject, structures: Path, fitted: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trains(*_: object) -> None:
        raise AssertionError("it trains anew")

    monkeypatch.setattr("lammps_heal.crystals.fit.accept", lambda *_: [])
    monkeypatch.setattr("lammps_heal.training.stages._Training", trains)
    recipe = recipe_for(ALUMINIUM, subject.crystal, structures, EFFORT, base="fcc")
    fit(recipe, [subject], folder / "again.pt", Files(folder / "al.pth", folder), SIZE, "a test")
    assert load(folder / "again.pt").weights_hash == load(folder / "al.pt").weights_hash


@pytest.mark.lammps
def test_structures_of_another_potential_are_not_trained_on(structures: Path, subject: Subject) -> None:
    potential = replace(subject.work.potential, pair_coeff=("* * AlCu.eam.alloy Al",))
    other = replace(subject, work=replace(subject.work, potential=potential))
    with pytest.raises(HealError, match="is of another potential"):
        make_structures(structures, other, PLAN)


@pytest.mark.lammps
def test_without_a_base_lengths_are_those_of_the_crystal(subject: Subject) -> None:
    recipe = recipe_for(ALUMINIUM, subject.crystal, Path("al.xyz"), EFFORT)
    assert recipe.start == ""
    assert recipe.network.cutoff == pytest.approx(2.19 * subject.crystal.nn, abs=1e-3)


@pytest.mark.lammps
@pytest.mark.parametrize(("base", "steps", "n_stages"), [("", EFFORT.steps, 3), ("fcc", EFFORT.fine_steps, 2)])
def test_each_stage_is_slower_and_has_more_that_is_to_rest(subject: Subject, base: str, steps: int, n_stages: int) -> None:
    stages = recipe_for(ALUMINIUM, subject.crystal, Path("al.xyz"), EFFORT, base).stages
    assert [stage.steps for stage in stages] == n_stages * [steps // n_stages]
    for before, after in pairwise(stages):
        assert after.learning_rate == 0.5 * before.learning_rate
        assert after.mixture.defect_clean > before.mixture.defect_clean
        assert after.mixture.crystal_clean > before.mixture.crystal_clean


@pytest.mark.parametrize(
    ("structure", "elements", "base"),
    [
        ("bcc", ["Fe"], "bcc-fe"),
        ("hcp", ["Zr"], "hcp-zr"),
        ("bcc", ["W"], "bcc"),
        ("bcc", ["Ta"], "bcc"),
        ("fcc", ["Fe"], "fcc"),
        ("bcc", ["Fe", "Cr"], "bcc"),
        ("fcc", ["Pt", "W", "Mg"], "fcc"),
        ("B2", ["Fe"], ""),
    ],
)
def test_a_fit_begins_from_the_shipped_model_of_its_elements_or_its_structure(
    structure: str, elements: list[str], base: str
) -> None:
    assert base_of(structure, elements) == base


def test_the_verdict_names_what_falls_short() -> None:
    good, bad = (row("rest", "", "", at_most(1), figure, None, 1) for figure in (0, 2))
    assert verdict([good]) == "verdict: good"
    assert "falls short in rest" in verdict([good, bad])


def test_fit_without_a_potential_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["fit", "--structure", "bcc", "--elements", "Fe", "-o", "fe.pt"])
    assert end.value.code not in (0, None)
    assert "--pair-style, --pair-coeff" in capsys.readouterr().err


@pytest.mark.lammps
def test_a_potential_that_costs_gets_few_and_small_structures(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    assert affordable(EFFORT, [subject], said.append) == EFFORT and not said  # EAM
    calls = iter([1.0e-6, 2.0e-4])
    monkeypatch.setattr(LammpsWork, "force_seconds", lambda *_: next(calls))
    frugal = affordable(EFFORT, [subject, subject], said.append)
    assert (frugal.plan, frugal.steps) == (FRUGAL, EFFORT.steps)
    assert said == ["a force call takes 200 µs/atom: structures to train on and to be measured by are few and small"]
