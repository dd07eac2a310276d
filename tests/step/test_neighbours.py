import ase.build
import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from conftest import LATTICE_CONSTANT, OVERLAPPING, fcc, noisy

from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import neighbour_list, periodic_ghosts, require_separate_atoms

# fcc: neighbours within each shell, and its radius in lattice constants (Kittel, Introduction to Solid State Physics)
SHELLS = [(12, np.sqrt(1 / 2)), (18, 1.0), (42, np.sqrt(3 / 2)), (54, np.sqrt(2)), (78, np.sqrt(5 / 2))]


def edges(atoms: Atoms, cutoff: float) -> np.ndarray:
    """Edge vectors, in no order but sorted by their numbers."""
    cluster = periodic_ghosts(atoms.positions, atoms.cell[:], atoms.pbc, cutoff).positions(atoms.positions)
    found = neighbour_list(cluster, len(atoms), cutoff)
    centres = found.centre_of_edge()
    rows = np.column_stack([centres, cluster[found.neighbours] - cluster[centres]])
    return rows[np.lexsort(np.round(rows, 6).T[::-1])]


@pytest.mark.parametrize(("count", "radius"), SHELLS)
@pytest.mark.parametrize("n", [1, 2, 4])
def test_fcc_shells_also_in_cells_smaller_than_the_cutoff(count: int, radius: float, n: int) -> None:
    atoms = fcc(n)
    assert len(edges(atoms, radius * LATTICE_CONSTANT + 0.01)) == count * len(atoms)


def test_one_atom_is_its_own_neighbour_through_every_face() -> None:
    primitive = ase.build.bulk("Pt", "fcc", a=LATTICE_CONSTANT)
    found = edges(primitive, 3.0)
    assert len(found) == 12
    np.testing.assert_allclose(np.linalg.norm(found[:, 1:], axis=1), LATTICE_CONSTANT / np.sqrt(2), atol=1e-10)


@pytest.mark.parametrize("pbc", [(True, True, True), (True, False, True), (False, False, False)])
@pytest.mark.parametrize("tilt", [0.0, 7.0])
def test_same_edges_as_ase(pbc: tuple[bool, bool, bool], tilt: float, rng: np.random.Generator) -> None:
    atoms = noisy(fcc(2), 0.3, rng)
    cell = atoms.cell[:].copy()
    cell[1, 0], cell[2, 0], cell[2, 1] = tilt, -0.4 * tilt, 0.6 * tilt
    atoms.set_cell(cell)
    atoms.pbc = pbc
    atoms.positions += rng.integers(-2, 3, (len(atoms), 3)) @ cell * np.array(pbc).all()  # unwrapped
    i, vectors = neighbor_list("iD", atoms, 6.0)
    expected = np.column_stack([i, vectors])
    expected = expected[np.lexsort(np.round(expected, 6).T[::-1])]
    np.testing.assert_allclose(edges(atoms, 6.0), expected, atol=1e-8)


def test_ghosts_follow_their_owners(rng: np.random.Generator) -> None:
    atoms = fcc(2)
    ghosts = periodic_ghosts(atoms.positions, atoms.cell[:], atoms.pbc, 5.0)
    moved = noisy(atoms, 0.1, rng).positions
    cluster = ghosts.positions(moved)
    shift = cluster[len(atoms) :] - cluster[ghosts.ghost_owner]
    np.testing.assert_allclose(shift, ghosts.ghost_shift, atol=1e-12)


def test_no_owned_atoms_have_no_neighbours() -> None:
    found = neighbour_list(np.zeros((5, 3)), 0, 6.0)
    assert found.first.tolist() == [0] and len(found.neighbours) == len(found.centres) == 0


@pytest.mark.parametrize("n", [1, 3])
def test_order_of_ids_does_not_depend_on_rows(n: int, rng: np.random.Generator) -> None:
    atoms = noisy(fcc(n), 0.1, rng)
    found = []
    for rows in (np.arange(len(atoms)), rng.permutation(len(atoms))):
        owned = atoms.positions[rows]
        ghosts = periodic_ghosts(owned, atoms.cell[:], atoms.pbc, 6.0)
        cluster, ids = ghosts.positions(owned), np.concatenate([rows, rows[ghosts.ghost_owner]])
        ordered = neighbour_list(cluster, len(atoms), 6.0).in_order_of_ids(ids, cluster)
        assert ids[ordered.centres].tolist() == list(range(len(atoms)))
        found.append((ids[ordered.neighbours], cluster[ordered.neighbours] - cluster[ordered.centre_of_edge()]))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-12)


def test_two_atoms_on_one_spot_are_named_by_place() -> None:
    positions = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0 + OVERLAPPING], [3.0, 2.0, 3.0]])
    found = neighbour_list(positions, 3, 6.0)
    with pytest.raises(HealError, match=r"two atoms overlap, at \(1\.000, 2\.000, 3\.0.*delete_atoms overlap"):
        require_separate_atoms(positions, found)


@pytest.mark.parametrize(
    ("cell", "pbc", "message"),
    [
        (np.full((3, 3), np.nan), True, "the cell is not finite"),
        (np.diag([4.0, np.inf, 4.0]), True, "the cell is not finite"),
        (np.zeros((3, 3)), True, "has no vector along a periodic direction"),
        (np.array([[4.0, 0, 0], [8.0, 0, 0], [0, 0, 4.0]]), True, "has no volume"),
        (np.diag([4.0, 4.0, 1e-8]), True, "so thin or tilted"),
        (np.array([[4.0, 0, 0], [1e8, 4.0, 0], [0, 0, 4.0]]), True, "no volume|so thin or tilted"),
    ],
)
def test_cells_that_have_no_end_of_images_are_refused(cell: np.ndarray, pbc: bool, message: str) -> None:
    with pytest.raises(HealError, match=message):
        periodic_ghosts(np.zeros((4, 3)), cell, np.full(3, pbc), 6.0)
