"""The kernel's neighbour lists against scipy and against all pairs."""

import numpy as np
import pytest
import torch
from conftest import TOLERANCE, fcc, noisy
from hypothesis import given, settings
from hypothesis import strategies as st

from lammps_heal.errors import HealError
from lammps_heal.kernel import library as kernel_library
from lammps_heal.step.neighbours import Neighbourhoods, neighbour_list, neighbours_by_id, periodic_ghosts

SAME = TOLERANCE[torch.float32]  # Å
EACH_SET = pytest.mark.parametrize("instruction_set", kernel_library.instruction_sets())
CUTOFF = 5.0  # Å
FARTHER = 1.0e-4  # Å; pairs that much beyond the cutoff may be listed

# Å; small ones, so that atoms are neighbours, and any others.
COORDINATES = st.one_of(
    st.floats(-6.0, 6.0),
    st.sampled_from([0.0, -0.0, CUTOFF, 1.0e9, 1.0e9 + 3.0, 1.0e300, 1.7e308, -1.7e308, np.inf, -np.inf, np.nan]),
    st.floats(allow_nan=True, allow_infinity=True, width=64),
)


def listed(
    positions: np.ndarray, ids: np.ndarray, nlocal: int, cutoff: float = CUTOFF, threads: int = 1, instruction_set: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    loaded = kernel_library.library()
    assert loaded is not None
    return kernel_library.neighbours_by_id(loaded, positions, ids, nlocal, cutoff, threads, instruction_set)


def distances_from(positions: np.ndarray, atom: int) -> np.ndarray:
    """(n_atoms,) Å, infinite where there is no distance and to itself."""
    with np.errstate(over="ignore", invalid="ignore"):
        vectors = positions - positions[atom]
        distances = np.hypot(np.hypot(vectors[:, 0], vectors[:, 1]), vectors[:, 2])
    distances[atom] = np.inf
    return np.nan_to_num(distances, nan=np.inf)


@EACH_SET
@settings(deadline=None, derandomize=True, max_examples=200)
@given(rows=st.lists(st.tuples(COORDINATES, COORDINATES, COORDINATES), min_size=1, max_size=40), nlocal=st.integers(0, 40))
def test_any_coordinates(instruction_set: str, rows: list[tuple[float, float, float]], nlocal: int) -> None:
    """Exactly the pairs within the cutoff, in order of id, and images of one atom in order of x, y and z."""
    positions, nlocal = np.array(rows), min(nlocal, len(rows))
    ids = np.random.default_rng(len(rows)).integers(0, 10, len(rows))
    first, neighbours = listed(positions, ids, nlocal, CUTOFF, 2, instruction_set)
    for atom in range(nlocal):
        own, distances = neighbours[first[atom] : first[atom + 1]], distances_from(positions, atom)
        assert set(np.flatnonzero(distances < CUTOFF)) <= set(own)
        assert (distances[own] < CUTOFF + FARTHER).all() and len(set(own)) == len(own)
        keys = [(ids[k], *(positions[k] + 0.0)) for k in own]
        assert keys == sorted(keys)


@pytest.mark.parametrize("apart", [1.0e3, 1.0e6, 1.0e9, 1.0e300])
def test_atoms_far_apart_are_listed_as_near_ones_are(apart: float, rng: np.random.Generator) -> None:
    """Crystals and single atoms far from each other: lists get no longer, though floats do not resolve such distances."""
    crystal = noisy(fcc(8), 0.1, rng).positions
    copies = [crystal, crystal + np.array([apart, -apart, apart])] if apart < 1.0e12 else [crystal]
    positions = np.vstack([*copies, rng.uniform(-apart, apart, (50, 3))])
    first, neighbours = listed(positions, np.arange(len(positions)), len(positions))
    alone = listed(crystal, np.arange(len(crystal)), len(crystal))
    for k in range(len(copies)):
        begin, end = first[k * len(crystal)], first[(k + 1) * len(crystal)]
        assert alone[0][-1] <= end - begin < 1.001 * alone[0][-1]
        assert (neighbours[begin:end] // len(crystal) == k).all()
    assert first[-1] == first[len(copies) * len(crystal)]


def test_too_many_neighbours_are_refused_before_memory_runs_out() -> None:
    """As where a file holds zeros: the list would need n^2 numbers."""
    positions = np.zeros((70_000, 3))
    with pytest.raises(HealError, match=r"an atom has 70000 neighbours within 5.* at most 65536"):
        listed(positions, np.arange(len(positions)), len(positions), threads=2)


@EACH_SET
@pytest.mark.parametrize("cutoff", [6.0, 7.5, 9.0, 11.0])  # from some 54 neighbours to more than it sorts in registers
@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("pbc", [True, False])
def test_the_same_neighbours_as_scipy(n: int, pbc: bool, cutoff: float, instruction_set: str, rng: np.random.Generator) -> None:
    atoms = noisy(fcc(n), 0.3, rng)
    atoms.pbc = pbc
    rows = rng.permutation(len(atoms))
    local = atoms.positions[rows]
    ghosts = periodic_ghosts(local, atoms.cell[:], atoms.pbc, cutoff)
    positions, ids = ghosts.positions(local), np.concatenate([rows, rows[ghosts.ghost_owner]]) * 1000
    first, neighbours = listed(positions, ids, len(atoms), cutoff, 2, instruction_set)
    expected = neighbour_list(positions, len(atoms), cutoff).in_order_of_ids(ids, positions).in_order_of_rows()
    by_two_threads = Neighbourhoods(np.arange(len(atoms)), first, neighbours)
    for found in (by_two_threads, neighbours_by_id(positions, ids, len(atoms), cutoff)):
        # The library may list a pair that is farther by the rounding of float32; whoever reads the list ignores it.
        centres = found.centre_of_edge()
        distances = np.linalg.norm(positions[found.neighbours] - positions[centres], axis=1)
        inside = distances < cutoff
        assert distances.max() < cutoff + 10 * SAME
        np.testing.assert_array_equal(centres[inside], expected.centre_of_edge())
        np.testing.assert_array_equal(found.neighbours[inside], expected.neighbours)


def test_wrong_arguments_are_refused() -> None:
    one, ids = np.zeros((1, 3)), np.zeros(1, np.int64)
    for cutoff in (0.0, -1.0, 1.0e30, np.nan):
        with pytest.raises(HealError, match=r"the cutoff is .* needed 0\.001 to 1e"):
            listed(one, ids, 1, cutoff)
    for threads in (0, -1, kernel_library.max_threads() + 1, 2**32 + 1):
        with pytest.raises(HealError, match=f"threads is .* needed 1 to {kernel_library.max_threads()}, four times"):
            listed(one, ids, 1, CUTOFF, threads)
    with pytest.raises(HealError, match="the id of atom 0 is -5, needed 0 or more"):
        listed(one, ids - 5, 1)
    with pytest.raises(HealError, match="nlocal is 2, needed 0 to 1"):
        listed(one, ids, 2)
    with pytest.raises(ValueError, match="as there are ids"):
        listed(np.zeros((2, 3)), ids, 1)
    with pytest.raises(HealError, match='no instruction set "mmx": give one of'):
        listed(one, ids, 1, instruction_set="mmx")
