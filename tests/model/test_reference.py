"""The float64 transcription of the formulas: by hand, by symmetry, and against TorchScript and the kernel."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import LATTICE_CONSTANT, TOLERANCE, fcc, noisy
from networks import GhostsOfGroup, exported, random_network
from scipy.spatial.transform import Rotation

from lammps_heal.kernel.kernel import Kernel
from lammps_heal.kernel.library import instruction_sets
from lammps_heal.model.model_file import Model
from lammps_heal.model.reference import ReferenceNetwork
from lammps_heal.model.scripted import open_torchscript
from lammps_heal.step.backends import KernelBackend
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import periodic_ghosts
from lammps_heal.step.step import Backend, displacement
from lammps_heal.step.torchscript import TorchBackend

EXACT = TOLERANCE[torch.float64]  # Å
BackendOf = Callable[[Model], Backend]


def reference_of(network: torch.nn.Module) -> ReferenceNetwork:
    weights = {name: parameter.detach().numpy() for name, parameter in network.named_parameters()}
    return ReferenceNetwork(weights, network.cutoff, network.switch_on)


def by_reference(
    reference: ReferenceNetwork, atoms: Atoms, moves: np.ndarray | None = None, length_scale: float = 1.0
) -> np.ndarray:
    """(n_atoms, 3) Å."""
    ghosts = periodic_ghosts(atoms.positions, atoms.cell[:], atoms.pbc, reference.cutoff * length_scale)
    return reference.displacement(ghosts.positions(atoms.positions), ghosts.owners(), moves, length_scale)


@pytest.fixture(params=["shipped", "random"])
def network(request: pytest.FixtureRequest, torchscript: torch.jit.ScriptModule) -> torch.nn.Module:
    return torchscript.network if request.param == "shipped" else random_network(2)


@pytest.fixture
def reference(network: torch.nn.Module) -> ReferenceNetwork:
    return reference_of(network)


@pytest.fixture
def damaged(rng: np.random.Generator) -> Atoms:
    atoms = noisy(fcc(3), 0.2, rng)
    del atoms[17]
    return atoms


def one_channel(gates: list[float], message: tuple[float, float] = (0.0, 0.0)) -> ReferenceNetwork:
    """One Gaussian, exp(-(d - 2)^2), one channel, one layer; the gates (g_0, g_1, g_2, g_3, t, s) are the same for every atom."""
    weights = {
        "basis_centres": [2.0],
        "basis_log_width": [0.0],
        "radial_weights": np.arange(1.0, 9.0)[None],  # R_0 .. R_3, Q_0 .. Q_3
        "message_weights": np.array([message]),
        "mixing": np.full((4, 1, 1), 0.5),
        "gates.0.weight": np.zeros((2, 4)),
        "gates.0.bias": np.zeros(2),
        "gates.2.weight": np.zeros((2, 2)),
        "gates.2.bias": np.zeros(2),
        "gates.4.weight": np.zeros((6, 2)),
        "gates.4.bias": np.array(gates),
    }
    return ReferenceNetwork(weights, cutoff=4.0, switch_on=3.0)


DIMER = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.5]])
PHI = np.exp(-0.25)  # of the dimer, where the envelope is still 1


def test_a_dimer_by_hand() -> None:
    """Degree by degree: M_kl0 = 0.5 R_l phi Y_l0(u), and Y_l0(u)^2 = 1 along z."""
    for degree in range(4):
        gates = [0.0] * 6
        gates[degree] = 1.0
        w = (5 + degree) * PHI * (1.0 if degree == 0 else 0.5 * (1 + degree) * PHI)
        expected = [[0.0, 0.0, 2.0 * w], [0.0, 0.0, -2.0 * w]]  # w_ij + w_ji
        np.testing.assert_allclose(one_channel(gates).displacement(DIMER, np.arange(2)), expected, atol=EXACT)


def test_mobility_and_messages_of_a_dimer_by_hand() -> None:
    t, s, a, b = 0.3, 0.2, 0.04, 0.01
    v = 2.0 * 5.0 * PHI * (1.0 + s + t * 0.5 * 3.0 * PHI)  # B along z: T_zz of M_20 is M_20 itself
    message = -PHI * (a + b) * v
    moved = one_channel([1.0, 0.0, 0.0, 0.0, t, s], (a, b)).displacement(DIMER, np.arange(2))
    np.testing.assert_allclose(moved, [[0.0, 0.0, v + message], [0.0, 0.0, -v - message]], atol=EXACT)


def test_the_envelope_ends_at_the_cutoff() -> None:
    """Half-way between switch_on and the cutoff it is 1/2; beyond the cutoff atoms stay."""
    reference = one_channel([1.0] + [0.0] * 5)
    for d, envelope in ((3.0, 1.0), (3.5, 0.5), (4.0 - 1e-6, 0.0), (4.1, 0.0)):
        moved = reference.displacement(np.array([[0.0, 0.0, 0.0], [d, 0.0, 0.0]]), np.arange(2))
        expected = 2.0 * 5.0 * envelope * np.exp(-((d - 2.0) ** 2))
        np.testing.assert_allclose(moved[:, 0], [expected, -expected], atol=EXACT)


@pytest.fixture(params=["TorchScript", *instruction_sets()])
def backend_of(request: pytest.FixtureRequest) -> BackendOf:
    """TorchScript in float32, or the kernel on each instruction set."""
    if request.param == "TorchScript":
        return lambda model: TorchBackend(open_torchscript(model))
    return lambda model: KernelBackend(Kernel(model.weights, model.length_scale, request.param))


@pytest.mark.parametrize("shape", [(4, 16, 5.0, 0), (8, 32, 5.5, 1), (3, 7, 4.5, 3)])
def test_backends_of_random_networks(
    backend_of: BackendOf, shape: tuple[int, int, float, int], tmp_path: Path, rng: np.random.Generator
) -> None:
    n_channels, n_hidden, cutoff, n_layers = shape
    model = exported(random_network(n_layers, cutoff, n_channels, n_hidden), tmp_path)
    for sigma in (0.05, 0.4):
        assert_same_as_reference(backend_of, model, noisy(fcc(3), sigma, rng))


def test_backends_in_small_triclinic_and_open_cells(backend_of: BackendOf, tmp_path: Path, rng: np.random.Generator) -> None:
    """A cell shorter than the cutoff: several images of an atom are its neighbours, its own among them."""
    model, atoms = exported(random_network(2), tmp_path), noisy(fcc(2), 0.2, rng)
    atoms.set_cell(atoms.cell[:] + np.array([[0, 0, 0], [1.1, 0, 0], [-0.4, 0.7, 0]]), scale_atoms=True)
    for pbc in ((True, True, True), (True, False, True), (False, False, False)):
        atoms.pbc = pbc
        assert_same_as_reference(backend_of, model, atoms)


@pytest.mark.parametrize("lattice", [LATTICE_CONSTANT, 3.6])
def test_backends_with_the_shipped_weights(backend_of: BackendOf, model: Model, damaged: Atoms, lattice: float) -> None:
    damaged.set_cell(damaged.cell[:] * lattice / LATTICE_CONSTANT, scale_atoms=True)
    assert_same_as_reference(backend_of, model.scaled(lattice), damaged)


def assert_same_as_reference(backend_of: BackendOf, model: Model, atoms: Atoms) -> None:
    """Also where a group moves."""
    reference = reference_of(open_torchscript(model).network)
    for moves in (np.ones(len(atoms), bool), np.arange(len(atoms)) % 3 > 0):
        crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, model.cutoff)
        ghosts = GhostsOfGroup(crystal, moves[:, None].astype(float))
        result = moves[:, None] * displacement(backend_of(model), *crystal.open_cluster(atoms.positions), ghosts)
        expected = by_reference(reference, atoms, moves, model.length_scale)
        assert np.abs(expected).max() > 1e-2
        np.testing.assert_allclose(result, expected, atol=TOLERANCE[torch.float32])


def test_a_scaled_crystal_moves_by_as_much_more(reference: ReferenceNetwork, damaged: Atoms) -> None:
    larger = damaged.copy()
    larger.set_cell(1.1 * damaged.cell[:], scale_atoms=True)
    scaled = by_reference(reference, larger, length_scale=1.1)
    np.testing.assert_allclose(scaled, 1.1 * by_reference(reference, damaged), atol=EXACT)


@pytest.mark.parametrize("reflect", [1.0, -1.0])
def test_turns_and_reflects_with_the_crystal(reference: ReferenceNetwork, damaged: Atoms, reflect: float) -> None:
    matrix = reflect * Rotation.random(rng=np.random.default_rng(5)).as_matrix()
    turned = damaged.copy()
    turned.set_cell(damaged.cell[:] @ matrix, scale_atoms=False)
    turned.positions = damaged.positions @ matrix
    np.testing.assert_allclose(by_reference(reference, turned), by_reference(reference, damaged) @ matrix, atol=EXACT)


def test_order_and_place_of_atoms_do_not_matter(reference: ReferenceNetwork, damaged: Atoms, rng: np.random.Generator) -> None:
    order, shifted = rng.permutation(len(damaged)), damaged.copy()
    shifted.positions += [12.3, -5.6, 7.8]
    expected = by_reference(reference, damaged)[order]
    np.testing.assert_allclose(by_reference(reference, shifted[order]), expected, atol=EXACT)


def test_a_perfect_crystal_does_not_move(reference: ReferenceNetwork) -> None:
    """By symmetry: every site of fcc is a centre of inversion."""
    assert np.abs(by_reference(reference, fcc(3, 1.01 * LATTICE_CONSTANT))).max() < EXACT


def test_forces_sum_to_zero(reference: ReferenceNetwork, damaged: Atoms) -> None:
    ghosts = periodic_ghosts(damaged.positions, damaged.cell[:], damaged.pbc, reference.cutoff)
    positions = ghosts.positions(damaged.positions)
    forces, mobilities = reference.pair_forces(reference.edges(positions, len(damaged)), len(positions), len(damaged))
    assert np.abs(forces[: len(damaged)]).max() > 1e-2 and np.abs(forces[len(damaged) :]).max() > 1e-3
    np.testing.assert_allclose(forces.sum(0), 0.0, atol=EXACT)
    np.testing.assert_allclose(mobilities, np.swapaxes(mobilities, 1, 2), atol=EXACT)
