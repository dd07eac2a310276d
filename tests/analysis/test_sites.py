import numpy as np
import pytest
from conftest import fcc, noisy

from lammps_heal.analysis.sites import count_defects, read_structures, vectors_to_sites
from lammps_heal.errors import HealError


def test_a_noisy_crystal_has_no_defects(rng: np.random.Generator) -> None:
    sites = fcc(3)
    found = count_defects(noisy(sites, 0.1, rng).positions, sites)
    assert (found.vacancies, found.interstitials) == (0, 0)


def test_a_missing_and_an_added_atom_are_counted() -> None:
    sites = fcc(3)
    positions = np.delete(sites.positions, [4, 9, 20], axis=0)
    positions = np.vstack([positions, sites.positions[50] + np.array([0.4, 0.0, 0.0])])
    found = count_defects(positions, sites)
    assert (found.vacancies, found.interstitials) == (3, 1)


def test_atoms_outside_the_cell_are_counted_at_their_images() -> None:
    sites = fcc(3)
    positions = sites.positions + np.array([2.0, -1.0, 3.0]) @ sites.cell[:]
    assert count_defects(positions, sites).vacancies == 0


def test_far_from_any_site_is_refused() -> None:
    sites = fcc(3)
    sites.pbc = False
    with pytest.raises(HealError, match="the reference does not fit"):
        count_defects(sites.positions + 100.0, sites)


def test_vectors_lead_to_the_sites(rng: np.random.Generator) -> None:
    sites = fcc(3)
    moved = noisy(sites, 0.2, rng)
    np.testing.assert_allclose(vectors_to_sites(moved.positions, sites), sites.positions - moved.positions, atol=1e-10)


def test_atoms_that_changed_places_go_to_the_nearer_site() -> None:
    sites = fcc(3)
    positions = sites.positions.copy()
    positions[[0, 1]] = positions[[1, 0]]
    np.testing.assert_allclose(vectors_to_sites(positions, sites), 0.0, atol=1e-10)


def test_a_site_wanted_twice_goes_to_one_atom_only() -> None:
    sites = fcc(3)
    positions = sites.positions.copy()
    # Atom 0 has gone 60 % of the way to its neighbour's site: both are nearest to that one.
    neighbour = int(np.argsort(np.linalg.norm(positions - positions[0], axis=1))[1])
    positions[0] += 0.6 * (positions[neighbour] - positions[0])
    vectors = vectors_to_sites(positions, sites)
    np.testing.assert_allclose(positions + vectors, sites.positions, atol=1e-10)


def test_a_missing_file_names_the_command_that_makes_it() -> None:
    with pytest.raises(HealError, match="make data"):
        read_structures("no_such_file.xyz")
