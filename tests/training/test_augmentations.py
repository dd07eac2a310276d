import numpy as np
import pytest
from ase.geometry import find_mic
from ase.neighborlist import neighbor_list
from conftest import LATTICE_CONSTANT, fcc

from lammps_heal.analysis.sites import count_defects, site_distances, vectors_to_sites
from lammps_heal.crystals.crystal import guess
from lammps_heal.training.augmentations import (
    HOP,
    frenkel_pair,
    hop_configuration,
    inhomogeneous_sigmas,
    long_wavelength_displacement,
    wave,
)
from lammps_heal.training.lengths import Lengths

LENGTHS = Lengths()


def test_inhomogeneous_noise_is_quiet_in_places_and_reaches_the_sigma_drawn(rng: np.random.Generator) -> None:
    crystal = fcc(6)
    for _ in range(40):
        sigmas = inhomogeneous_sigmas(crystal, 0.4, LENGTHS, rng)
        assert sigmas.min() >= 0.0 and sigmas.max() == pytest.approx(0.4, rel=0.1)
        assert sigmas.min() < 0.21


@pytest.mark.parametrize("seed", range(8))  # spheres and waves
def test_inhomogeneous_noise_is_the_same_for_every_image_of_an_atom(seed: int) -> None:
    crystal = fcc(4)
    crystal.set_cell(crystal.cell[:] + np.array([[0, 0, 0], [2.0, 0, 0], [0, 1.5, 0]]), scale_atoms=True)
    images = crystal.copy()
    images.positions += np.random.default_rng(99).integers(-1, 2, (len(images), 3)) @ images.cell[:]
    first, second = (inhomogeneous_sigmas(atoms, 0.4, LENGTHS, np.random.default_rng(seed)) for atoms in (crystal, images))
    np.testing.assert_allclose(first, second, atol=1e-9)
    assert first.std() > 0.02


def test_a_wave_goes_on_across_the_faces_of_the_cell(rng: np.random.Generator) -> None:
    crystal = fcc(8)
    i, j, d = neighbor_list("ijd", crystal, 3.0)
    # Half the range times the wave vector: at most one period along each side of the cube.
    steepest = 0.5 * 2.0 * np.pi * np.sqrt(3.0) / crystal.cell[0, 0]
    for _ in range(20):
        profile = wave(crystal, rng)
        assert (np.abs(profile[i] - profile[j]) <= steepest * d).all()
        assert np.ptp(profile) > 0.8


def test_a_frenkel_pair_is_one_vacancy_and_a_dumbbell_near_it(rng: np.random.Generator) -> None:
    sites, lengths = fcc(5), []
    for reach in np.repeat([3.0, 6.5, 7.5], 10):
        damaged = sites.copy()
        damaged.positions = frenkel_pair(sites, reach, LENGTHS, rng)
        found = count_defects(damaged.positions, sites)
        assert (found.vacancies, found.interstitials) == (1, 1)
        nearest = site_distances(damaged.positions, sites, 1)[1][:, 0]
        occupation = np.bincount(nearest, minlength=len(sites))
        vacancy, dumbbell = int(occupation.argmin()), int(occupation.argmax())
        assert 2.0 < sites.get_distance(vacancy, dumbbell, mic=True) < reach
        pair = find_mic(damaged.positions[nearest == dumbbell] - sites.positions[dumbbell], sites.cell)[0]
        np.testing.assert_allclose(pair[0], -pair[1], atol=1e-9)  # on either side of the site
        lengths.append(np.linalg.norm(pair[0]))
        # All other atoms are where they were.
        assert (np.linalg.norm(damaged.positions - sites.positions, axis=1) > 1e-9).sum() == 2
        # What a training is to learn: assignment to the sites gives the clean crystal.
        recombined = damaged.positions + vectors_to_sites(damaged.positions, sites)
        np.testing.assert_array_equal(np.sort(site_distances(recombined, sites, 1)[1][:, 0]), np.arange(len(sites)))
        assert site_distances(recombined, sites, 1)[0].max() < 1e-9
    assert min(lengths) < 0.2 * LENGTHS.longest_split and 0.8 * LENGTHS.longest_split < max(lengths) <= LENGTHS.longest_split


@pytest.mark.parametrize("vacancies", [(7, 60), (0, 1, 2)])  # far from each other; each beside the other two
def test_a_hopping_atom_is_nearer_to_its_own_site_than_to_another(vacancies: tuple[int, ...], rng: np.random.Generator) -> None:
    perfect = fcc(3)
    sites = perfect[np.delete(np.arange(len(perfect)), vacancies)]
    parts, missing = [], set()
    for _ in range(30):
        positions = hop_configuration(sites, LENGTHS, rng)
        assert positions is not None
        moved = np.linalg.norm(positions - sites.positions, axis=1)
        assert (moved > 1e-9).sum() == 1
        atom = int(moved.argmax())
        vectors, distances = find_mic(perfect.positions[list(vacancies)] - sites.positions[atom], sites.cell)
        into = vectors[distances < 1.01 * LATTICE_CONSTANT / np.sqrt(2.0)]
        missing.add(len(into))
        parts.append(moved[atom] * np.sqrt(2.0) / LATTICE_CONSTANT)
        assert np.abs(positions[atom] - sites.positions[atom] - parts[-1] * into).max(1).min() < 1e-9
    assert HOP[0] <= min(parts) < max(parts) <= HOP[1]
    assert missing == ({1} if vacancies == (7, 60) else {1, 2, 3})
    assert hop_configuration(perfect, LENGTHS, rng) is None


def test_a_long_wavelength_displacement_goes_on_across_the_faces_of_the_cell(rng: np.random.Generator) -> None:
    crystal = fcc(8)
    i, j, d = neighbor_list("ijd", crystal, 3.0)
    steepest = LENGTHS.largest_shift * 2.0 * np.pi * np.sqrt(3.0) / crystal.cell[0, 0]
    largest = []
    for _ in range(20):
        shifts = long_wavelength_displacement(crystal, LENGTHS, rng)
        assert (np.linalg.norm(shifts[i] - shifts[j], axis=1) <= steepest * d).all()
        largest.append(np.linalg.norm(shifts, axis=1).max())
        # All along one direction.
        assert np.linalg.matrix_rank(shifts, tol=1e-9) == 1
    assert min(largest) < 0.3 * LENGTHS.largest_shift and 0.7 * LENGTHS.largest_shift < max(largest) <= LENGTHS.largest_shift


@pytest.mark.parametrize(("structure", "n_beside"), [("bcc", 8), ("hcp", 12), ("diamond", 4)])
def test_a_hop_into_a_vacancy_that_the_header_names(structure: str, n_beside: int, rng: np.random.Generator) -> None:
    crystal = guess(structure, ("W",))
    sites = crystal.block(4.0)
    atoms = sites.copy()
    vacancy = sites.positions[7]
    del atoms[7]
    atoms.info["vacancies"] = vacancy[None]
    hopped = set()
    for _ in range(150):
        moved = hop_configuration(atoms, Lengths.of(crystal.nn), rng)
        assert moved is not None
        [atom] = np.flatnonzero(np.abs(moved - atoms.positions).max(1))
        way = np.linalg.norm(moved[atom] - atoms.positions[atom]) / crystal.nn
        left, _ = find_mic(vacancy - moved[atom], atoms.cell, atoms.pbc)
        assert way + np.linalg.norm(left) / crystal.nn == pytest.approx(1.0)  # straight towards it
        assert HOP[0] <= way <= HOP[1]
        hopped.add(int(atom))
    assert len(hopped) == n_beside
