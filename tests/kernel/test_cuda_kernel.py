"""The CUDA kernel, its stages run thread by thread on the CPU: against the kernel, TorchScript and the formulas."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import OVERLAPPING, TOLERANCE, fcc, noisy, noisy_slab
from networks import by_torch, random_network

from lammps_heal.errors import HealError
from lammps_heal.kernel.kernel import Kernel
from lammps_heal.model.export import pack
from lammps_heal.model.model_file import Model, PackedWeights
from lammps_heal.model.network import HealingNetwork
from lammps_heal.model.reference import ReferenceNetwork
from lammps_heal.step.backends import KernelBackend, make_backend
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import neighbours_by_id
from lammps_heal.step.step import displacement

SAME = TOLERANCE[torch.float32]  # Å
SHAPES = [(1, 5, 4.0, 1), (12, 64, 6.0, 0), (20, 48, 4.5, 2)]  # channels, hidden units, cutoff in Å, layers
HOSTILE = [np.nan, np.inf, -np.inf, 5e-324, 1e-40, 1e9, -1e39, 1e300, -1.7e308]
NVRTC = "nvidia.cuda_nvrtc"


@pytest.fixture(autouse=True)
def fake_card(fake_cuda: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fake_cuda.items():
        monkeypatch.setenv(name, value)


def on_card(weights: PackedWeights | HealingNetwork) -> Kernel:
    return Kernel(weights if isinstance(weights, PackedWeights) else pack(weights), instruction_set="cuda:0")


def crystal_of(atoms: Atoms, cutoff: float) -> PeriodicCrystal:
    return PeriodicCrystal(atoms.cell[:], atoms.pbc, cutoff)


def test_the_shipped_model_in_crystals_with_vacancies_and_surfaces(model: Model, rng: np.random.Generator) -> None:
    backend = make_backend(model, device="cuda", number=3)
    assert isinstance(backend, KernelBackend) and backend.kernel.instruction_set == "cuda:1"  # of two
    damaged = noisy(fcc(4), 0.3, rng)
    del damaged[[7, 100]]
    for atoms in (damaged, noisy_slab(rng), fcc(3)):
        crystal = crystal_of(atoms, model.cutoff)
        cluster = crystal.open_cluster(atoms.positions)
        moved = displacement(backend, *cluster, crystal)
        on_cpu = make_backend(model)
        np.testing.assert_allclose(moved, displacement(on_cpu, *cluster, crystal), atol=SAME)
        assert backend.nearest == pytest.approx(on_cpu.nearest, rel=1e-6)


@pytest.mark.parametrize(("n_channels", "n_hidden", "cutoff", "n_layers"), SHAPES)
def test_random_networks(n_channels: int, n_hidden: int, cutoff: float, n_layers: int, rng: np.random.Generator) -> None:
    """Forces, on ghosts too, mobilities and layers one by one."""
    network = random_network(n_layers, cutoff, n_channels, n_hidden)
    atoms = noisy(fcc(3), 0.2, rng)
    del atoms[7]
    crystal, kernel = crystal_of(atoms, cutoff), on_card(network)
    cluster = crystal.open_cluster(atoms.positions)
    for found, expected in zip(kernel.pair_forces(*cluster), by_torch(network).pair_forces(*cluster), strict=True):
        assert np.abs(expected).max() > 1e-2
        np.testing.assert_allclose(found, expected, atol=SAME)
    for layer in range(n_layers):
        v_in = crystal.forward(rng.normal(0.0, 0.1, atoms.positions.shape))
        expected = by_torch(network).message_layer(*cluster, v_in, layer)
        np.testing.assert_allclose(kernel.message_layer(*cluster, v_in, layer), expected, atol=SAME)


def test_species(rng: np.random.Generator) -> None:
    network = random_network(2, 5.0, 8, 32, n_species=3)
    atoms, species = noisy(fcc(3), 0.2, rng), rng.integers(0, 3, 108).astype(np.int32)
    crystal = crystal_of(atoms, 5.0)
    cluster = crystal.open_cluster(atoms.positions)
    moved, expected, other = (
        displacement(KernelBackend(kernel), *cluster, crystal, crystal.of_owners(given))
        for kernel, given in ((on_card(network), species), (Kernel(pack(network)), species), (Kernel(pack(network)), 0 * species))
    )
    np.testing.assert_allclose(moved, expected, atol=SAME)
    assert np.abs(moved - other).max() > 1e-2
    with pytest.raises(HealError, match="species is null"):
        on_card(network).pair_forces(*cluster)


def test_a_gas_without_a_box(rng: np.random.Generator) -> None:
    """Pairs at all distances, dense spots and atoms alone; the formulas in float64 are the reference."""
    network = random_network(2, 5.0, 8, 32)
    reference = ReferenceNetwork({name: w.numpy() for name, w in network.state_dict().items()}, 5.0, network.switch_on)
    positions = np.vstack([rng.uniform(-9.0, 9.0, (60, 3)), rng.normal(40.0, 1.5, (20, 3)), [[1e6, 0.0, 0.0]]])
    n_atoms = len(positions)
    crystal = PeriodicCrystal(np.zeros((3, 3)), np.zeros(3, bool), 5.0)
    expected = reference.displacement(positions, np.arange(n_atoms))
    scale = max(1.0, float(np.abs(expected).max()))
    moved = displacement(KernelBackend(on_card(network)), *crystal.open_cluster(positions), crystal)
    np.testing.assert_allclose(moved, expected, atol=10 * SAME * scale)  # random weights amplify rounding
    assert np.count_nonzero(moved[-1]) == 0 < np.count_nonzero(moved[0])
    nothing = neighbours_by_id(positions, np.arange(n_atoms), 0, 5.0)
    forces, mobilities = on_card(network).pair_forces(positions, nothing)
    assert mobilities.shape == (0, 3, 3) and not forces.any()


@pytest.mark.parametrize("number", HOSTILE)
def test_any_number_in_a_position(model: Model, number: float, rng: np.random.Generator) -> None:
    """One atom of a crystal, the first too, from which others are measured; and the whole of it far from the origin."""
    kernel, on_cpu = on_card(model.weights), Kernel(model.weights)
    crystal = noisy(fcc(2), 0.1, rng).positions
    for atom in (0, 13):
        positions = crystal.copy()
        positions[atom, atom % 3] = number
        listed = neighbours_by_id(positions, np.arange(len(positions)), len(positions), model.cutoff)
        for found, expected in zip(kernel.pair_forces(positions, listed), on_cpu.pair_forces(positions, listed), strict=True):
            np.testing.assert_allclose(found, expected, atol=SAME)
    v_in = np.full(crystal.shape, number)
    v_out = kernel.message_layer(positions, listed, v_in, 0)
    np.testing.assert_array_equal(np.isfinite(v_out), np.isfinite(on_cpu.message_layer(positions, listed, v_in, 0)))


def test_far_from_the_origin(model: Model, rng: np.random.Generator) -> None:
    positions = noisy(fcc(2), 0.1, rng).positions + np.array([1.0e9, -1.0e9, 3.0e5])
    listed = neighbours_by_id(positions, np.arange(len(positions)), len(positions), model.cutoff)
    found, expected = (kernel.pair_forces(positions, listed)[0] for kernel in (on_card(model.weights), Kernel(model.weights)))
    assert np.abs(expected).max() > 1e-2
    np.testing.assert_allclose(found, expected, atol=SAME)


@pytest.mark.parametrize("distance", [0.0, 1.0e-320, 1.0e-40, OVERLAPPING])
def test_two_atoms_on_one_spot_are_named(model: Model, distance: float) -> None:
    atoms = fcc(3)
    atoms.positions[20] = atoms.positions[3] + [0.0, distance, 0.0]
    cluster = crystal_of(atoms, model.cutoff).open_cluster(atoms.positions)
    for kernel in (on_card(model.weights), Kernel(model.weights)):
        with pytest.raises(HealError, match=r"two atoms overlap, at \(1\.960, 1\.960, 0\.000\) Å"):
            kernel.pair_forces(*cluster)


def test_the_same_bits_in_any_order_of_threads(model: Model, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    atoms = noisy(fcc(4), 0.3, rng)
    crystal = crystal_of(atoms, model.cutoff)
    cluster = crystal.open_cluster(atoms.positions)
    backend = KernelBackend(on_card(model.weights))
    forward = displacement(backend, *cluster, crystal)
    monkeypatch.setenv("FAKE_CUDA_BACKWARD", "1")
    np.testing.assert_array_equal(displacement(backend, *cluster, crystal), forward)


def test_a_full_card_says_so_and_heals_once_it_is_free(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever in a step the memory ends."""
    atoms = fcc(3)
    crystal, backend = crystal_of(atoms, model.cutoff), KernelBackend(on_card(model.weights))
    cluster = crystal.open_cluster(atoms.positions)
    refusals = set()
    for n_bytes in itertools.count(0, 50_000):
        monkeypatch.setenv("FAKE_CUDA_BYTES", str(n_bytes))
        try:
            moved = displacement(backend, *cluster, crystal)
            break
        except HealError as refusal:
            refusals.add(str(refusal))
    assert refusals == {
        "the kernel failed: CUDA device 0: no room for 1 MiB (out of memory): free memory of the device, use more devices, "
        'or "device cpu"'
    }
    assert np.abs(moved).max() < SAME


def test_the_card_s_own_compiler_takes_the_source(model: Model) -> None:
    """Where NVRTC is there, as beside a torch with CUDA; the driver is the emulated one, which does not look at the code."""
    nvrtc = pytest.importorskip(NVRTC)
    library = next(Path(nvrtc.__path__[0]).glob("lib/libnvrtc.so.*"))
    program = "from lammps_heal.model.model_file import load; from lammps_heal.kernel.kernel import Kernel; import sys; "
    program += "print(Kernel(load(sys.argv[1]).weights, 1.0, 'cuda').instruction_set)"
    environment = {**os.environ, "LAMMPS_HEAL_NVRTC": str(library)}
    done = subprocess.run([sys.executable, "-c", program, model.path], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "cuda:0", done.stderr
