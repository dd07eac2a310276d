"""What a training makes small.

For each cell ln(1 + mean |f(x) - (x_site - x)|^2 / (s^2 + s_0^2)), where x_site are the clean sites, s is the RMS of
x_site - x per component, and s_0 a floor. For fresh noise, x = x_site + eps, this is the seed loss |f(x) + eps|^2 with
each noise level given equal weight; the logarithm keeps a healed cell that the network moves from outweighing all
others. In a cell that began at its sites s_0 is far smaller: what the network moves a relaxed defect by, many steps and
the long waves around it multiply.

A second part are the logarithms of what the steps leave of all waves of large perfect crystals (lattice_waves.py), RMS
after WAVE_STEP and, with WAVE_ENERGY_WEIGHT, energy after WAVE_ENERGY_STEPS. It is for the message-passing layers alone
to learn from.
"""

import torch
from torch import Tensor

from lammps_heal.model.network import HealingNetwork
from lammps_heal.training.lattice_waves import WAVE_RMS_FLOOR, WAVE_STEP, LatticeWaves

WAVE_ENERGY_STEPS = (2, 3, 4, 5)
WAVE_ENERGY_WEIGHT = 0.1
WAVE_ENERGY_FLOOR = 1.0e-5  # of that of the noise put on, as WAVE_RMS_FLOOR


def cell_loss(displacement: Tensor, target: Tensor, floor: float) -> Tensor:
    """Of one cell. displacement, target: (n, 3) Å. floor: s_0, Å."""
    relative = ((displacement - target) ** 2).mean() / ((target**2).mean() + floor**2)
    return torch.log1p(relative)


def wave_loss(network: HealingNetwork, waves: LatticeWaves) -> Tensor:
    """Of all waves of perfect crystals."""
    losses = []
    for rms, energy in waves.remaining(network, WAVE_STEP):
        energies = torch.stack([(energy[step - 1] + WAVE_ENERGY_FLOOR).log() for step in WAVE_ENERGY_STEPS])
        losses.append((rms[WAVE_STEP - 1] + WAVE_RMS_FLOOR).log() + WAVE_ENERGY_WEIGHT * energies.sum())
    return torch.stack(losses).mean()
