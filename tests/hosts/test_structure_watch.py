"""A crystal of another structure than the model's: all hosts say the same, once."""

import warnings
from collections.abc import Callable
from pathlib import Path

import ase.build
import numpy as np
import pytest
from ase import Atoms
from conftest import noisy
from lammps_runs import crystal, lmp
from networks import claiming

from lammps_heal.analysis.other_structure import distance_problem, label_problem, ratio_problem, ratios
from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.hosts.ase_optimizer import Healing
from lammps_heal.hosts.formats.structure import Structure, make_structure
from lammps_heal.hosts.input_checks import look_at
from lammps_heal.model.model_file import Model, load
from lammps_heal.step.crystal import PeriodicCrystal

STEPS = 5
NN = 3.92 / np.sqrt(2.0)
# Crystal, model, and its lattice constant for the crystal's nearest-neighbour distance, Å; what is said, or nothing.
DIAMOND = ase.build.bulk("Si", "diamond", a=5.43, cubic=True).repeat(3)
BCC = ase.build.bulk("W", "bcc", a=NN / np.sqrt(0.75), cubic=True).repeat(5)
FCC = ase.build.bulk("Pt", "fcc", a=3.92, cubic=True).repeat(4)
HCP = ase.build.bulk("Mg", "hcp", a=NN, c=NN * np.sqrt(8.0 / 3.0), orthorhombic=True).repeat((5, 3, 3))
DESTROYS = "(the 4 nearest at 0.71 of the mean distance of the 12 nearest), and this model would destroy it"
OF_DIAMOND = 4.0 / np.sqrt(3.0) * NN
METAL = "the crystal is no diamond one: neighbours are as in a close-packed crystal or its melt (the 4 nearest at 0.9"
CASES: dict[str, tuple[Atoms, str, float, str]] = {
    "diamond to fcc": (DIAMOND, "fcc", 3.92, DESTROYS),
    "bcc to fcc": (BCC, "fcc", 3.92, "100% of the atoms have neighbours as in bcc, 0% as in fcc, which the model is of"),
    "fcc to hcp": (FCC, "hcp", NN, "use a model of fcc"),
    "fcc to diamond": (FCC, "diamond", OF_DIAMOND, METAL),
    "bcc to diamond": (BCC, "diamond", OF_DIAMOND, METAL),
    "hcp to diamond": (HCP, "diamond", OF_DIAMOND, METAL),
    "diamond to diamond": (DIAMOND, "diamond", 5.43, ""),
    "fcc to fcc": (FCC, "fcc", 3.92, ""),
    "bcc to bcc": (BCC, "bcc", NN / np.sqrt(0.75), ""),
}


def warned(work: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    return [str(one.message) for one in caught]


@pytest.mark.parametrize("case", CASES)
def test_python_warns_once(case: str, rng: np.random.Generator) -> None:
    atoms, name, lattice, words = CASES[case]
    start, model = noisy(atoms, 0.1, rng), load(name, lattice=lattice)
    said = warned(lambda: heal(start, model, STEPS))
    assert len(said) == (1 if words else 0)
    assert words in "".join(said)
    assert warned(lambda: Healing(start.copy(), model, logfile=None).run(0.0, STEPS)) == said


@pytest.mark.parametrize(
    "atoms, part, words",
    [(FCC, 0.11, "is no diamond one"), (BCC, 0.11, "is no diamond one"), (HCP, 0.11, "is no diamond one"), (DIAMOND, 0.25, "")],
    ids=["fcc", "bcc", "hcp", "diamond"],
)
def test_noise_does_not_hide_a_metal_from_a_model_of_diamond(
    atoms: Atoms, part: float, words: str, rng: np.random.Generator
) -> None:
    """part: of the nearest-neighbour distance, which is the noise."""
    shortest = float(atoms.get_all_distances(mic=True)[0, 1:].min())
    start = noisy(atoms, part * shortest, rng)
    cluster = PeriodicCrystal(start.cell[:], start.pbc, 2.5 * shortest).open_cluster(start.positions)
    said = distance_problem(("diamond",), ratios(*cluster, np.ones(len(start), bool)))
    assert words in said and bool(words) == bool(said)


@pytest.mark.parametrize("ratio", [0.7, 0.95])
def test_a_joint_model_of_open_and_close_packed_structures_takes_both(ratio: float) -> None:
    assert ratio_problem(("fcc", "diamond"), ratio) == ratio_problem(("fcc", "A15"), ratio) == ""
    assert [bool(ratio_problem((name,), ratio)) for name in ("fcc", "diamond")] == [ratio < 0.8, ratio > 0.8]


def test_atoms_that_are_no_crystal_are_healed_without_a_word(model: Model) -> None:
    """None of them has as many neighbours as are looked at."""
    pair = Atoms("Pt2", [[0.0, 0.0, 0.0], [2.5, 0.0, 0.0]])
    assert warned(lambda: heal(pair, model, steps=STEPS)) == []


@pytest.mark.lammps
@pytest.mark.mpi
@pytest.mark.parametrize("case", ["diamond to fcc", "bcc to fcc", "bcc to diamond", "diamond to diamond"])
def test_fix_heal_says_the_same_on_any_number_of_ranks(case: str, tmp_path: Path, rng: np.random.Generator) -> None:
    atoms, name, lattice, _ = CASES[case]
    start = noisy(atoms, 0.1, rng)
    expected = warned(lambda: heal(start, load(name, lattice=lattice), STEPS))
    for ranks in (1, 2):
        done = lmp(tmp_path, crystal(tmp_path, start) + f"fix heal all heal {name} lattice {lattice}\nrun 3\nrun 2", ranks)
        lines = [line for line in done.output.splitlines() if line.startswith("WARNING: fix heal: ")]
        assert [line.removeprefix("WARNING: fix heal: ").rsplit(" (", 1)[0] for line in lines] == expected


@pytest.fixture
def joint(tmp_path: Path) -> Model:
    return claiming(tmp_path / "joint.pt", "fcc bcc hcp")


@pytest.mark.lammps
def test_a_joint_model_takes_any_of_its_structures(joint: Model, tmp_path: Path, rng: np.random.Generator) -> None:
    start = noisy(BCC, 0.05, rng)
    assert warned(lambda: heal(start, joint.scaled(3.92), STEPS)) == []
    done = lmp(tmp_path, crystal(tmp_path, start) + f"fix heal all heal {joint.path} lattice 3.92\nrun {STEPS}")
    assert done.exit_code == 0 and "WARNING: fix heal" not in done.output, done.output
    said = label_problem(joint.structures, np.array([0, 10, 5, 5, 0, 0, 80, 0]))
    assert "80% of the atoms have neighbours as in diamond, 20% as in fcc or hcp or bcc" in said


def as_read(atoms: Atoms, scale: float) -> Structure:
    """As from a file that names no element; scale: of all lengths."""
    of_type_1, cell = np.ones(len(atoms), int), scale * atoms.cell[:]
    return make_structure("", cell, np.zeros(3), ("pp",) * 3, None, of_type_1, scale * atoms.positions, (None,), (0.0,))


@pytest.mark.parametrize("atoms", [FCC, BCC, HCP, DIAMOND], ids=["fcc", "bcc", "hcp", "diamond"])
def test_a_file_is_not_healed_by_a_model_that_destroys_it(atoms: Atoms, rng: np.random.Generator) -> None:
    found = look_at(as_read(noisy(atoms, 0.1, rng), 1.0), load("diamond"), None, auto=True)
    assert found.ruin == [] if atoms is DIAMOND else METAL in found.ruin[0]


@pytest.mark.parametrize("atoms", [FCC, BCC, HCP], ids=["fcc", "bcc", "hcp"])
def test_a_joint_model_finds_the_nearest_neighbour_distance_of_any_metal(joint: Model, atoms: Atoms) -> None:
    found = look_at(as_read(atoms, 1.1), joint, None, auto=True)
    assert found.lattice == pytest.approx(1.1 * 3.92, rel=2e-3)
    assert found.warnings == found.ruin == []
