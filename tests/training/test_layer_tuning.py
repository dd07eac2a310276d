import numpy as np
import pytest
import torch
from ase.neighborlist import neighbor_list
from conftest import ROOT, fcc

from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.model.model_file import load
from lammps_heal.model.network import HealingNetwork
from lammps_heal.training.lattice_waves import WAVE_STEP, LatticeWaves
from lammps_heal.training.layer_tuning import CELLS, UNROLLED, tune_layers, unrolled_energies
from lammps_heal.training.lengths import Lengths
from lammps_heal.training.weights import read_network

LENGTHS = Lengths()


def shipped() -> HealingNetwork:
    return read_network(ROOT / "data/best_denoise_model.pth").network


def test_tuning_lowers_what_the_first_steps_leave_and_touches_layers_alone(rng: np.random.Generator) -> None:
    network, untouched = shipped(), shipped()
    with torch.no_grad():
        network.message_weights *= 0.5
        untouched.message_weights *= 0.5
    tune_layers(network, 3.92, LENGTHS, 30)
    sites = fcc(CELLS)
    for sigma, weights in zip(LENGTHS.tuning_sigmas, UNROLLED, strict=True):
        noise = rng.normal(0.0, sigma, sites.positions.shape)
        with torch.no_grad():
            tuned, before = (unrolled_energies(n, sites, noise, max(weights)) for n in (network, untouched))
        assert all(tuned[n - 1] < before[n - 1] for n in weights)
    waves = LatticeWaves(3.92, network.cutoff)
    with torch.no_grad():
        after, before = (waves.remaining(n, WAVE_STEP) for n in (network, untouched))
    assert all(a[0][-1] < b[0][-1] for a, b in zip(after, before, strict=True))
    for name, value in network.state_dict().items():
        assert torch.equal(value, untouched.state_dict()[name]) == (name != "message_weights")


def test_unrolled_steps_are_those_of_healing(rng: np.random.Generator) -> None:
    """Capped where healing caps them; atoms are not so near that the soft floor, of which training knows nothing, acts."""
    sites, model = fcc(CELLS), load(ROOT / "data/pt_heal.pt")
    first, second, bonds = neighbor_list("ijD", sites, 3.0)
    assert len(bonds) == 12 * len(sites)
    along = bonds / np.linalg.norm(bonds, axis=1)[:, None]
    noise = rng.normal(0.0, 0.35, sites.positions.shape)
    atoms = sites.copy()
    atoms.positions += noise
    moves = np.linalg.norm(heal(atoms, model, steps=1).positions - atoms.positions, axis=1)
    assert moves.max() == pytest.approx(model.max_displacement)
    with torch.no_grad():
        energies = unrolled_energies(shipped(), sites, noise, 3)
    for energy in energies:
        atoms = heal(atoms, model, steps=1)
        moved = atoms.positions - sites.positions
        expected = (((moved[second] - moved[first]) * along).sum(1) ** 2).mean()
        np.testing.assert_allclose(float(energy), expected, rtol=1e-3)
