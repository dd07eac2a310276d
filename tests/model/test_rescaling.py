import numpy as np
import pytest
import torch
from conftest import fcc, noisy
from networks import random_network

from lammps_heal.model.network import HealingNetwork
from lammps_heal.model.rescaling import rescaled
from lammps_heal.step.neighbours import periodic_neighbours


def displacement(network: HealingNetwork, positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    cluster, owners, listed = periodic_neighbours(positions, cell, np.ones(3, bool), network.cutoff)
    edges = (torch.as_tensor(part) for part in (cluster, listed.centres, listed.first, listed.neighbours, owners))
    moved: np.ndarray = network.displacement(*edges).detach().numpy()
    return moved


@pytest.mark.parametrize("scale", [0.8, 1.15])
def test_a_rescaled_network_does_to_the_scaled_crystal_what_it_did_scaled(scale: float, rng: np.random.Generator) -> None:
    atoms = noisy(fcc(3), 0.1, rng)
    network = random_network(n_layers=2)
    other = random_network(n_layers=2, cutoff=scale * network.cutoff)
    other.load_state_dict(rescaled(network.state_dict(), scale))
    moved = displacement(network, atoms.positions, atoms.cell[:])
    scaled = displacement(other, scale * atoms.positions, scale * atoms.cell[:])
    np.testing.assert_allclose(scaled, scale * moved, atol=1e-5)
    assert np.abs(moved).max() > 0.01
