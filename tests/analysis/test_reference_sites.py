"""Wigner-Seitz counts of a healed crystal that drifts, is strained and turned."""

import ase.build
import numpy as np
import pytest
from ase import Atoms
from conftest import fcc, noisy
from scipy.spatial.transform import Rotation

import lammps_heal
from lammps_heal.analysis.nearest_sites import nearest_sites
from lammps_heal.analysis.reference_sites import ReferenceSites, SiteCount
from lammps_heal.evaluation.cells import with_dumbbell
from lammps_heal.model.model_file import Model

GONE = [17, 300, 611]
NEAREST = 3.92 / np.sqrt(2.0)  # Å


def counted(atoms: Atoms, sites: ReferenceSites | Atoms) -> SiteCount:
    """Without healing: all atoms are taken for regular."""
    if isinstance(sites, Atoms):
        sites = ReferenceSites(sites.positions, sites.cell[:], sites.numbers)
    regular = np.ones(len(atoms), bool)
    return sites.count(atoms.positions, atoms.numbers, atoms.cell[:], atoms.pbc, regular, NEAREST)


def empty(count: SiteCount) -> list[int]:
    return np.flatnonzero(count.occupation == 0).tolist()


def test_nearest_sites_are_those_of_a_search_through_all(rng: np.random.Generator) -> None:
    for extent in (1.0, 10.0, 1.0e7):
        sites, points = rng.uniform(0.0, extent, (400, 3)), rng.uniform(-3.0, extent + 3.0, (300, 3))
        distances = np.linalg.norm(points[:, None] - sites, axis=2)
        expected = np.where(distances.min(1) < 2.5, distances.argmin(1), -1)
        np.testing.assert_array_equal(nearest_sites(points, sites, 2.5), expected)
    points[3, 1], sites[0, 0] = np.nan, 1.0e300
    assert nearest_sites(points, sites, 2.5)[3] == -1
    assert (nearest_sites(points, sites[:0], 2.5) == -1).all()


@pytest.mark.parametrize("drift", [(0.0, 0.0, 0.0), (0.4, -0.3, 0.2), (1.96, 0.0, 0.0), (0.98, 0.98, 0.0), (40.1, -7.2, 3.3)])
def test_drift_is_taken_out(drift: tuple[float, ...], rng: np.random.Generator) -> None:
    """Also where half of the atoms are nearer to the next site; a whole lattice vector is none."""
    sites = fcc(6)
    crystal = noisy(sites, 0.1, rng)
    crystal.positions += drift
    del crystal[GONE]
    count = counted(crystal, sites)
    assert (count.vacancies, count.interstitials, count.frenkel_pairs) == (3, 0, 0)
    lattice = 2.0 * (count.drift - drift) / 3.92
    np.testing.assert_allclose(lattice, np.round(lattice), atol=0.02)
    assert int(np.round(lattice).sum()) % 2 == 0


def test_drift_is_followed_beyond_a_lattice_vector(rng: np.random.Generator) -> None:
    sites = fcc(6)
    following = ReferenceSites(sites.positions, sites.cell[:], sites.numbers)
    for step in range(12):
        crystal = noisy(sites, 0.1, rng)
        del crystal[GONE]
        crystal.positions += 0.5 * step
        assert empty(counted(crystal, following)) == GONE
    np.testing.assert_allclose(following.drift, 5.5, atol=0.02)


def test_the_sites_follow_strain_shear_and_rotation(rng: np.random.Generator) -> None:
    sites = fcc(6)
    turned = Rotation.from_euler("xyz", [20.0, 50.0, -70.0], degrees=True).as_matrix()
    strain = np.array([[1.03, 0.0, 0.0], [0.04, 1.0, 0.0], [0.0, 0.02, 0.98]])
    cell = sites.cell[:] @ strain @ turned.T
    crystal = sites.copy()
    crystal.set_cell(cell, scale_atoms=True)
    crystal = noisy(crystal, 0.1, rng)
    del crystal[GONE]
    count = counted(crystal, sites)
    assert empty(count) == GONE and count.interstitials == 0
    np.testing.assert_allclose(count.positions, sites.get_scaled_positions() @ cell + count.drift, atol=1e-9)


def test_open_directions_have_no_strain(rng: np.random.Generator) -> None:
    sites = ase.build.fcc100("Pt", (5, 5, 6), a=3.92, vacuum=5.0)
    crystal = noisy(sites, 0.05, rng)
    crystal.cell[2, 2] += 7.0
    crystal.positions[3] += [0.0, 0.0, -9.0]  # leaves for the vacuum
    count = counted(crystal, sites)
    assert (empty(count), count.n_beside, count.frenkel_pairs) == ([3], 1, 1)


def test_species_tell_antisites(rng: np.random.Generator) -> None:
    sites = fcc(4)
    sites.symbols[::2] = "Ni"
    crystal = noisy(sites, 0.1, rng)
    crystal.symbols[[10, 13]] = ["Pt", "Ni"]
    del crystal[40]
    count = counted(crystal, sites)
    assert np.flatnonzero(count.is_antisite).tolist() == [10, 13]
    assert (count.vacancies, count.table()["antisites"], count.is_defect.sum()) == (1, 2, 3)


def test_a_reference_that_does_not_fit_is_said(rng: np.random.Generator) -> None:
    other = ase.build.bulk("Pt", "bcc", a=3.1, cubic=True).repeat(6)
    with pytest.warns(UserWarning, match="from the reference's nearest sites, needed 0.69 Å or less"):
        counted(noisy(fcc(5), 0.1, rng), other)


def test_a_healed_copy_on_its_sites(model: Model, rng: np.random.Generator) -> None:
    """Thermal noise that hides both, a dumbbell and vacancies."""
    sites = fcc(6)
    hot = noisy(with_dumbbell(sites), 0.3, rng)
    del hot[GONE]
    hot.positions += [0.7, 0.0, 0.3]
    seen = lammps_heal.observe(hot, model, sites=sites)
    assert seen.sites is not None
    assert (empty(seen.sites), seen.sites.interstitials, seen.sites.frenkel_pairs) == (GONE, 1, 1)
    assert seen.table()["empty_sites"] == 3 and lammps_heal.observe(hot, model).sites is None
