"""Training: noise drawn in flight on clean crystals; the network learns to take it back.

Loss: for each cell, ln(1 + mean |f(x) - (x_site - x)|^2 / (s^2 + s_0^2)), where x_site are the clean sites, s is
the RMS of x_site - x per component, and s_0 = NOISE_FLOOR. For fresh noise, x = x_site + eps, this is the seed
loss |f(x) + eps|^2 with each noise level given equal weight; the logarithm keeps a healed cell that the network
moves from outweighing all others. In a cell that began at its sites, s_0 = CLEAN_FLOOR is far smaller: what the
network moves a relaxed defect by, many steps and the long waves around it multiply. Besides fresh noise the network
sees states that it has itself partly healed, since after one step the error is no longer independent noise: each
training step applies its own answer to the states of the batch and puts them back into a pool. Part of the
fresh crystals have a close Frenkel pair, which is to recombine: strong noise leaves such pairs after a step or two;
or, beside a vacancy, an atom on its way into it, which is to fall back. Part have a smooth displacement: it must be
taken back too, though it hardly strains the neighbourhood of any one atom.

The optimiser is SOAP (Vyas et al., arXiv:2409.11321), Adam in the eigenbasis of Shampoo's preconditioner: here it
reaches in 2,500 steps what Adam reaches in 32,000.

With wave_weight the loss has a second part: the logarithms of what the steps leave of all waves of large perfect
crystals (lattice_waves.py), RMS after WAVE_STEP and, with WAVE_ENERGY_WEIGHT, energy after WAVE_ENERGY_STEPS. It is
for the relays alone to learn from. The crystals are strained, that no lattice constant is special.
All this looks one step ahead; with layer_steps the relays at last learn from several (relay_tuning.py).

Pairs far apart are hard to learn, and easily forgotten: frenkel_steps gives them the first steps, before the network
knows that dumbbells stay, and frenkel_weight lets them count for more. A training can start from the weights of
another, with more hidden units too.
"""

import hashlib
import json
import math
import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from pytorch_optimizer.optimizer.soap import SOAP
from torch import Tensor
from tqdm import tqdm

from lammps_heal.analysis.sites import remove_mean, root_mean_square, vectors_to_sites
from lammps_heal.errors import HealError
from lammps_heal.model.model_file import MAX_DISPLACEMENT
from lammps_heal.model.network import HealingNetwork
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import Float64Array, periodic_neighbours
from lammps_heal.step.step import cap, displacement
from lammps_heal.step.torchscript import TorchBackend
from lammps_heal.training.lattice_waves import WAVE_RMS_FLOOR, WAVE_STEP, strained_waves
from lammps_heal.training.layer_tuning import tune_layers
from lammps_heal.training.options import TrainingOptions
from lammps_heal.training.structures import (
    CRYSTAL,
    DEFECT,
    START,
    THERMAL,
    frenkel_pair,
    group_of,
    half_way,
    read_training_structures,
    smooth_shifts,
    uneven_sigmas,
)
from lammps_heal.training.weights import make_network, network_sizes, read_network

NOISE_FLOOR = 0.002  # Å, s_0 of the loss
CLEAN_FLOOR = 0.0005  # Å, s_0 of structures that never had noise
FRENKEL_SIGMA = 0.3  # Å, the most noise around a close Frenkel pair
SMOOTH_SIGMA = 0.05  # Å, the most noise on a smooth displacement; half of them have none
WORST_RESIDUAL = 1.2  # of the noise put on, or of 0.1 Å: a state made worse than that teaches nothing
VALIDATION_SIGMAS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)  # Å
DEFECT_SIGMAS = (0.1, 0.3)  # Å, validation of the held-out defects
VALIDATION_STEPS = (1, 2, 4, 8)
VALIDATION_SEED = 918273
HELD_OUT = 0.1  # part of each group of structures, drawn at random, that validates and is not trained on
WARM_UP_STEPS = 100
WAVE_EVERY = 4  # training steps: the waves change slowly, and cost as much as two cells
WAVE_ENERGY_STEPS = (2, 3, 4, 5)
WAVE_ENERGY_WEIGHT = 0.1
WAVE_ENERGY_FLOOR = 1.0e-5  # of that of the noise put on, as WAVE_RMS_FLOOR


@dataclass
class PoolState:
    """A structure on its way from noise to its sites. sigma: Å, RMS over the atoms of uneven or thermal noise.

    is_pair: began with a close Frenkel pair, or an atom half-way into a vacancy.
    """

    structure: int
    sigma: float
    positions: Float64Array
    age: int
    is_pair: bool = False


class Trainer:
    """Network, optimiser, pool and random numbers; all of it is in a checkpoint, so a resumed training is the same."""

    def __init__(self, structures: list[Atoms], options: TrainingOptions, device: str = "cpu") -> None:
        self.options = options
        self.device = device
        self.training_set: list[Atoms] = []
        self.validation_set: list[Atoms] = []
        self.groups: dict[str, list[int]] = {}  # rows of the training set
        for group, fraction in (
            (CRYSTAL, 1.0),
            (DEFECT, options.defect_fraction),
            (THERMAL, options.thermal_fraction),
        ):
            members = [atoms for atoms in structures if group_of(atoms) == group]
            n_held_out = int(HELD_OUT * len(members))
            if n_held_out == 0 and fraction > 0.0:
                needed = math.ceil(1 / HELD_OUT)
                raise HealError(f"training needs at least {needed} structures ({group}), got {len(members)}: run make data")
            order = np.random.default_rng(VALIDATION_SEED).permutation(len(members))
            self.validation_set += [members[i] for i in order[:n_held_out]]
            n_trained = len(members) - n_held_out
            self.groups[group] = list(range(len(self.training_set), len(self.training_set) + n_trained))
            self.training_set += [members[i] for i in order[n_held_out:]]
        self.rng = np.random.default_rng(options.seed)
        torch.manual_seed(options.seed)
        self.network = make_network(network_sizes(options)).to(device)
        if options.wave_weight > 0.0:
            constant = describe_crystals(structures)["lattice_constant"]
            self.waves = strained_waves(constant, options.cutoff, device)
        self.optimiser = SOAP(self.network.parameters(), lr=options.learning_rate, weight_decay=0.0)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._learning_rate_factor)
        self.pool: list[PoolState] = []
        self.step = 0

    def _learning_rate_factor(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to 1 %."""
        progress = min(step / max(self.options.steps, 1), 1.0)
        return min((step + 1) / WARM_UP_STEPS, 1.0) * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * progress)))

    def _wave_loss(self) -> Tensor:
        losses = []
        waves = self.waves[int(self.rng.integers(len(self.waves)))]
        for rms, energy in waves.remaining(self.network, WAVE_STEP):
            energies = torch.stack([(energy[step - 1] + WAVE_ENERGY_FLOOR).log() for step in WAVE_ENERGY_STEPS])
            losses.append((rms[WAVE_STEP - 1] + WAVE_RMS_FLOOR).log() + WAVE_ENERGY_WEIGHT * energies.sum())
        return torch.stack(losses).mean()

    def fresh_state(self) -> PoolState:
        """A clean structure with noise of a newly drawn sigma, or a thermal snapshot."""
        only_pairs = self.step < self.options.frenkel_steps
        group = CRYSTAL if only_pairs else self._draw_group()
        structure = self.groups[group][int(self.rng.integers(len(self.groups[group])))]
        atoms = self.training_set[structure]
        clean = atoms.positions
        if group == THERMAL:
            return PoolState(structure, root_mean_square(remove_mean(atoms.arrays[START] - clean)), atoms.arrays[START], 0)
        if group == CRYSTAL and self.rng.random() < (1.0 if only_pairs else self.options.frenkel_fraction):
            sigma = self.rng.uniform(0.0, FRENKEL_SIGMA)
            damaged = half_way(atoms, self.rng) if self.rng.random() < self.options.half_way_fraction else None
            if damaged is None:
                damaged = frenkel_pair(atoms, self.options.frenkel_reach, self.rng)
            damaged = damaged + self.rng.normal(0.0, sigma, clean.shape)
            return PoolState(structure, root_mean_square(damaged - clean), damaged, 0, is_pair=True)
        if self.rng.random() < self.options.smooth_fraction:
            sigma = self.rng.uniform(0.0, SMOOTH_SIGMA) * (self.rng.random() < 0.5)
            damaged = clean + smooth_shifts(atoms, self.rng) + self.rng.normal(0.0, sigma, clean.shape)
            return PoolState(structure, root_mean_square(damaged - clean), damaged, 0)
        lowest, highest = self.options.sigma_min, self.options.sigma_max
        # Strong noise is the hardest to take back.
        power = 1.0 / (1.0 + self.options.strong_noise) if group == CRYSTAL else 1.0
        sigma = lowest + (highest - lowest) * self.rng.random() ** power
        clean_fraction = self.options.clean_fraction * (self.options.clean_crystals if group == CRYSTAL else 1.0)
        if self.rng.random() < clean_fraction:
            sigma = 0.0
        sigmas = np.full(len(atoms), sigma)
        if self.options.uneven_fraction > 0.0 and self.rng.random() < self.options.uneven_fraction:
            sigmas = uneven_sigmas(atoms, sigma, self.rng)
        noise = self.rng.normal(0.0, 1.0, clean.shape) * sigmas[:, None]
        return PoolState(structure, root_mean_square(sigmas), clean + noise, 0)

    def _draw_group(self) -> str:
        if self.options.defect_fraction + self.options.thermal_fraction == 0.0:
            return CRYSTAL
        drawn = self.rng.random() - self.options.thermal_fraction
        if drawn < 0.0:
            return THERMAL
        return DEFECT if drawn < self.options.defect_fraction else CRYSTAL

    def draw_states(self) -> list[PoolState]:
        """The cells of one step: fresh noise, and states from the pool (taken out of it)."""
        states = []
        for _ in range(self.options.cells_per_step):
            if self.pool and self.rng.random() >= self.options.fresh_fraction:
                states.append(self.pool.pop(int(self.rng.integers(len(self.pool)))))
            else:
                states.append(self.fresh_state())
        return states

    def train_step(self) -> float:
        """One optimiser step. Returns the loss."""
        states = self.draw_states()
        targets = [self._target(state) for state in states]
        answers = self._answers(states)
        o, losses = self.options, []
        pair_weight = o.frenkel_last_weight + (o.frenkel_weight - o.frenkel_last_weight) * self._learning_rate_factor(self.step)
        for state, answer, target in zip(states, answers, targets, strict=True):
            wanted = torch.as_tensor(target, device=self.device)
            floor = CLEAN_FLOOR if state.sigma == 0.0 else NOISE_FLOOR
            part = ((answer - wanted) ** 2).mean() / ((wanted**2).mean() + floor**2)
            losses.append((pair_weight if state.is_pair else 1.0) * torch.log1p(part))
        loss = torch.stack(losses).mean()
        if self.options.wave_weight > 0.0 and self.step % WAVE_EVERY == 0:
            loss = loss + self.options.wave_weight * self._wave_loss()
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        self.step += 1
        if self.options.fresh_fraction < 1.0:
            for state, target, answer in zip(states, targets, answers, strict=True):
                self._return_to_pool(state, target, answer.detach().cpu().numpy())
        return float(loss.detach())

    def _target(self, state: PoolState) -> Float64Array:
        return remove_mean(vectors_to_sites(state.positions, self.training_set[state.structure]))

    def _answers(self, states: list[PoolState]) -> list[Tensor]:
        """The network's displacement of each state, all of them in one batch."""
        positions, centres, first, neighbours, owners = [], [], [np.zeros(1, np.int64)], [], []
        n_rows = n_edges = n_centres = 0
        for state in states:
            atoms = self.training_set[state.structure]
            cluster, own, listed = periodic_neighbours(state.positions, atoms.cell[:], atoms.pbc, self.options.cutoff)
            positions.append(cluster)
            centres.append(listed.centres + n_rows)
            first.append(listed.first[1:] + n_edges)
            neighbours.append(listed.neighbours + n_rows)
            owners.append(own + n_centres)
            n_rows += len(cluster)
            n_edges += len(listed.neighbours)
            n_centres += len(atoms)
        batch = (positions, centres, first, neighbours, owners)
        answers = self.network.displacement(*(torch.as_tensor(np.concatenate(part), device=self.device) for part in batch))
        return list(torch.split(answers, [len(c) for c in centres]))

    def _return_to_pool(self, state: PoolState, target: Float64Array, answer: Float64Array) -> None:
        # States that drift are kept: they show the network what it does wrong. Ruins are not.
        residual = root_mean_square(target - answer)
        if not residual <= WORST_RESIDUAL * max(state.sigma, 0.1) or state.age + 1 >= self.options.oldest:
            return
        if len(self.pool) >= self.options.pool_size:
            self.pool.pop(int(self.rng.integers(len(self.pool))))
        self.pool.append(replace(state, positions=state.positions + cap(answer, MAX_DISPLACEMENT)[0], age=state.age + 1))

    def validate(self) -> dict[str, list[float]]:
        """RMS distance to the sites (per component, Å) after 0 and VALIDATION_STEPS steps.

        By sigma for crystals; "defect" and sigma, and "thermal", where the training draws from them.
        """
        rng = np.random.default_rng(VALIDATION_SEED)
        sigmas = [s for s in VALIDATION_SIGMAS if s <= max(self.options.sigma_max, VALIDATION_SIGMAS[0])]
        figures = {f"{sigma:g}": self._validate_on(CRYSTAL, sigma, rng) for sigma in sigmas}
        if self.options.defect_fraction > 0.0:
            figures |= {f"defect {s:g}": self._validate_on(DEFECT, s, rng) for s in DEFECT_SIGMAS if s in sigmas}
        if self.options.thermal_fraction > 0.0:
            figures["thermal"] = self._validate_on(THERMAL, 0.0, rng)
        return figures

    def _validate_on(self, group: str, sigma: float, rng: np.random.Generator) -> list[float]:
        """sigma: Å, of the noise put on; thermal snapshots are hot already."""
        held_out = [atoms for atoms in self.validation_set if group_of(atoms) == group]
        squares = np.zeros(1 + len(VALIDATION_STEPS))
        for atoms in held_out:
            crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, self.options.cutoff)
            x = atoms.arrays[START] if group == THERMAL else atoms.positions + rng.normal(0.0, sigma, atoms.positions.shape)
            row = [_residual(x, atoms)]
            for step in range(1, VALIDATION_STEPS[-1] + 1):
                x = x + cap(displacement(TorchBackend(self.network), *crystal.open_cluster(x), crystal), MAX_DISPLACEMENT)[0]
                if step in VALIDATION_STEPS:
                    row.append(_residual(x, atoms))
            squares += np.square(row)
        return [float(v) for v in np.sqrt(squares / len(held_out))]

    def state_dict(self) -> dict[str, Any]:
        return {
            "options": asdict(self.options),
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "pool": [(s.structure, s.sigma, torch.as_tensor(s.positions), s.age, s.is_pair) for s in self.pool],
            "rng": self.rng.bit_generator.state,
            "step": self.step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["options"] != asdict(self.options):
            changed = [k for k, v in asdict(self.options).items() if state["options"].get(k) != v]
            raise HealError(
                f"the checkpoint was trained with other options ({', '.join(changed)}): resume with the same, or start anew"
            )
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.pool = [PoolState(n, sigma, positions.numpy(), *rest) for n, sigma, positions, *rest in state["pool"]]
        self.rng.bit_generator.state = state["rng"]
        self.step = state["step"]


def _residual(x: Float64Array, sites: Atoms) -> float:
    return root_mean_square(remove_mean(vectors_to_sites(x, sites)))


def describe_crystals(structures: list[Atoms]) -> dict[str, Any]:
    """Element and lattice constants of fcc structures, from the volume of an atom in the perfect ones.

    Perfect cells are crystals of 4 n^3 atoms; the first of them is the relaxed one.
    """
    elements = {symbol for atoms in structures for symbol in atoms.get_chemical_symbols()}
    if len(elements) != 1:
        raise HealError(f"structures must be of one element, got {', '.join(sorted(elements))}")
    crystals = [atoms for atoms in structures if group_of(atoms) == CRYSTAL]
    perfect = [atoms for atoms in crystals if round((len(atoms) / 4) ** (1 / 3)) ** 3 * 4 == len(atoms)]
    if not perfect:
        raise HealError("structures must include perfect cubic cells of 4 n^3 atoms, which tell the lattice constants")
    constants = [float((4.0 * atoms.get_volume() / len(atoms)) ** (1 / 3)) for atoms in perfect]
    return {
        "element": elements.pop(),
        "lattice_constant": constants[0],
        "lattice_constants": [min(constants), max(constants)],
    }


def score(figures: dict[str, list[float]]) -> float:
    """Geometric mean of all residuals relative to the noise put on: lower is better."""
    ratios = [value / row[0] for row in figures.values() for value in row[1:]]
    return float(np.exp(np.mean(np.log(np.maximum(ratios, 1.0e-6)))))


def train(
    data: Sequence[Path],
    options: TrainingOptions,
    weights: Path,
    checkpoint: Path,
    log: Path,
    device: str = "cpu",
    resume: bool = False,
    start: Path | None = None,
) -> dict[str, list[float]]:
    """Train, with a progress bar; returns the last validation figures.

    weights: those of the last validation, with options and figures; the learning rate falls to the end, and earlier
    ones let relaxed structures drift further, whatever their score. checkpoint: all that resuming
    needs. log: a line of JSON for each validation. No file is ever half-written. start: weights of another training to
    start from, of the same size but for hidden units, which may be more; raises HealError where it is not.
    """
    structures = read_training_structures(data)
    crystals = describe_crystals(structures)
    provenance = {
        "options": asdict(options),
        "command": shlex.join(["lammps-heal", *sys.argv[1:]]),
        "data_sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in data},
        "crystals": crystals,
    }
    trainer = Trainer(structures, options, device)
    if start is not None:
        begun = read_network(start)
        _start_from(begun.network.state_dict(), trainer.network, start)
        provenance["command"] = f"{begun.training['command']} && {provenance['command']}"
    if resume:
        if not checkpoint.is_file():
            raise HealError(f'checkpoint "{checkpoint}" does not exist: start without --resume')
        trainer.load_state_dict(torch.load(checkpoint, map_location=device, weights_only=True))
    for path in (weights, checkpoint, log):
        path.parent.mkdir(parents=True, exist_ok=True)
    figures: dict[str, list[float]] = {}
    if resume and weights.is_file():
        figures = torch.load(weights, weights_only=True)["figures"]
    began, losses = time.monotonic(), []
    with log.open("a" if resume else "w") as log_file, tqdm(total=options.steps, initial=trainer.step, unit="step") as bar:
        while trainer.step < options.steps:
            losses.append(trainer.train_step())
            bar.update()
            if trainer.step % options.validate_every and trainer.step < options.steps:
                continue
            if trainer.step == options.steps and options.layer_steps > 0 and options.n_layers > 0:
                tune_layers(trainer.network, crystals["lattice_constant"], options.layer_steps, device)
            figures, loss = trainer.validate(), float(np.mean(losses))
            current = score(figures)
            line = {"step": trainer.step, "loss": loss, "score": current, "rmsd": figures, "seconds": time.monotonic() - began}
            log_file.write(json.dumps(line) + "\n")
            log_file.flush()
            bar.set_postfix(loss=f"{loss:.4f}", score=f"{current:.4f}")
            losses = []
            network = {name: value.cpu() for name, value in trainer.network.state_dict().items()}
            _save({**provenance, "network": network, "figures": figures, "step": trainer.step}, weights)
            _save(trainer.state_dict(), checkpoint)
    return figures


def _start_from(begun: dict[str, Tensor], network: HealingNetwork, source: Path) -> None:
    """Give `network` the weights of another, of the same size but for hidden units: it may have more of them.

    Such units keep what they take in as it is, drawn anew, and nothing is made of it yet: the answers are those of the
    other (after Chen et al., Net2Net, arXiv:1511.05641). Raises HealError where the sizes do not allow it.
    """
    weights = network.state_dict()
    for name, narrow in begun.items():
        wide = weights[name]
        gains_units = name.startswith("gates") and all(n <= m for n, m in zip(narrow.shape, wide.shape, strict=True))
        if narrow.shape != wide.shape and not gains_units:
            raise HealError(
                f'"{source}" holds a network of another size ({name} {tuple(narrow.shape)}, needed {tuple(wide.shape)}): '
                f"start with the options it was trained with; --n-hidden may be larger"
            )
        if narrow.ndim == 2:
            wide[: narrow.shape[0], narrow.shape[1] :] = 0.0
        wide[tuple(slice(n) for n in narrow.shape)] = narrow
    network.load_state_dict(weights)


def _save(state: dict[str, Any], path: Path) -> None:
    unfinished = path.with_name(path.name + ".unfinished")
    torch.save(state, unfinished)
    os.replace(unfinished, path)
