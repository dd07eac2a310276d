"""Observing under a joint model: each atom is counted by the structure that it is of, in Python and by fix heal."""

from pathlib import Path

import ase.build
import numpy as np
import pytest
from ase import Atoms
from conftest import noisy
from fix_heal_runs import SAME
from lammps_runs import crystal, lmp
from networks import claiming

import lammps_heal
from lammps_heal.analysis.joint_structure import distinct_shells
from lammps_heal.analysis.local_structure import CUBIC_DIAMOND, SHELLS
from lammps_heal.analysis.local_structure import FCC as FCC_LABEL
from lammps_heal.analysis.observation import Observation
from lammps_heal.errors import HealError
from lammps_heal.model.model_file import Model, load

NN = 2.77  # Å, of all the crystals
LATTICE = NN * 2.0**0.5  # Å, that a joint model takes
FCC_CELL = ase.build.bulk("Pt", "fcc", a=LATTICE, cubic=True)
BCC_CELL = ase.build.bulk("W", "bcc", a=NN / np.sqrt(0.75), cubic=True)
FCC, BCC = FCC_CELL.repeat(6), BCC_CELL.repeat(6)
HCP = ase.build.bulk("Mg", "hcp", a=NN, c=1.63 * NN, orthorhombic=True).repeat((7, 4, 4))
DIAMOND = ase.build.bulk("Si", "diamond", a=4.0 * NN / np.sqrt(3.0), cubic=True).repeat(3)
SIDE = 0.5 * (5 * FCC_CELL.cell[0, 0] + 6 * BCC_CELL.cell[0, 0])  # Å; 1 % from the cells of either
APART = [10, 200, 330]  # vacancies that share no neighbour
COLUMNS = "dump seen all custom 1 seen.dump id f_seen[*]\ndump_modify seen format float %.17g\n"
VECTOR = [f"f_seen[{n}]" for n in range(1, 13)]
THERMO = f"thermo_style custom step {' '.join(VECTOR)}\nthermo_modify format float %.15g\n"


@pytest.fixture(scope="module")
def metals() -> Model:
    return load("metals", lattice=LATTICE)


def film(atoms: Atoms, repeat: tuple[int, int, int], vacancies: int) -> Atoms:
    """Of a crystal, strained to SIDE along x and y, with vacancies that share no neighbour in its middle."""
    film = atoms.repeat(repeat)
    film.set_cell(np.diag([SIDE, SIDE, film.cell[2, 2]]), scale_atoms=True)
    middle = film.positions.mean(0)
    places = middle + SIDE * np.array([[0.0, 0.0, 0.0], [0.4, 0.0, 0.0], [0.0, 0.4, 0.0]])[:vacancies]
    del film[[int(np.linalg.norm(film.positions - place, axis=1).argmin()) for place in places]]
    return film


def mixture(of_fcc: int = 0, of_bcc: int = 0) -> Atoms:
    """A film of fcc and one of bcc, with so many vacancies."""
    lower, upper = film(FCC_CELL, (5, 5, 6), of_fcc), film(BCC_CELL, (6, 6, 7), of_bcc)
    upper.positions += [0.0, 0.0, lower.cell[2, 2] + 6.0]
    both = lower + upper
    both.symbols[:] = "Pt"
    both.positions += [0.0, 0.0, 3.0]
    both.set_cell(np.diag([SIDE, SIDE, lower.cell[2, 2] + upper.cell[2, 2] + 12.0]))
    both.pbc = [True, True, False]
    return both


@pytest.mark.parametrize("atoms, n_bonds", [(FCC, 12), (BCC, 14), (HCP, 12)], ids=["fcc", "bcc", "hcp"])
@pytest.mark.parametrize("sigma", [0.0, 0.25])
def test_the_coordination_of_a_crystal_is_its_own(
    atoms: Atoms, n_bonds: int, sigma: float, metals: Model, rng: np.random.Generator
) -> None:
    seen = lammps_heal.observe(noisy(atoms, sigma, rng), metals)
    assert (seen.coordination == n_bonds).all() and seen.is_regular.all()
    assert (seen.vacancies, seen.interstitials) == (0.0, 0.0)
    damaged = atoms.copy()
    del damaged[APART]
    seen = lammps_heal.observe(noisy(damaged, sigma, rng), metals)
    assert (round(seen.vacancies, 6), seen.interstitials) == (3.0, 0.0)
    irregular = (seen.coordination < n_bonds).sum()
    assert (~seen.is_regular).sum() == irregular <= 3 * n_bonds


def test_vacancies_in_both_phases_of_a_mixture(metals: Model, rng: np.random.Generator) -> None:
    """Atoms of surfaces lack neighbours too, as many before as after."""
    before = lammps_heal.observe(mixture(), metals)
    for of_fcc, of_bcc in ((1, 0), (0, 1), (3, 2)):
        seen = lammps_heal.observe(noisy(mixture(of_fcc, of_bcc), 0.1, rng), metals)
        assert seen.vacancies - before.vacancies == pytest.approx(of_fcc + of_bcc, abs=1e-6)
        assert seen.interstitials == 0.0


def require_same(folder: Path, atoms: Atoms, ranks: int, model: str = "metals") -> Observation:
    """fix heal sees what Python sees."""
    seen = lammps_heal.observe(atoms, load(model, lattice=LATTICE))
    script = f"fix seen all heal {model} lattice {LATTICE!r} observe\n{COLUMNS}{THERMO}run 0"
    done = lmp(folder, crystal(folder, atoms) + script, ranks)
    assert done.exit_code == 0, done.output
    lengths = np.linalg.norm(seen.displacement, axis=1)
    expected = np.column_stack([seen.positions, lengths, seen.coordination, seen.labels, seen.residual])
    np.testing.assert_allclose(done.dump("seen.dump")[0], expected, atol=SAME)
    counts = [seen.count_of_label.get(label, 0) for label in range(1, 8)]
    estimates = [(~seen.is_regular).sum(), seen.vacancies, seen.interstitials, seen.is_doubtful.sum()]
    counted = [done.thermo()[name][0] for name in VECTOR]
    np.testing.assert_allclose(counted, [seen.rms_displacement, *counts, *estimates], atol=SAME)
    return seen


@pytest.mark.lammps
@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 3])
def test_fix_heal_counts_the_same(ranks: int, tmp_path: Path, rng: np.random.Generator) -> None:
    damaged = BCC.copy()
    del damaged[APART]
    seen = require_same(tmp_path, noisy(damaged, 0.25, rng), ranks)
    assert (round(seen.vacancies, 6), seen.interstitials) == (3.0, 0.0)
    seen = require_same(tmp_path, noisy(mixture(2, 1), 0.1, rng), ranks)
    assert set(seen.own.tolist()) == {0, 1}


@pytest.mark.lammps
@pytest.mark.parametrize("atoms, label, n_bonds", [(FCC, FCC_LABEL, 12), (DIAMOND, CUBIC_DIAMOND, 4)], ids=["fcc", "diamond"])
def test_open_structures_beside_close_packed_ones(tmp_path: Path, atoms: Atoms, label: int, n_bonds: int) -> None:
    """At rest, where the platinum model moves no atom of diamond either, by symmetry."""
    joint = claiming(tmp_path / "joint.pt", "fcc diamond")
    seen = require_same(tmp_path, atoms, 1, str(joint.path))
    assert (seen.labels == label).all() and (seen.coordination == n_bonds).all() and seen.is_regular.all()


def test_structures_of_equal_coordination_are_counted_together() -> None:
    assert distinct_shells(("fcc", "bcc", "hcp", "L1_2")) == (SHELLS["fcc"], SHELLS["bcc"])
    assert distinct_shells(("hcp",)) == (SHELLS["hcp"],)
    with pytest.raises(HealError, match="labels know fcc, hcp, bcc"):
        distinct_shells(("fcc", "A15"))
