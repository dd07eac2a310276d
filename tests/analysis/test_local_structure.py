"""Coordination and labels: perfect lattices, defects whose counts are known, and LAMMPS's and OVITO's own analysis."""

import importlib.util

import ase.build
import numpy as np
import pytest
from ase import Atoms
from conftest import fcc, noisy

from lammps_heal.analysis.energies import common_neighbours
from lammps_heal.analysis.local_structure import (
    BCC,
    CUBIC_DIAMOND,
    FCC,
    HCP,
    HEXAGONAL_DIAMOND,
    ICOSAHEDRAL,
    OTHER,
    SEARCH,
    SEARCH_DIAMOND,
    SHELLS,
    LocalStructure,
    Shells,
)
from lammps_heal.errors import HealError
from lammps_heal.step.crystal import PeriodicCrystal

NN = 3.92 / np.sqrt(2.0)  # Å, platinum


def structure_of(atoms: Atoms, shells: Shells, nearest: float, threads: int = 1) -> LocalStructure:
    reach = (SEARCH_DIAMOND if shells.is_diamond else SEARCH) * nearest
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, reach)
    return LocalStructure(*crystal.open_cluster(atoms.positions), shells, nearest, threads)


def labels(atoms: Atoms, structure: str = "fcc", nearest: float = NN) -> np.ndarray:
    return structure_of(atoms, SHELLS[structure], nearest).coordination_and_labels()[1]


LATTICES = {
    "fcc": (ase.build.bulk("Pt", "fcc", a=3.92, cubic=True), FCC),
    "bcc": (ase.build.bulk("W", "bcc", a=3.165, cubic=True), BCC),
    "hcp": (ase.build.bulk("Mg", "hcp", a=3.2, c=5.2), HCP),
    "diamond": (ase.build.bulk("Si", "diamond", a=5.43, cubic=True), CUBIC_DIAMOND),
}


@pytest.mark.parametrize("structure", LATTICES)
@pytest.mark.parametrize("sigma", [0.0, 0.02])
def test_perfect_lattices(structure: str, sigma: float, rng: np.random.Generator) -> None:
    unit, label = LATTICES[structure]
    shells = SHELLS[structure]
    atoms = noisy(unit.repeat(4), sigma, rng)
    nearest = shells.nearest * float(unit.cell.lengths()[0])
    for threads in (1, 3):
        coordination, found = structure_of(atoms, shells, nearest, threads).coordination_and_labels()
        assert (found == label).all() and (coordination == shells.coordination).all()


def test_hexagonal_diamond_and_an_icosahedron() -> None:
    nearest = 2.35
    wurtzite = ase.build.bulk("ZnS", "wurtzite", a=nearest * np.sqrt(8.0 / 3.0)).repeat(4)
    assert (labels(wurtzite, "diamond", nearest) == HEXAGONAL_DIAMOND).all()
    golden = (1.0 + np.sqrt(5.0)) / 2.0
    corners = [np.roll([0.0, a, b * golden], k) for k in range(3) for a in (-1, 1) for b in (-1, 1)]
    cluster = Atoms("Pt13", positions=[[0.0, 0.0, 0.0], *corners])
    cluster.positions *= NN / np.sqrt(1.0 + golden**2)
    assert labels(cluster).tolist() == [ICOSAHEDRAL, *12 * [OTHER]]


def test_what_a_vacancy_takes_from_its_neighbours() -> None:
    atoms = fcc(4)
    del atoms[0]
    coordination, found = structure_of(atoms, SHELLS["fcc"], NN).coordination_and_labels()
    assert np.bincount(coordination).tolist() == [*11 * [0], 12, len(atoms) - 12]
    assert (12 - coordination).sum() == 12
    assert (found == OTHER).sum() == 12 and (found == FCC).sum() == len(atoms) - 12


@pytest.mark.lammps
def test_labels_are_those_of_lammps(rng: np.random.Generator) -> None:
    """Of a crystal with vacancies and a molten region; LAMMPS's cutoff lies between the shells."""
    atoms = noisy(fcc(6), 0.03, rng)
    distance = np.linalg.norm(atoms.positions - 11.76, axis=1)  # from the middle
    molten = distance < 6.0
    atoms.positions[molten] += rng.normal(0.0, 0.5, (int(molten.sum()), 3))
    kept = np.sort(rng.choice(len(atoms), len(atoms) - 8, replace=False))
    atoms, distance = atoms[kept], distance[kept]
    expected = common_neighbours(atoms, 0.8536 * 3.92)
    found = labels(atoms)
    assert np.bincount(expected, minlength=6)[[FCC, OTHER]].min() > 50
    # LAMMPS's cutoff is the same everywhere, ours is each atom's own: at the rim of the melt they may differ.
    np.testing.assert_array_equal(found[distance > 10.0], expected[distance > 10.0])
    assert (expected[distance > 10.0] == OTHER).sum() > 20 and (found == expected).mean() > 0.98


@pytest.mark.skipif(importlib.util.find_spec("ovito") is None, reason="OVITO is an extra; .ci/run installs it")
@pytest.mark.parametrize("structure", ["fcc", "hcp", "bcc"])
def test_labels_are_those_of_ovitos_adaptive_analysis(structure: str, rng: np.random.Generator) -> None:
    from ovito.io.ase import ase_to_ovito
    from ovito.modifiers import CommonNeighborAnalysisModifier

    unit, label = LATTICES[structure]
    atoms = noisy(unit.repeat(8), 0.08, rng)
    del atoms[rng.choice(len(atoms), 5, replace=False)]
    data = ase_to_ovito(atoms)
    data.apply(CommonNeighborAnalysisModifier(mode=CommonNeighborAnalysisModifier.Mode.AdaptiveCutoff))
    expected = np.array(data.particles["Structure Type"])
    numbers = {"fcc": 1, "hcp": 2, "bcc": 3}  # OVITO's
    nearest = SHELLS[structure].nearest * float(unit.cell.lengths()[0])
    found = labels(atoms, structure, nearest)
    assert 0.05 < (found == label).mean() < 1.0
    np.testing.assert_array_equal(found == label, expected == numbers[structure])


def test_the_average_over_bonded_atoms(rng: np.random.Generator) -> None:
    atoms = noisy(fcc(3), 0.05, rng)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, SEARCH * NN)
    cluster = crystal.open_cluster(atoms.positions)
    values = rng.normal(size=len(atoms))
    structure = LocalStructure(*cluster, SHELLS["fcc"], NN)
    averages = structure.bonded_average(crystal.forward(values[:, None])[:, 0])
    distances = atoms.get_all_distances(mic=True)
    bonded = distances < SHELLS["fcc"].bond * NN  # an atom is among those that its own average is over
    np.testing.assert_allclose(averages, (bonded @ values) / bonded.sum(1), atol=1e-12)
    with pytest.raises(ValueError, match="needed one for each of"):
        structure.bonded_average(values)


def test_isolated_crowded_and_absent_atoms() -> None:
    assert labels(Atoms("Pt2", positions=[[0, 0, 0], [50, 0, 0]])).tolist() == [OTHER, OTHER]
    crowded = Atoms("Pt64", positions=np.random.default_rng(1).uniform(0.0, 3.0, (64, 3)))
    assert (labels(crowded) == OTHER).all()
    assert len(labels(Atoms())) == 0
    atoms = fcc(2)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, SEARCH * NN)
    with pytest.raises(HealError, match="must be lengths above 0 Å"):
        LocalStructure(*crystal.open_cluster(atoms.positions), SHELLS["fcc"], float("nan")).coordination_and_labels()
