"""The cells of a training step: fresh damage on clean structures, and a pool of states that the network has partly healed.

After one healing step the error is no longer independent noise, so each training step applies its own displacement to
the states of the batch and puts them back into the pool. Part of the fresh crystals have a close Frenkel pair, which is
to recombine: large-σ noise leaves such pairs after a step or two; or a hop configuration, an atom on its way into a
vacancy, which is to fall back. Part have a long-wavelength displacement: it must be taken back too, though it hardly
strains the neighbourhood of any one atom.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from ase import Atoms

from lammps_heal.analysis.sites import remove_mean, root_mean_square, vectors_to_sites
from lammps_heal.step.neighbours import Float64Array
from lammps_heal.step.step import cap
from lammps_heal.training.augmentations import (
    frenkel_pair,
    hop_configuration,
    inhomogeneous_sigmas,
    long_wavelength_displacement,
)
from lammps_heal.training.lengths import Lengths
from lammps_heal.training.mixture import Fractions, NoiseFractions
from lammps_heal.training.recipe import Stage
from lammps_heal.training.structures import CRYSTAL, DEFECT, START, THERMAL, Split

WORST_RESIDUAL = 1.2  # of the damage put on, or of `least_damage`: a state made worse than that teaches nothing


@dataclass
class State:
    """A structure on its way from damage to its sites. structure: row of the training set. positions: (n, 3) Å.

    sigma: Å, RMS over atoms and components of what was put on. age: healing steps since. is_pair: began with a close
    Frenkel pair, or a hop configuration.
    """

    structure: int
    sigma: float
    positions: Float64Array
    age: int
    is_pair: bool = False


class States:
    """Draws states; all random numbers come from `rng`, which the trainer shares."""

    def __init__(self, split: Split, stage: Stage, lengths: Lengths, rng: np.random.Generator) -> None:
        self.pool: list[State] = []
        self._split, self._stage, self._lengths, self._rng = split, stage, lengths, rng
        self._fractions = Fractions.of(stage.mixture)

    def draw(self, step: int) -> list[State]:
        """The cells of training step number `step`: fresh ones, and some from the pool (taken out of it)."""
        states = []
        for _ in range(self._stage.cells_per_step):
            if self.pool and self._rng.random() >= self._stage.fresh:
                states.append(self.pool.pop(int(self._rng.integers(len(self.pool)))))
            else:
                states.append(self.fresh(only_pairs=step < self._stage.pair_steps))
        return states

    def fresh(self, only_pairs: bool = False) -> State:
        """A clean structure with newly drawn damage, or a thermal snapshot. only_pairs: with `is_pair`."""
        group = CRYSTAL if only_pairs else self._draw_group()
        structure = self._split.groups[group][int(self._rng.integers(len(self._split.groups[group])))]
        atoms = self._split.training[structure]
        if group == THERMAL:
            hot = atoms.arrays[START]
            return State(structure, root_mean_square(remove_mean(hot - atoms.positions)), hot, 0)
        if group == CRYSTAL and self._rng.random() < (1.0 if only_pairs else self._fractions.pair):
            damaged = self._with_pair(atoms)
            return State(structure, root_mean_square(damaged - atoms.positions), damaged, 0, is_pair=True)
        fractions = self._fractions.defects if group == DEFECT else self._fractions.crystals
        if self._rng.random() < fractions.long_wavelength:
            damaged = self._with_long_wave(atoms)
            return State(structure, root_mean_square(damaged - atoms.positions), damaged, 0)
        power = 0.0 if group == DEFECT else self._stage.sigma_power
        sigmas = self._draw_sigmas(atoms, fractions, power)
        noise = self._rng.normal(0.0, 1.0, atoms.positions.shape) * sigmas[:, None]
        return State(structure, root_mean_square(sigmas), atoms.positions + noise, 0)

    def _draw_group(self) -> str:
        if self._fractions.defect + self._fractions.thermal == 0.0:
            return CRYSTAL
        drawn = self._rng.random() - self._fractions.thermal
        if drawn < 0.0:
            return THERMAL
        return DEFECT if drawn < self._fractions.defect else CRYSTAL

    def _with_pair(self, atoms: Atoms) -> Float64Array:
        sigma = self._rng.uniform(0.0, self._lengths.pair_sigma)
        damaged = None
        if self._rng.random() < self._fractions.hop:
            damaged = hop_configuration(atoms, self._lengths, self._rng)
        if damaged is None:
            damaged = frenkel_pair(atoms, self._stage.pair_reach, self._lengths, self._rng)
        return damaged + self._rng.normal(0.0, sigma, damaged.shape)

    def _with_long_wave(self, atoms: Atoms) -> Float64Array:
        sigma = self._rng.uniform(0.0, self._lengths.long_wavelength_sigma) * (self._rng.random() < 0.5)
        shifted = atoms.positions + long_wavelength_displacement(atoms, self._lengths, self._rng)
        damaged: Float64Array = shifted + self._rng.normal(0.0, sigma, shifted.shape)
        return damaged

    def _draw_sigmas(self, atoms: Atoms, fractions: NoiseFractions, power: float) -> Float64Array:
        """(n,) Å, of each atom's noise; zero where the structure is to stay as it is. power: of σ in its density."""
        lowest, highest = self._stage.sigma
        sigma = lowest + (highest - lowest) * self._rng.random() ** (1.0 / (1.0 + power))
        if self._rng.random() < fractions.clean:
            sigma = 0.0
        if fractions.inhomogeneous > 0.0 and self._rng.random() < fractions.inhomogeneous:
            return inhomogeneous_sigmas(atoms, sigma, self._lengths, self._rng)
        return np.full(len(atoms), sigma)

    def target(self, state: State) -> Float64Array:
        """(n, 3) Å, the displacement that takes a state to its sites; a shift of the whole cell is left as it is."""
        return remove_mean(vectors_to_sites(state.positions, self._split.training[state.structure]))

    def put_back(self, state: State, target: Float64Array, displacement: Float64Array) -> None:
        """Put a state into the pool, moved by a displacement, (n, 3) Å, that should have been `target`.

        States that drift are kept: they show the network what it does wrong. Ruins are not.
        """
        if self._stage.fresh >= 1.0:
            return
        residual = root_mean_square(target - displacement)
        worst = WORST_RESIDUAL * max(state.sigma, self._lengths.least_damage)
        if not residual <= worst or state.age + 1 >= self._stage.oldest:
            return
        if len(self.pool) >= self._stage.pool_size:
            self.pool.pop(int(self._rng.integers(len(self.pool))))
        moved = state.positions + cap(displacement, self._lengths.max_displacement)[0]
        self.pool.append(replace(state, positions=moved, age=state.age + 1))

    def state_dict(self) -> list[tuple[Any, ...]]:
        return [(s.structure, s.sigma, torch.as_tensor(s.positions), s.age, s.is_pair) for s in self.pool]

    def load_state_dict(self, pool: list[tuple[Any, ...]]) -> None:
        self.pool = [State(n, sigma, positions.cpu().numpy(), *rest) for n, sigma, positions, *rest in pool]
