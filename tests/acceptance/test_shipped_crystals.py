"""The shipped models of other crystals than fcc: what each is asked of its own crystal, under its own potential."""

from pathlib import Path

import numpy as np
import pytest
from lammps_runs import DUMP, crystal, lmp

from lammps_heal.analysis.local_structure import shells_of
from lammps_heal.analysis.sites import occupation
from lammps_heal.crystals.acceptance import Goals, moves, with_noise
from lammps_heal.crystals.cases import names_its_potential, recorded_crystals
from lammps_heal.crystals.defects import with_vacancies
from lammps_heal.crystals.fit import Subject
from lammps_heal.hosts.ase_atoms import heal, observe
from lammps_heal.model.model_file import Model, load
from lammps_heal.model.names import model_path, shipped_names
from lammps_heal.step.backends import AGREEMENT, verify

NAMES = [name for name in shipped_names() if name != "fcc"]
LARGEST_FILE = 1_000_000  # bytes
EDGE = 7.0  # nn

pytestmark = [pytest.mark.acceptance, pytest.mark.lammps]


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest) -> Model:
    return load(request.param)


@pytest.fixture(scope="module")
def subject(model: Model) -> Subject:
    assert names_its_potential(model)
    return Subject.of(recorded_crystals(model)[0])


def test_every_structure_that_labels_know_has_a_model() -> None:
    assert {"fcc", "bcc", "hcp", "diamond"} <= set(shipped_names())


def test_the_file_is_small_says_what_it_is_of_and_its_parts_agree(model: Model, subject: Subject) -> None:
    assert model_path(model.path).stat().st_size < LARGEST_FILE
    assert model.structure == subject.crystal.structure
    assert model.lattice_constant == pytest.approx(subject.crystal.lattice_constant, rel=1e-4)
    assert model.training["acceptance"]
    assert max(difference for _, difference in verify(model)) < AGREEMENT


def test_noise_goes(model: Model, subject: Subject) -> None:
    sites = subject.crystal.block(EDGE)
    start = with_noise(sites, 0.11 * subject.crystal.nn, np.random.default_rng(5_501))
    excess = subject.work.energy(heal(start, model, 10)) - subject.work.energy(sites)
    assert 0.0 <= 1000.0 * excess < Goals.of(subject.crystal).excess_10


def test_vacancies_stay_where_they_are_and_at_rest(model: Model, subject: Subject) -> None:
    rng = np.random.default_rng(5_502)
    sites = subject.crystal.block(EDGE)
    relaxed = subject.work.relaxed(with_vacancies(sites, 3, rng))[0]
    rested = heal(relaxed, model, 64)
    assert np.linalg.norm(moves(rested, relaxed), axis=1).max() < Goals.of(subject.crystal).vacancy_move
    healed = heal(with_noise(relaxed, 0.1 * subject.crystal.nn, rng), model, 20)
    assert (occupation(healed.positions, sites) == occupation(relaxed.positions, sites)).all()


def test_a_hot_crystal_is_seen_as_what_it_is(model: Model, subject: Subject) -> None:
    sites = subject.crystal.block(EDGE)
    hot = subject.work.heated(sites, 0.8 * subject.melting_point, 0.5, 77_123, "iso")
    seen = observe(hot, model)
    assert (seen.labels == shells_of(model.structure).label).all()
    assert (seen.vacancies, seen.interstitials) == (0.0, 0.0)


def test_fix_heal_knows_it_by_name_and_does_what_python_does(model: Model, subject: Subject, tmp_path: Path) -> None:
    sites = with_vacancies(subject.crystal.block(EDGE), 2, np.random.default_rng(5_503))
    start = with_noise(sites, 0.1 * subject.crystal.nn, np.random.default_rng(5_504))
    [mass] = model.masses
    script = crystal(tmp_path, start, mass=mass) + f"{DUMP}fix heal all heal {model.path.stem}\nrun 4\n"
    done = lmp(tmp_path, script)
    assert done.exit_code == 0, done.output
    assert np.abs(done.dump("all.dump")[4] - heal(start, model, 4).positions).max() < 1e-5
