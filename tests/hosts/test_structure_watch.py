"""A crystal of another structure than the model's: all hosts say the same, once."""

import warnings
from collections.abc import Callable
from pathlib import Path

import ase.build
import numpy as np
import pytest
from ase import Atoms
from conftest import MODEL, noisy
from lammps_runs import crystal, lmp
from networks import rewritten

from lammps_heal.analysis.other_structure import label_problem
from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.hosts.ase_optimizer import Healing
from lammps_heal.hosts.formats.structure import make_structure
from lammps_heal.hosts.input_checks import look_at
from lammps_heal.model.model_file import Model, load

STEPS = 5
NN = 3.92 / np.sqrt(2.0)
# Crystal, model, and its lattice constant for the crystal's nearest-neighbour distance, Å; what is said, or nothing.
DIAMOND = ase.build.bulk("Si", "diamond", a=5.43, cubic=True).repeat(3)
BCC = ase.build.bulk("W", "bcc", a=NN / np.sqrt(0.75), cubic=True).repeat(5)
FCC = ase.build.bulk("Pt", "fcc", a=3.92, cubic=True).repeat(4)
HCP = ase.build.bulk("Mg", "hcp", a=NN, c=NN * np.sqrt(8.0 / 3.0), orthorhombic=True).repeat((5, 3, 3))
DESTROYS = "(the 4 nearest at 0.71 of the mean distance of the 12 nearest), and this model would destroy it"
CASES: dict[str, tuple[Atoms, str, float, str]] = {
    "diamond to fcc": (DIAMOND, "fcc", 3.92, DESTROYS),
    "bcc to fcc": (BCC, "fcc", 3.92, "100% of the atoms have neighbours as in bcc, 0% as in fcc, which the model is of"),
    "fcc to hcp": (FCC, "hcp", NN, "use a model of fcc"),
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


def test_atoms_that_are_no_crystal_are_healed_without_a_word(model: Model) -> None:
    """None of them has as many neighbours as are looked at."""
    pair = Atoms("Pt2", [[0.0, 0.0, 0.0], [2.5, 0.0, 0.0]])
    assert warned(lambda: heal(pair, model, steps=STEPS)) == []


@pytest.mark.lammps
@pytest.mark.mpi
@pytest.mark.parametrize("case", ["diamond to fcc", "bcc to fcc"])
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
    """The platinum model, which claims to be of three structures."""
    path = tmp_path / "joint.pt"
    path.write_bytes(MODEL.read_bytes())

    def claim(entries: dict[str, bytes]) -> None:
        entries["metadata.txt"] += b"structures fcc bcc hcp\n"

    return load(rewritten(path, claim))


@pytest.mark.lammps
def test_a_joint_model_takes_any_of_its_structures(joint: Model, tmp_path: Path, rng: np.random.Generator) -> None:
    start = noisy(BCC, 0.05, rng)
    assert warned(lambda: heal(start, joint.scaled(3.92), STEPS)) == []
    done = lmp(tmp_path, crystal(tmp_path, start) + f"fix heal all heal {joint.path} lattice 3.92\nrun {STEPS}")
    assert done.exit_code == 0 and "WARNING: fix heal" not in done.output, done.output
    said = label_problem(joint.structures, np.array([0, 10, 5, 5, 0, 0, 80, 0]))
    assert "80% of the atoms have neighbours as in diamond, 20% as in fcc or hcp or bcc" in said


@pytest.mark.parametrize("atoms", [FCC, BCC, HCP], ids=["fcc", "bcc", "hcp"])
def test_a_joint_model_finds_the_nearest_neighbour_distance_of_any_metal(joint: Model, atoms: Atoms) -> None:
    start = atoms.copy()
    start.set_cell(1.1 * atoms.cell[:], scale_atoms=True)
    of_type_1 = np.ones(len(start), int)
    structure = make_structure("", start.cell[:], np.zeros(3), ("pp",) * 3, None, of_type_1, start.positions, (None,), (0.0,))
    found = look_at(structure, joint, None, auto=True)
    assert found.lattice == pytest.approx(1.1 * 3.92, rel=2e-3)
    assert found.warnings == found.ruin == []
