"""The shipped models of other crystals than fcc: what each is asked of its own crystal, under its own potential.

A joint model is asked the same of each of its crystals, scaled to it; but for how still it keeps what rests.
"""

from pathlib import Path

import numpy as np
import pytest
from lammps_runs import DUMP, crystal, lmp

from lammps_heal.analysis.local_structure import shells_of
from lammps_heal.analysis.sites import occupation
from lammps_heal.crystals.acceptance import Goals, moves, with_noise
from lammps_heal.crystals.cases import names_its_potential, recorded_crystals
from lammps_heal.crystals.defects import with_vacancies
from lammps_heal.crystals.fit import Subject, model_for
from lammps_heal.hosts.ase_atoms import heal, observe
from lammps_heal.model.model_file import Model, load
from lammps_heal.model.names import model_path, shipped_names
from lammps_heal.step.backends import AGREEMENT, verify

# Model, and which of its crystals.
CRYSTALS = [
    pytest.param((name, number), id=f"{name}-{structure}")
    for name in shipped_names()
    for number, structure in enumerate(load(name).structures)
    if name != "fcc"
]
LARGEST_FILE = 1_000_000  # bytes
EDGE = 7.0  # nn

pytestmark = [pytest.mark.acceptance, pytest.mark.lammps]


@pytest.fixture(scope="module", params=CRYSTALS)
def shipped(request: pytest.FixtureRequest) -> tuple[Model, Subject]:
    name, number = request.param
    model = load(name)
    assert names_its_potential(model)
    return model, Subject.of(recorded_crystals(model)[number])


@pytest.fixture(scope="module")
def subject(shipped: tuple[Model, Subject]) -> Subject:
    return shipped[1]


@pytest.fixture(scope="module")
def model(shipped: tuple[Model, Subject]) -> Model:
    """As it fits the crystal."""
    return model_for(*shipped)


def test_every_structure_that_labels_know_has_a_model() -> None:
    assert {"fcc", "bcc", "hcp", "diamond"} <= set(shipped_names())


def test_the_file_is_small_says_what_it_is_of_and_its_parts_agree(model: Model, subject: Subject) -> None:
    assert model_path(model.path).stat().st_size < LARGEST_FILE
    assert subject.crystal.structure in model.structures
    if subject.crystal.structure == model.structure:
        assert model.lattice_constant == pytest.approx(subject.crystal.lattice_constant, rel=1e-4)
    assert model.training["acceptance"]
    assert max(difference for _, difference in verify(model)) < AGREEMENT


def test_noise_goes(model: Model, subject: Subject) -> None:
    sites = subject.crystal.block(EDGE)
    start = with_noise(sites, 0.11 * subject.crystal.nn, np.random.default_rng(5_501))
    excess = subject.work.energy(heal(start, model, 10)) - subject.work.energy(sites)
    goals = Goals.of(subject.crystal)
    # A joint model, which shares its parameters among crystals, takes ten steps for what others do in five.
    assert 0.0 <= 1000.0 * excess < (goals.excess_10 if len(model.structures) == 1 else goals.excess_5)


def test_vacancies_stay_where_they_are_and_at_rest(model: Model, subject: Subject) -> None:
    rng = np.random.default_rng(5_502)
    sites = subject.crystal.block(EDGE)
    relaxed = subject.work.relaxed(with_vacancies(sites, 3, rng))[0]
    rested = heal(relaxed, model, 64)
    if len(model.structures) == 1:
        assert np.linalg.norm(moves(rested, relaxed), axis=1).max() < Goals.of(subject.crystal).vacancy_move
    healed = heal(with_noise(relaxed, 0.1 * subject.crystal.nn, rng), model, 20)
    assert (occupation(healed.positions, sites) == occupation(relaxed.positions, sites)).all()


def test_a_hot_crystal_is_seen_as_what_it_is(model: Model, subject: Subject) -> None:
    sites = subject.crystal.block(EDGE)
    hot = subject.work.heated(sites, 0.8 * subject.melting_point, 0.5, 77_123, "iso")
    seen = observe(hot, model)
    assert (seen.labels == shells_of(subject.crystal.structure).label).all()
    if len(model.structures) == 1:  # a joint one counts with the coordination of its first structure
        assert (seen.vacancies, seen.interstitials) == (0.0, 0.0)


def test_fix_heal_knows_it_by_name_and_does_what_python_does(model: Model, subject: Subject, tmp_path: Path) -> None:
    sites = with_vacancies(subject.crystal.block(EDGE), 2, np.random.default_rng(5_503))
    start = with_noise(sites, 0.1 * subject.crystal.nn, np.random.default_rng(5_504))
    [mass] = model.masses or [1.0]
    lattice = "" if model.masses else f" lattice {model.lattice_constant!r}"
    script = crystal(tmp_path, start, mass=mass) + f"{DUMP}fix heal all heal {model.path.stem}{lattice}\nrun 4\n"
    done = lmp(tmp_path, script)
    assert done.exit_code == 0, done.output
    assert np.abs(done.dump("all.dump")[4] - heal(start, model, 4).positions).max() < 1e-5
