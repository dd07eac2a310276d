"""The C++ healing step without LAMMPS: over fake backends and communicators, and of a model's record."""

import subprocess

import pytest
from conftest import MODEL
from plugin_programs import compiled

from lammps_heal.compiling import PARTS

pytestmark = pytest.mark.sanitize

SOURCES = ["healing_step", "kernel_backend", "model_archive", "model_names", "periodic_crystal", "soft_floor", "zip_archive"]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of step_checks.cpp."""
    program = compiled(tmp_path_factory.mktemp("step"), "step_checks", SOURCES, PARTS["kernel"].path())
    done = subprocess.run([program, MODEL], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def values(said: list[str], name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in said if line.startswith(f"{name} ")]


@pytest.mark.parametrize(
    "failing, problem",
    [
        ("", ""),
        ("forces", "no forces"),
        ("layer", "no layer"),
        ("memory", "the memory does not suffice"),
        ("finite", "the displacement of atom 11 is not finite: the model is damaged, export it anew"),
        (
            "overlap",
            "atom 11 and atom 13 overlap, at (0.000, 0.000, 0.000) Å, 2 Å apart: "
            'delete one of them ("delete_atoms overlap 0.0001 all all")',
        ),
    ],
)
def test_what_fails_is_said_at_the_end_and_communication_goes_on(said: list[str], failing: str, problem: str) -> None:
    """Ranks wait for each other: one that failed must not leave the others waiting."""
    assert values(said, f"failing:{failing}") == [f"1 2 {problem}"]


def test_displacements_are_capped_with_their_direction(said: list[str]) -> None:
    (capped,) = values(said, "capped")
    assert capped.split()[0] == "3"  # all local atoms
    assert [float(word) for word in capped.split()[1:]] == pytest.approx([0.5, 0.5])


def test_centres_are_atoms_that_move_and_their_neighbours(said: list[str]) -> None:
    moving = 4.0 * 14.0**0.5  # (1, 2, 3), doubled by two layers
    expected = [(2, moving, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0)]
    for line, numbers in zip(values(said, "moving"), expected, strict=True):
        assert [float(word) for word in line.split()] == pytest.approx(numbers, rel=1e-5)


def test_the_floor_costs_what_is_near(said: list[str]) -> None:
    """One reduction where no pair is near, two where none is brought too near, then one a sweep; layers forward twice."""
    held, far, alike, alike_far = ([float(word) for word in line.split()] for line in values(said, "floor"))
    along = 0.5 / 14.0**0.5  # Å, toward the next atom, of (1, 2, 3) shortened to 0.5 Å
    assert held[0] - 1 == held[1] - 2 and 3 <= held[0] - 1 <= 10
    assert held[2] == pytest.approx(0.0, abs=5e-4) and held[2] > 0.0  # halved by each sweep
    assert held[3] == pytest.approx(held[4], rel=1e-12) and held[5] == 0.0
    assert far[:2] == alike_far[:2] == [1, 2] and alike[:2] == [2, 3]
    assert far[2] == alike[2] == alike_far[2] == pytest.approx(along)


def test_the_kernel_gives_the_record_of_the_shipped_model(said: list[str]) -> None:
    (difference,) = values(said, "difference")
    assert 0.0 < float(difference) < 1e-5  # Å; the plugin allows 1e-4


def test_a_periodic_crystal_in_another_cell_of_its_lattice(said: list[str]) -> None:
    (difference,) = values(said, "skewed")
    assert float(difference) < 1e-5  # Å


def test_a_flat_cell_is_refused(said: list[str]) -> None:
    assert values(said, "flat") == 3 * ["the cell of its record is singular or too small"]
