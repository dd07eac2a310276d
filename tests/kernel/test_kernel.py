"""The compiled kernel against TorchScript's own pair forces and message-passing layers, the reference."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import OVERLAPPING, TOLERANCE, fcc, noisy
from networks import by_torch, displacements, random_network

from lammps_heal.errors import HealError
from lammps_heal.kernel import library as kernel_library
from lammps_heal.kernel.kernel import Kernel
from lammps_heal.model.export import pack
from lammps_heal.model.model_file import Model
from lammps_heal.model.network import HealingNetwork
from lammps_heal.step.backends import KernelBackend
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import Neighbourhoods, neighbour_list, neighbours_by_id
from lammps_heal.step.step import displacement

SAME = TOLERANCE[torch.float32]  # Å
SHAPES = [  # channels, hidden units, cutoff in Å, message-passing layers
    *[(1, 5, 4.0, 1), (4, 16, 5.0, 3), (8, 32, 6.0, 0), (8, 64, 6.5, 2)],
    *[(12, 64, 6.0, 3), (16, 64, 6.0, 1), (20, 48, 4.5, 2), (32, 20, 5.0, 3)],
]
Cluster = tuple[np.ndarray, Neighbourhoods]  # positions of all atoms, and their neighbours


def kernel_of(model: Model | HealingNetwork, instruction_set: str = "") -> Kernel:
    return Kernel(model.weights if isinstance(model, Model) else pack(model), instruction_set=instruction_set)


def assert_same_forces(kernel: Kernel, model: Model | HealingNetwork, cluster: Cluster, scale: float = 1.0) -> None:
    """Also on the ghosts. scale: Å, of the largest."""
    forces, mobilities = kernel.pair_forces(*cluster)
    expected_forces, expected_mobilities = by_torch(model).pair_forces(*cluster)
    assert forces.shape == cluster[0].shape
    np.testing.assert_allclose(forces, expected_forces, atol=SAME * scale)
    np.testing.assert_allclose(mobilities, expected_mobilities, atol=SAME * scale)


def crystal_of(atoms: Atoms, cutoff: float) -> tuple[PeriodicCrystal, np.ndarray, Neighbourhoods]:
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, cutoff)
    return crystal, *crystal.open_cluster(atoms.positions)


@pytest.mark.parametrize("instruction_set", kernel_library.instruction_sets())
@pytest.mark.parametrize(("n_channels", "n_hidden", "cutoff", "n_layers"), SHAPES)
def test_random_networks(
    n_channels: int, n_hidden: int, cutoff: float, n_layers: int, instruction_set: str, rng: np.random.Generator
) -> None:
    model = random_network(n_layers, cutoff, n_channels, n_hidden)
    atoms = noisy(fcc(3), 0.2, rng)
    del atoms[7]
    crystal, *cluster = crystal_of(atoms, cutoff)
    kernel = kernel_of(model, instruction_set)
    assert (kernel.instruction_set, kernel.n_layers) == (instruction_set, n_layers)
    forces, mobilities = by_torch(model).pair_forces(*cluster)
    assert np.abs(forces[: len(atoms)]).max() > 1e-2 and np.abs(forces[len(atoms) :]).max() > 1e-3
    assert np.abs(mobilities - np.eye(3)).max() > 1e-2
    assert_same_forces(kernel, model, tuple(cluster))
    expected = rng.normal(0.0, 0.1, atoms.positions.shape)
    for layer in range(n_layers):
        v_in = crystal.forward(expected)
        expected = by_torch(model).message_layer(*cluster, v_in, layer)
        assert np.abs(expected - v_in[: len(atoms)]).max() > 1e-3
        np.testing.assert_allclose(kernel.message_layer(*cluster, v_in, layer), expected, atol=SAME)


@pytest.mark.parametrize("instruction_set", kernel_library.instruction_sets())
def test_the_shipped_model(model: Model, instruction_set: str, rng: np.random.Generator) -> None:
    kernel = kernel_of(model, instruction_set)
    for sigma in (0.0, 0.1, 0.3):
        atoms = noisy(fcc(4), sigma, rng)
        crystal, *cluster = crystal_of(atoms, model.cutoff)
        moved = displacement(KernelBackend(kernel), *cluster, crystal)
        expected = displacements(model, atoms)
        # TorchScript itself is that far from float64.
        np.testing.assert_allclose(moved, expected, atol=2 * SAME)
        assert np.abs(moved - expected).mean() < 0.2 * SAME


@pytest.mark.parametrize("n", [1, 25, 1000])
def test_any_number_of_threads_gives_the_same_bits(model: Model, n: int, rng: np.random.Generator) -> None:
    _, positions, listed = crystal_of(noisy(fcc(7), 0.2, rng), model.cutoff)
    some = Neighbourhoods(listed.centres[:n], listed.first[: n + 1], listed.neighbours)
    v_in = rng.normal(0.0, 0.1, positions.shape)
    kernel = kernel_of(model)
    assert kernel.n_layers > 0

    def computed(neighbourhoods: Neighbourhoods, threads: int) -> list[np.ndarray]:
        forces = kernel.pair_forces(positions, neighbourhoods, threads)
        return [*forces, *(kernel.message_layer(positions, neighbourhoods, v_in, layer) for layer in range(kernel.n_layers))]

    alone = computed(some, 1)
    for threads in (2, 3):
        for one, other in zip(computed(some, threads), alone, strict=True):
            np.testing.assert_array_equal(one, other)
    # Nor do an atom's numbers depend on the others of its block.
    for one, other in zip(computed(listed, 1)[1:], alone[1:], strict=True):
        np.testing.assert_array_equal(one[:n], other)


def test_forces_sum_to_zero_and_do_not_depend_on_the_order(model: Model, rng: np.random.Generator) -> None:
    atoms = noisy(fcc(4), 0.3, rng)
    crystal, *cluster = crystal_of(atoms, model.cutoff)
    for parts in (by_torch(model), kernel_of(model)):
        forces = crystal.reverse(parts.pair_forces(*cluster)[0])
        assert np.abs(forces).max() > 0.01
        np.testing.assert_array_equal(forces.sum(0), 0.0)  # fixed point: sums are exact
        n = len(atoms) // 3
        first, positions = cluster[1].first, cluster[0]
        halves = [
            Neighbourhoods(np.arange(len(atoms)), np.clip(first, low, high) - low, cluster[1].neighbours[low:high])
            for low, high in ((0, first[n]), (first[n], first[-1]))
        ]
        together = np.sum([parts.pair_forces(positions, half)[0] for half in reversed(halves)], axis=0)
        np.testing.assert_array_equal(crystal.reverse(together), forces)


def test_atoms_without_neighbours_and_no_atoms_at_all(model: Model) -> None:
    far = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [52.5, 0.5, 0.0]])
    listed = neighbours_by_id(far, np.arange(3), 3, model.cutoff)
    assert listed.first.tolist() == [0, 0, 1, 2]
    kernel = kernel_of(model)
    np.testing.assert_array_equal(kernel.pair_forces(far, listed)[0][0], 0.0)
    assert_same_forces(kernel, model, (far, listed))
    v_in = np.array([[0.125, 0.25, 0.375], [0.0, 0.1, 0.0], [0.1, 0.0, 0.0]])  # the first on the fixed-point grid
    v_out = kernel.message_layer(far, listed, v_in, 0)
    np.testing.assert_array_equal(v_out[0], v_in[0])
    np.testing.assert_allclose(v_out, by_torch(model).message_layer(far, listed, v_in, 0), atol=SAME)
    nothing = neighbours_by_id(far, np.arange(3), 0, model.cutoff)
    forces, mobilities = kernel.pair_forces(far, nothing)
    np.testing.assert_array_equal(forces, np.zeros((3, 3)))
    assert mobilities.shape == (0, 3, 3) and kernel.message_layer(far, nothing, v_in, 0).shape == (0, 3)


@pytest.mark.parametrize("instruction_set", kernel_library.instruction_sets())
def test_a_layer_on_rows_in_another_order_gives_the_same_bits(
    model: Model, instruction_set: str, rng: np.random.Generator
) -> None:
    """A pair of local atoms is computed once, from the first of them: the order of atoms must not show."""
    positions = noisy(fcc(4), 0.2, rng).positions
    v_in, ids, kernel = rng.normal(0.0, 0.1, positions.shape), np.arange(len(positions)), kernel_of(model, instruction_set)

    def v_out(order: np.ndarray) -> np.ndarray:
        listed = neighbours_by_id(positions[order], ids[order], len(order), model.cutoff)
        kernel.pair_forces(positions[order], listed)
        return kernel.message_layer(positions[order], listed, v_in[order], 0)[np.argsort(order)]

    for order in (ids[::-1], rng.permutation(ids)):
        np.testing.assert_array_equal(v_out(order), v_out(ids))


def test_a_layer_on_other_neighbourhoods_than_the_forces(model: Model, rng: np.random.Generator) -> None:
    _, positions, listed = crystal_of(noisy(fcc(2), 0.1, rng), model.cutoff)
    kernel, v_in = kernel_of(model), np.zeros(positions.shape)
    with pytest.raises(ValueError, match="follows pair_forces"):
        kernel.message_layer(positions, listed, v_in, 0)
    kernel.pair_forces(positions, listed)
    kernel.message_layer(positions, listed, v_in, 0)
    with pytest.raises(ValueError, match="follows pair_forces"):
        kernel.message_layer(positions, replace(listed), v_in, 0)


def test_many_neighbours(rng: np.random.Generator) -> None:
    """More than the kernel takes at once; no trained network knows such a crystal."""
    model = random_network(1, 6.5, 8, 64)
    dense = noisy(fcc(4, 3.0), 0.02, rng)
    crystal, *cluster = crystal_of(dense, model.cutoff)
    inside = neighbour_list(cluster[0], len(dense), model.cutoff)
    assert np.diff(inside.first).min() > 128
    kernel = kernel_of(model)
    assert_same_forces(kernel, model, tuple(cluster), max(1.0, float(np.abs(by_torch(model).pair_forces(*cluster)[0]).max())))
    v_in = crystal.forward(rng.normal(0.0, 0.1, dense.positions.shape))
    np.testing.assert_allclose(
        kernel.message_layer(*cluster, v_in, 0), by_torch(model).message_layer(*cluster, v_in, 0), atol=SAME
    )


def test_two_atoms_on_one_spot_are_named_by_place(model: Model) -> None:
    positions = np.array([[9.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0 + OVERLAPPING]])
    listed = neighbours_by_id(positions, np.arange(3), 3, model.cutoff)
    with pytest.raises(HealError, match=r"two atoms overlap, at \(1\.000, 2\.000, 3\.0.* Å apart: delete one"):
        kernel_of(model).pair_forces(positions, listed)


@pytest.mark.parametrize("instruction_set", kernel_library.instruction_sets())
@pytest.mark.parametrize("distance", [0.0, 1.0e-320, 1.0e-40, 1.0e-23, OVERLAPPING])
def test_two_atoms_on_one_spot_are_refused(model: Model, distance: float, instruction_set: str) -> None:
    """In a crystal, where their edge is one among many; of no length it has no direction, and no place in a table."""
    atoms = fcc(3)
    atoms.positions[1] = atoms.positions[0] + [distance, 0.0, 0.0]
    _, *cluster = crystal_of(atoms, model.cutoff)
    with pytest.raises(HealError, match=r"two atoms overlap, at \(0\.000, 0\.000, 0\.000\) Å"):
        kernel_of(model, instruction_set).pair_forces(*cluster)
