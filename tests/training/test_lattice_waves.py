import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import LATTICE_CONSTANT, fcc
from networks import random_network

from lammps_heal.model.network import HealingNetwork
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.step import displacement
from lammps_heal.step.torchscript import TorchBackend
from lammps_heal.training.lattice_waves import CELLS, LatticeWaves

SMALL = 1.0e-3  # Å: the network is linear there, and float32 still has three digits
N_CRYSTALS = 6  # of independent noise
SAMPLING = 0.03  # relative: what is left is mostly of few waves, and varies by some 2 % with a crystal's noise


@pytest.fixture(scope="module", params=[0, 2])
def network(request: pytest.FixtureRequest) -> HealingNetwork:
    """Some message-passing layers, or none; its steps take less than they should."""
    network = random_network(request.param, cutoff=5.2, switch_on=0.7)
    response = LatticeWaves(LATTICE_CONSTANT, network.cutoff).response(network)
    with torch.no_grad():
        for part in (network.gates[4].weight, network.gates[4].bias):
            part *= 0.35 / response[0, 0, 0]
        network.message_weights *= 3.5  # so that a wrong layer would be seen above the sampling
    return network


@pytest.fixture(scope="module")
def waves(network: HealingNetwork) -> LatticeWaves:
    return LatticeWaves(LATTICE_CONSTANT, network.cutoff)


def test_a_shift_of_the_whole_crystal_gets_no_displacement(network: HealingNetwork, waves: LatticeWaves) -> None:
    response = waves.response(network)
    assert response.abs().max() > 0.01
    assert torch.allclose(response.sum(0), torch.zeros(3, 3, dtype=response.dtype), atol=1.0e-5)


def test_the_noise_that_is_left_is_that_of_real_steps(network: HealingNetwork, waves: LatticeWaves) -> None:
    with torch.no_grad():
        rms, energy = waves.remaining(network, 3)[0]

    sites = fcc(CELLS[0])
    crystal = PeriodicCrystal(sites.cell[:], sites.pbc, network.cutoff)
    left = np.zeros((4, 2))  # after 0 to 3 steps: squares and energy, summed over the crystals
    for seed in range(N_CRYSTALS):
        u = np.random.default_rng(seed).normal(0.0, SMALL, sites.positions.shape)
        for n in range(4):
            u -= u.mean(0)
            left[n] += (u**2).sum(), bond_energy(sites, u)
            u = u + displacement(TorchBackend(network), *crystal.open_cluster(sites.positions + u), crystal)
    np.testing.assert_allclose(np.sqrt(left[1:, 0] / left[0, 0]), rms, rtol=SAMPLING)
    np.testing.assert_allclose(left[1:, 1] / left[0, 1], energy, rtol=SAMPLING)
    assert float((energy - 1.0).abs().max()) > 5 * SAMPLING  # the steps do something
    if network.n_layers:
        silent = random_network(2, cutoff=5.2, switch_on=0.7)
        silent.load_state_dict({**network.state_dict(), "message_weights": torch.zeros_like(network.message_weights)})
        with torch.no_grad():
            without_layers = waves.remaining(silent, 3)[0][0]
        assert abs(float(without_layers[-1] / rms[-1]) - 1.0) > 5 * SAMPLING


def test_only_layers_learn_from_waves(waves: LatticeWaves) -> None:
    network = random_network(2, cutoff=5.2, switch_on=0.7)
    rms, energy = waves.remaining(network, 2)[0]
    (rms.sum() + energy.sum()).backward()
    assert network.message_weights.grad is not None and float(network.message_weights.grad.abs().max()) > 0.0
    assert network.radial_weights.grad is None and network.mixing.grad is None
    assert all(parameter.grad is None for parameter in network.gates.parameters())


def bond_energy(sites: Atoms, u: np.ndarray) -> float:
    """Of springs between nearest neighbours that resist stretching along the bond."""
    points = np.rint(2.0 * sites.positions / LATTICE_CONSTANT).astype(int)
    row = np.zeros((2 * CELLS[0],) * 3, int)
    row[tuple(points.T)] = np.arange(len(sites))
    energy = 0.0
    for bond in np.array([(1, 1, 0), (1, 0, 1), (0, 1, 1), (1, -1, 0), (1, 0, -1), (0, 1, -1)]):
        neighbours = row[tuple(((points + bond) % (2 * CELLS[0])).T)]
        energy += float((((u[neighbours] - u) @ bond) ** 2).sum())
    return energy
