"""The end of a stage: the message-passing layers alone, on what the first healing steps leave of the energy of noise.

The training looks one step ahead, so its message-passing layers do what is best for the next step and for small
displacements. Here the steps are unrolled: noise is put on perfect crystals, healed, and the gradient goes back through
all steps. Loss: logarithms of the energy of springs between nearest neighbours, after the steps and with the weights of
UNROLLED; and of the RMS that WAVE_STEP steps leave of all waves of large perfect crystals (lattice_waves.py), for energy
alone hardly feels the longest. Only these layers learn: where the displacements before them are nothing they do nothing,
so what rests goes on resting.
"""

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from torch import Tensor

from lammps_heal.model.model_file import MAX_DISPLACEMENT
from lammps_heal.model.network import HealingNetwork
from lammps_heal.step.neighbours import Float64Array, periodic_neighbours
from lammps_heal.training.lattice_waves import WAVE_RMS_FLOOR, WAVE_STEP, strained_waves
from lammps_heal.training.lengths import Lengths

# For each of `tuning_sigmas` the weight of the logarithm of the energy after each healing step.
UNROLLED: tuple[dict[int, float], ...] = ({2: 0.5}, {2: 0.5, 3: 1.0})
CELLS = 5  # cubic cells along each side of the crystals
STRAIN = 0.02  # of their lattice constants, the largest
WAVE_WEIGHT = 2.0
NEAREST = 0.85  # lattice constants; between the first and the second shell
LEAST_ENERGY = 1.0e-7  # Å²
LEARNING_RATE = 0.003
LAST_LEARNING_RATE = 0.02  # of it
WARM_UP_STEPS = 20
LARGEST_GRADIENT = 1.0  # norm, where it is clipped
SEED = 99


def tune_layers(network: HealingNetwork, lattice_constant: float, lengths: Lengths, n_steps: int, device: str = "cpu") -> None:
    """Train the message-passing layers of `network` in place, by Adam. lattice_constant: Å."""
    rng = np.random.default_rng(SEED)
    optimiser = torch.optim.Adam([network.message_weights], lr=LEARNING_RATE)
    waves = strained_waves(lattice_constant, network.cutoff, device)
    for step in range(n_steps):
        rate = LEARNING_RATE * min(1.0, (step + 1) / WARM_UP_STEPS) * (1.0 - (1.0 - LAST_LEARNING_RATE) * step / n_steps)
        optimiser.param_groups[0]["lr"] = rate
        losses = []
        for sigma, weights in zip(lengths.tuning_sigmas, UNROLLED, strict=True):
            strained = float(rng.uniform(1.0 - STRAIN, 1.0 + STRAIN)) * lattice_constant
            sites = bulk("Pt", "fcc", a=strained, cubic=True).repeat(CELLS)
            noise = rng.normal(0.0, sigma, sites.positions.shape)
            energies = unrolled_energies(network, sites, noise, max(weights), device)
            losses += [weights[n] * (energies[n - 1] + LEAST_ENERGY).log() for n in weights]
        left = waves[int(rng.integers(len(waves)))].remaining(network, WAVE_STEP)
        losses.append(WAVE_WEIGHT * torch.stack([(rms[-1] + WAVE_RMS_FLOOR).log() for rms, _ in left]).mean())
        (network.message_weights.grad,) = torch.autograd.grad(torch.stack(losses).sum(), [network.message_weights])
        torch.nn.utils.clip_grad_norm_([network.message_weights], LARGEST_GRADIENT)
        optimiser.step()


def unrolled_energies(
    network: HealingNetwork, sites: Atoms, noise: Float64Array, n_steps: int, device: str = "cpu"
) -> list[Tensor]:
    """Mean squared change of length of the bonds between nearest neighbours, Å², after each of the healing steps.

    sites: an fcc crystal of CELLS cubic cells along each side. noise: (n, 3) Å, put on it.
    """
    reach = float(np.linalg.norm(sites.cell[0])) / CELLS * NEAREST
    first, second, bonds = neighbor_list("ijD", sites, reach)
    along = torch.as_tensor(bonds / np.linalg.norm(bonds, axis=1)[:, None], device=device)
    clean = torch.as_tensor(sites.positions, device=device)
    positions, energies = clean + torch.as_tensor(noise, device=device), []
    for _ in range(n_steps):
        positions = positions + _step(network, positions, sites, device)
        moved = positions - clean
        energies.append((((moved[second] - moved[first]) * along).sum(1) ** 2).mean())
    return energies


def _step(network: HealingNetwork, positions: Tensor, sites: Atoms, device: str) -> Tensor:
    """The capped displacement of each atom, with a gradient that goes back to positions."""
    now = positions.detach().cpu().numpy()
    cluster, owners, listed = periodic_neighbours(now, sites.cell[:], sites.pbc, network.cutoff)
    own, shifts = torch.as_tensor(owners, device=device), torch.as_tensor(cluster - now[owners], device=device)
    edges = (torch.as_tensor(part, device=device) for part in (listed.centres, listed.first, listed.neighbours, owners))
    displacement: Tensor = network.displacement(positions[own] + shifts, *edges)
    length = displacement.norm(dim=1, keepdim=True)
    return displacement * torch.clamp(MAX_DISPLACEMENT / length.clamp_min(1e-12), max=1.0)
