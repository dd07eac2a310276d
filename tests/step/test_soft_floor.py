"""The soft floor of a step: what displacements may do to pairs of atoms."""

import numpy as np
import pytest
from ase import Atoms

from lammps_heal.errors import HealError
from lammps_heal.kernel import library as kernel_library
from lammps_heal.model.model_file import Model
from lammps_heal.step.backends import make_backend
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import Float64Array, Neighbourhoods
from lammps_heal.step.soft_floor import TOLERANCE, keep_apart, listed_pairs
from lammps_heal.step.step import cap, displacement

FLOOR = 2.0  # Å
CUTOFF = 6.0  # Å


def kept_apart(atoms: Atoms, displacements: Float64Array) -> Float64Array:
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, CUTOFF)
    return keep_apart(displacements, *crystal.open_cluster(atoms.positions), crystal, FLOOR)


def distances(atoms: Atoms, displacements: Float64Array | float = 0.0) -> Float64Array:
    """(n, n) Å, to the nearest image."""
    moved = atoms.copy()
    moved.positions += displacements
    between: Float64Array = moved.get_all_distances(mic=True)
    return between


def pair(distance: float) -> Atoms:
    return Atoms("Pt2", [[5.0, 5.0, 5.0], [5.0 + distance, 5.0, 5.0]], cell=[20.0] * 3)


@pytest.mark.parametrize(
    ("distance", "approach", "becomes"),
    [(2.5, 0.4, 2.1), (2.5, 0.9, 2.0), (2.5, -0.3, 2.8), (1.8, 0.3, 1.8), (1.8, -0.1, 1.9), (1.8, -0.5, 2.3)],
    ids=["above it", "through it", "apart", "below it", "out of it", "out and above"],
)
@pytest.mark.parametrize("drift", [0.0, 0.4])
def test_a_pair_comes_no_nearer_than_the_floor_or_than_it_is(
    distance: float, approach: float, becomes: float, drift: float
) -> None:
    """Both atoms give way by half, and what both do together is left."""
    moves = np.array([[0.5 * approach + drift, 0.1, 0.0], [-0.5 * approach + drift, 0.1, 0.0]])
    kept = kept_apart(pair(distance), moves)
    assert distances(pair(distance), kept)[0, 1] == pytest.approx(becomes, abs=1e-9)
    np.testing.assert_allclose(kept.sum(0), moves.sum(0), atol=1e-9)
    np.testing.assert_array_equal(kept[:, 1:], moves[:, 1:])


def crowd(rng: np.random.Generator, sigma: float = 0.3) -> tuple[Atoms, Float64Array]:
    """Atoms anywhere in a periodic box, and capped displacements that bring many of them below the floor."""
    atoms = Atoms("Pt200", rng.random((200, 3)) * 14.0, cell=[14.0] * 3, pbc=True)
    return atoms, cap(rng.normal(0.0, sigma, (200, 3)), 2.0 * sigma)[0]


def test_of_many_atoms_no_pair_comes_nearer(rng: np.random.Generator) -> None:
    atoms, moves = crowd(rng)
    before = distances(atoms)
    least = np.minimum(before, FLOOR)
    kept = kept_apart(atoms, moves)
    too_near, of_kept = ((distances(atoms, u) < least - 5.0 * TOLERANCE * FLOOR).sum() // 2 for u in (moves, kept))
    assert too_near > 100
    assert of_kept < 0.1 * too_near
    assert np.linalg.norm(kept, axis=1).max() <= np.linalg.norm(moves, axis=1).max() * (1.0 + 1e-12)


@pytest.mark.parametrize("sigma", [0.003, 0.03, 0.3])
def test_the_same_bits_without_the_library(sigma: float, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all atoms give way, and where few do, whose neighbours and ghosts are found from sweep to sweep."""
    atoms, moves = crowd(rng, sigma)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, CUTOFF)
    cluster = crystal.open_cluster(atoms.positions)
    by_library = [keep_apart(moves, *cluster, crystal, FLOOR, threads=threads) for threads in (1, 3)]
    monkeypatch.setattr(kernel_library, "library", lambda: None)
    for kept in by_library:
        np.testing.assert_array_equal(kept, keep_apart(moves, *cluster, crystal, FLOOR))
    assert np.abs(by_library[0] - moves).max() > 0.3 * sigma


def test_what_heals_a_noisy_crystal_is_left(model: Model, damaged: Atoms) -> None:
    crystal = PeriodicCrystal(damaged.cell[:], damaged.pbc, model.cutoff)
    cluster = crystal.open_cluster(damaged.positions)
    healing, _ = cap(displacement(make_backend(model), *cluster, crystal), model.max_displacement)
    np.testing.assert_array_equal(keep_apart(healing, *cluster, crystal, FLOOR), healing)


def test_the_library_refuses_what_is_no_list() -> None:
    neighbours = np.zeros(1, np.int64)
    for neighbours[0] in (-1, 2):
        listed = Neighbourhoods(np.arange(1), np.array([0, 1]), neighbours)
        pairs = listed_pairs(np.zeros((2, 3)), listed, 1.0, 1.0, 1)
        with pytest.raises(HealError, match="a neighbour is not 0 to n_atoms - 1"):
            pairs.is_any_too_near(np.zeros((2, 3)))
