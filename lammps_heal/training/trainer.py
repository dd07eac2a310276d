"""One stage of a training: damage drawn in flight on clean crystals; the network learns to take it back.

States and their pool are in states.py, the loss in loss.py. The optimiser is SOAP (Vyas et al., arXiv:2409.11321),
Adam in the eigenbasis of Shampoo's preconditioner: here it reaches in 2,500 steps what Adam reaches in 32,000.

The wave loss looks at strained crystals, that no lattice constant is special. All this looks one step ahead; with
tuning_steps the message-passing layers at last learn from several (layer_tuning.py).

Pairs far apart are hard to learn, and easily forgotten: pair_steps gives them the first steps, before the network
knows that dumbbells stay, and pair_weight lets them count for more.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from ase import Atoms
from pytorch_optimizer.optimizer.soap import SOAP
from torch import Tensor

from lammps_heal.model.network import HealingNetwork
from lammps_heal.step.neighbours import periodic_neighbours
from lammps_heal.training.lattice_waves import strained_waves
from lammps_heal.training.layer_tuning import tune_layers
from lammps_heal.training.lengths import Lengths
from lammps_heal.training.loss import cell_loss, wave_loss
from lammps_heal.training.mixture import Fractions
from lammps_heal.training.recipe import NetworkSizes, Stage
from lammps_heal.training.states import State, States
from lammps_heal.training.structures import Lattice, split
from lammps_heal.training.validation import Figures, validate

WARM_UP_STEPS = 100
LAST_LEARNING_RATE = 0.01  # of the highest
LARGEST_GRADIENT = 1.0  # norm, where it is clipped
WAVE_EVERY = 4  # training steps: the waves change slowly, and cost as much as two cells


class Trainer:
    """Network, optimiser, pool and random numbers; all of it is in a checkpoint, so a resumed training is the same."""

    def __init__(
        self, structures: Sequence[Atoms], lattice: Lattice, sizes: NetworkSizes, stage: Stage, device: str = "cpu"
    ) -> None:
        self.stage, self.device, self.lattice = stage, device, lattice
        self.lengths = Lengths.of(lattice.nearest_neighbour)
        self.split = split(structures, Fractions.of(stage.mixture))
        self.rng = np.random.default_rng(stage.seed)
        torch.manual_seed(stage.seed)
        self.network = HealingNetwork(**asdict(sizes)).to(device)
        self.waves = strained_waves(lattice.constant, sizes.cutoff, device) if stage.wave_weight > 0.0 else []
        self.optimiser = SOAP(self.network.parameters(), lr=stage.learning_rate, weight_decay=0.0)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._learning_rate_factor)
        self.states = States(self.split, stage, self.lengths, self.rng)
        self.step = 0

    def _learning_rate_factor(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to LAST_LEARNING_RATE."""
        progress = min(step / self.stage.steps, 1.0)
        half_cosine = 0.5 * (1.0 + math.cos(math.pi * progress))
        return min((step + 1) / WARM_UP_STEPS, 1.0) * (LAST_LEARNING_RATE + (1.0 - LAST_LEARNING_RATE) * half_cosine)

    def train_step(self) -> float:
        """One optimiser step. Returns the loss."""
        states = self.states.draw(self.step)
        targets = [self.states.target(state) for state in states]
        displacements = self.displacements(states)
        weight = self._pair_weight()
        losses = []
        for state, displacement, target in zip(states, displacements, targets, strict=True):
            floor = self.lengths.clean_floor if state.sigma == 0.0 else self.lengths.noise_floor
            loss = cell_loss(displacement, torch.as_tensor(target, device=self.device), floor)
            losses.append((weight if state.is_pair else 1.0) * loss)
        total = torch.stack(losses).mean()
        if self.stage.wave_weight > 0.0 and self.step % WAVE_EVERY == 0:
            waves = self.waves[int(self.rng.integers(len(self.waves)))]
            total = total + self.stage.wave_weight * wave_loss(self.network, waves)
        self.optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.optimiser.step()
        self.schedule.step()
        self.step += 1
        for state, target, displacement in zip(states, targets, displacements, strict=True):
            self.states.put_back(state, target, displacement.detach().cpu().numpy())
        return float(total.detach())

    def _pair_weight(self) -> float:
        """Of the loss of Frenkel pairs: it goes as the learning rate does."""
        first, last = self.stage.pair_weight
        return last + (first - last) * self._learning_rate_factor(self.step)

    def displacements(self, states: Sequence[State]) -> list[Tensor]:
        """The network's displacement of each state, (n, 3) Å, all of them in one batch."""
        positions, centres, first, neighbours, owners, species = [], [], [np.zeros(1, np.int64)], [], [], []
        n_rows = n_edges = n_centres = 0
        for state in states:
            atoms = self.split.training[state.structure]
            cluster, own, listed = periodic_neighbours(state.positions, atoms.cell[:], atoms.pbc, self.network.cutoff)
            positions.append(cluster)
            centres.append(listed.centres + n_rows)
            first.append(listed.first[1:] + n_edges)
            neighbours.append(listed.neighbours + n_rows)
            owners.append(own + n_centres)
            species.append(self.lattice.species(atoms)[own])
            n_rows += len(cluster)
            n_edges += len(listed.neighbours)
            n_centres += len(atoms)
        batch = (positions, centres, first, neighbours, owners, species)
        moved = self.network.displacement(*(torch.as_tensor(np.concatenate(part), device=self.device) for part in batch))
        return list(torch.split(moved, [len(c) for c in centres]))

    def tune_layers(self) -> None:
        """The end of the stage, where it has one: the message-passing layers alone, through several healing steps."""
        if self.stage.tuning_steps > 0 and self.network.n_layers > 0:
            tune_layers(self.network, self.lattice.constant, self.lengths, self.stage.tuning_steps, self.device)

    def validate(self) -> Figures:
        return validate(self.network, self.split.validation, self.stage, self.lengths, self.lattice)

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "pool": self.states.state_dict(),
            "rng": self.rng.bit_generator.state,
            "step": self.step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.states.load_state_dict(state["pool"])
        self.rng.bit_generator.state = state["rng"]
        self.step = state["step"]
