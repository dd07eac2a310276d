"""Any double in positions, lengths and vectors, on each instruction set: the right forces, or a refusal; never a crash."""

import numpy as np
import pytest
import torch
from conftest import TOLERANCE, fcc, noisy
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_network

from lammps_heal.errors import HealError
from lammps_heal.kernel.kernel import Kernel
from lammps_heal.kernel.library import instruction_sets
from lammps_heal.model.export import pack
from lammps_heal.model.reference import ReferenceNetwork
from lammps_heal.step.backends import KernelBackend
from lammps_heal.step.neighbours import SMALLEST_DISTANCE, Neighbourhoods, neighbours_by_id
from lammps_heal.step.step import displacement

CUTOFF = 5.0  # Å
SAME = 10 * TOLERANCE[torch.float32]  # of the largest displacement: networks with random weights amplify rounding
EACH_SET = pytest.mark.parametrize("instruction_set", instruction_sets())
EDGE = 1.0e-6  # relative: nearer to a limit, either answer is right

NETWORK = random_network(2, CUTOFF, n_channels=8)
REFERENCE = ReferenceNetwork({name: w.numpy() for name, w in NETWORK.state_dict().items()}, CUTOFF, NETWORK.switch_on)
WEIGHTS = pack(NETWORK)
KERNELS = {name: Kernel(WEIGHTS, instruction_set=name) for name in instruction_sets()}

MAGNITUDES = st.floats(-323.3, 308.2).map(lambda exponent: float(10.0**exponent))
SPECIAL = [0.0, 5e-324, SMALLEST_DISTANCE, np.nextafter(SMALLEST_DISTANCE, 0.0), CUTOFF, np.nextafter(CUTOFF, 0.0), 1.0, 3.9]
DISTANCES = st.one_of(st.sampled_from(SPECIAL), MAGNITUDES, st.floats(1.0e-6, 2.0 * CUTOFF))  # Å
ANY_DOUBLE = st.floats(allow_nan=True, allow_infinity=True, width=64)


class OpenCluster:
    """No ghosts, so nothing to communicate."""

    def reverse(self, forces: np.ndarray) -> np.ndarray:
        return forces

    def forward(self, vectors: np.ndarray) -> np.ndarray:
        return vectors


def all_pairs(n_atoms: int) -> Neighbourhoods:
    """Every atom in every other's list, whatever the distance."""
    pairs = np.array([[j for j in range(n_atoms) if j != i] for i in range(n_atoms)], np.int32)
    return Neighbourhoods(np.arange(n_atoms), np.arange(n_atoms + 1) * (n_atoms - 1), pairs.ravel())


def smallest_distance(positions: np.ndarray) -> float:
    """Å, of any two atoms."""
    i, j = np.triu_indices(len(positions), 1)
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.hypot(np.hypot(*(positions[i] - positions[j]).T[:2]), (positions[i] - positions[j])[:, 2]).min())


@EACH_SET
@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    distance=DISTANCES,
    angles=st.tuples(st.floats(0.0, np.pi), st.floats(0.0, 2 * np.pi)),
    origin=st.sampled_from([0.0, -37.5, 1.0e5, 1.0e9, -1.0e39, 1.0e300]),
    is_listed=st.booleans(),
)
def test_an_atom_at_any_distance(
    instruction_set: str, distance: float, angles: tuple[float, float], origin: float, is_listed: bool
) -> None:
    """One more in a noisy crystal, there or far from the origin: overlapping, or displaced as the reference says."""
    base = noisy(fcc(2), 0.1, np.random.default_rng(1)).positions + origin
    theta, phi = angles
    direction = np.array([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
    positions = np.vstack([base, base[11] + distance * direction])
    n_atoms, smallest = len(positions), smallest_distance(positions)
    neighbourhoods = all_pairs(n_atoms) if is_listed else neighbours_by_id(positions, np.arange(n_atoms), n_atoms, CUTOFF)
    backend = KernelBackend(KERNELS[instruction_set])
    if smallest < SMALLEST_DISTANCE * (1.0 - EDGE):
        with pytest.raises(HealError, match="two atoms"):
            displacement(backend, positions, neighbourhoods, OpenCluster())
    elif smallest > SMALLEST_DISTANCE * (1.0 + EDGE):
        found = displacement(backend, positions, neighbourhoods, OpenCluster())
        with np.errstate(over="ignore", invalid="ignore"):
            expected = REFERENCE.displacement(positions, np.arange(n_atoms))
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found, expected, atol=SAME * scale)


@EACH_SET
@settings(deadline=None, derandomize=True, max_examples=100)
@given(scale=st.one_of(MAGNITUDES, ANY_DOUBLE))
def test_any_length_scale(instruction_set: str, scale: float) -> None:
    """A crystal of any size heals as the model's own, or its scale is refused."""
    crystal = noisy(fcc(2), 0.1, np.random.default_rng(2)).positions
    n_atoms = len(crystal)
    with np.errstate(over="ignore"):
        positions = crystal * scale
    try:
        found = displacement(KernelBackend(Kernel(WEIGHTS, scale, instruction_set)), positions, all_pairs(n_atoms), OpenCluster())
    except HealError as refusal:
        assert not 1.0e-2 < scale * CUTOFF < 1.0e9  # below, atoms overlap
        assert any(reason in str(refusal) for reason in ("cutoff is", "length_scale is", "two atoms", "not finite"))
    else:
        np.testing.assert_allclose(found / scale, REFERENCE.displacement(crystal, np.arange(n_atoms)), atol=SAME)


@EACH_SET
@settings(deadline=None, derandomize=True, max_examples=100)
@given(vector=st.tuples(ANY_DOUBLE, ANY_DOUBLE, ANY_DOUBLE), atom=st.integers(0, 31))
def test_any_vector_in_a_layer(instruction_set: str, vector: tuple[float, float, float], atom: int) -> None:
    """It reaches its neighbours, and no other atom."""
    positions = noisy(fcc(2), 0.1, np.random.default_rng(3)).positions
    positions[16:] += [20.0, 0.0, 0.0]  # two halves that are no neighbours
    neighbourhoods, kernel = all_pairs(len(positions)), KERNELS[instruction_set]
    kernel.pair_forces(positions, neighbourhoods)
    v_in = np.random.default_rng(4).normal(0.0, 0.1, positions.shape)
    expected = kernel.message_layer(positions, neighbourhoods, v_in, 0)
    v_in[atom] = vector
    found = kernel.message_layer(positions, neighbourhoods, v_in, 0)
    others = slice(16, 32) if atom < 16 else slice(0, 16)
    np.testing.assert_array_equal(found[others], expected[others])
    if np.isfinite(vector).all() and np.abs(vector).max() < 10.0:
        assert np.isfinite(found).all()
