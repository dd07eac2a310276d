"""Defects of any crystal, before they are relaxed."""

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list

from lammps_heal.crystals.crystal import Crystal, guess
from lammps_heal.crystals.defects import (
    VACUUM,
    dislocation_dipole,
    faulted,
    holes,
    mirror_boundary,
    plane_cell,
    slab,
    with_cluster,
    with_dumbbell,
    with_swaps,
    with_vacancies,
)
from lammps_heal.crystals.prototypes import PROTOTYPES

NAMED = ("fcc", "bcc", "hcp", "diamond")
SECOND_OF_HCP = float(np.sqrt(8.0 / 3.0))  # nn, atoms right above each other two close-packed layers apart


@pytest.fixture(params=NAMED)
def crystal(request: pytest.FixtureRequest) -> Crystal:
    return guess(request.param, ("W",))


def coordination(atoms: Atoms, crystal: Crystal) -> np.ndarray:
    """(n,) neighbours of each atom between the first and second shell."""
    return np.bincount(neighbor_list("i", atoms, crystal.nearest_shell), minlength=len(atoms))


def has_stacking_of_hcp(atoms: Atoms, crystal: Crystal) -> bool:
    distances = neighbor_list("d", atoms, 1.7 * crystal.nn) / crystal.nn
    return bool((np.abs(distances - SECOND_OF_HCP) < 0.01).any())


def test_vacancies_are_missing_atoms(crystal: Crystal, rng: np.random.Generator) -> None:
    sites = crystal.block(4.0)
    assert len(with_vacancies(sites, 5, rng)) == len(sites) - 5


def test_divacancy_is_two_neighbours(crystal: Crystal, rng: np.random.Generator) -> None:
    sites = crystal.block(4.0)
    n_nearest = round(crystal.shells[0].n_neighbours)
    cluster = with_cluster(sites, 2, rng)
    # Each of the two is missed by its neighbours, less the other.
    assert n_nearest * len(cluster) - coordination(cluster, crystal).sum() == 2 * (n_nearest - 1)


def test_dumbbell_is_two_atoms_about_one_site(crystal: Crystal) -> None:
    sites = crystal.block(4.0)
    split = with_dumbbell(sites, crystal, (1, 1, 0), 7)
    assert len(split) == len(sites) + 1
    assert 0.5 * (split.positions[7] + split.positions[-1]) == pytest.approx(sites.positions[7])


@pytest.mark.parametrize(
    ("structure", "rooms"),
    # nn, from the hole to the nearest atoms: octahedral, tetrahedral.
    [("fcc", (0.7071, 0.6124)), ("hcp", (0.7071, 0.6124)), ("bcc", (0.6455,)), ("diamond", (1.0,))],
)
def test_holes_are_those_that_textbooks_have(structure: str, rooms: tuple[float, ...]) -> None:
    crystal = guess(structure, ("W",))
    around = crystal.repeat(3).positions - crystal.cell.cell[:].sum(0)
    found = [np.linalg.norm(around - hole, axis=1).min() / crystal.nn for hole in holes(crystal)]
    assert found[: len(rooms)] == pytest.approx(rooms, abs=0.01)


def test_planes_are_across_z(crystal: Crystal) -> None:
    for plane in PROTOTYPES[crystal.structure].surfaces:
        cell = plane_cell(crystal, plane)
        turned = Crystal("", crystal.elements, cell)
        assert len(cell) == len(crystal.primitive_cell())
        assert [s.n_neighbours for s in turned.shells[:2]] == [s.n_neighbours for s in crystal.shells[:2]]
        # Planes of the conventional cell of these indices are as far apart, or whole times so far in a centred lattice.
        spacing = 1.0 / np.linalg.norm(np.array(plane) @ np.linalg.inv(crystal.cell.cell[:]).T)
        whole = spacing / cell.cell[2, 2]
        assert whole == pytest.approx(round(whole), abs=1e-6) and whole > 0.5


def test_slab_has_bulk_inside_and_nothing_beside(crystal: Crystal, rng: np.random.Generator) -> None:
    atoms = slab(crystal, (1, 0, 0), 3.0, 6.0, rng)
    heights = atoms.positions[:, 2]
    inside = np.abs(heights - 0.5 * (heights.max() + heights.min())) < crystal.nn
    n_nearest = round(crystal.shells[0].n_neighbours)
    assert (coordination(atoms, crystal)[inside] == n_nearest).all()
    assert (coordination(atoms, crystal) < n_nearest).any()
    assert atoms.cell[2, 2] - (heights.max() - heights.min()) > (VACUUM - 0.1) * crystal.nn


def test_mirror_in_a_close_packed_plane_makes_a_twin_of_fcc() -> None:
    crystal = guess("fcc", ("Pt",))
    twin = mirror_boundary(crystal, (1, 1, 1), 3.0, 3.5)
    assert (coordination(twin, crystal) == 12).all()
    assert has_stacking_of_hcp(twin, crystal)


def test_boundary_joins_two_grains_without_atoms_too_near(crystal: Crystal, rng: np.random.Generator) -> None:
    plane = PROTOTYPES[crystal.structure].boundaries[1]
    atoms = mirror_boundary(crystal, plane, 2.5, 4.0, rng.random(2))
    assert neighbor_list("d", atoms, crystal.nn).min() > 0.69 * crystal.nn
    like_bulk = coordination(atoms, crystal) == round(crystal.shells[0].n_neighbours)
    assert 0.1 < like_bulk.mean() < 0.95


def test_one_of_the_faults_of_fcc_keeps_twelve_neighbours() -> None:
    crystal = guess("fcc", ("Pt",))
    [(plane, shift)] = PROTOTYPES["fcc"].faults
    blocks = faulted(crystal, plane, shift, 3.0, 6.0)
    faults = [block for block in blocks if (coordination(block, crystal) == 12).all()]
    assert len(blocks) == 2 and len(faults) == 1
    assert has_stacking_of_hcp(faults[0], crystal)


def test_dislocations_leave_density_nearly_as_it_is(crystal: Crystal) -> None:
    for dislocation in PROTOTYPES[crystal.structure].dislocations:
        atoms = dislocation_dipole(crystal, dislocation, 8.0, 8.0, 1.0)
        density = len(atoms) * crystal.volume_per_atom / atoms.get_volume()
        if dislocation.character == "screw":
            assert density == pytest.approx(1.0)
        else:  # a half plane less in one of the halves
            assert 0.9 < density < 0.99


def test_swaps_keep_composition(rng: np.random.Generator) -> None:
    sites = guess("B2", ("Ni", "Al")).block(4.0)
    swapped = with_swaps(sites, 3, rng)
    assert sorted(swapped.numbers) == sorted(sites.numbers)
    assert 2 <= (swapped.numbers != sites.numbers).sum() <= 6
