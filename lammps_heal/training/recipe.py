"""A recipe: everything that, with the structures, determines the weights of a training.

A recipe file is TOML (recipe_file.py reads it); inputs/training has those of the shipped model and others, and
README.md beside this module says what each key means. Lengths in Å.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lammps_heal.crystals.drafts import Plan
from lammps_heal.errors import HealError
from lammps_heal.training.mixture import NOISE, Mixture

WAVES = ("fcc",)  # structures that long waves and the tuning of layers are known of


@dataclass(frozen=True)
class Crystal:
    """What is to be healed, and the potential that structures are made with where there are no files of them.

    structure: a name of crystals.prototypes.PROTOTYPES, or a file with a unit cell. composition: shares of the elements in an
    alloy, at random on all sites of a structure of one element; empty: the structure says which is where. spread: of the
    shares, from structure to structure, either way. pair_style, pair_coeff, settings,
    atom_style: see hosts.potential.Potential. lattice_constant, Å, and melting_point, K: 0 where LAMMPS is to find them.
    """

    structure: str = "fcc"
    elements: tuple[str, ...] = ("Pt",)
    composition: tuple[float, ...] = ()
    spread: float = 0.0
    pair_style: str = ""
    pair_coeff: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    atom_style: str = "atomic"
    lattice_constant: float = 0.0
    melting_point: float = 0.0


@dataclass(frozen=True)
class NetworkSizes:
    """What a HealingNetwork is built with; see model/network.py.

    cutoff: Å. switch_on: of the cutoff; the envelope is 1 up to there. n_layers: message-passing layers. n_species: elements
    that the network tells apart; 0: as many as the recipe names.
    """

    cutoff: float = 6.0
    switch_on: float = 0.0
    n_basis: int = 28
    n_channels: int = 12
    n_hidden: int = 64
    n_layers: int = 0
    n_species: int = 0

    def __post_init__(self) -> None:
        if not (self.cutoff > 0.0 and 0.0 <= self.switch_on < 1.0):
            raise HealError(f"needed are cutoff > 0 and 0 <= switch_on < 1, got {self.cutoff} and {self.switch_on}")
        if min(self.n_basis - 1, self.n_channels, self.n_hidden, self.n_layers + 1, self.n_species + 1) < 1:
            raise HealError(f"needed are n_basis > 1, n_channels, n_hidden > 0, n_layers and n_species >= 0, got {asdict(self)}")


@dataclass(frozen=True)
class Stage:
    """A part of the training with a learning rate that rises and falls once; see README.md for each key."""

    steps: int = 2000
    learning_rate: float = 1.0e-3
    sigma: tuple[float, float] = (0.01, 0.10)  # Å, of the noise
    sigma_power: float = 0.0  # in crystals σ has a density that grows as this power of it; 0: any is as likely
    mixture: Mixture = NOISE
    fresh: float = 1.0  # of the cells of a step; the others are states that the network has partly healed
    cells_per_step: int = 2
    pool_size: int = 64
    oldest: int = 64  # healing steps after which a state of the pool is dropped
    pair_reach: float = 6.5  # Å, from vacancy to dumbbell of a Frenkel pair
    pair_steps: int = 0  # first steps, in which all fresh cells are Frenkel pairs and hop configurations
    pair_weight: tuple[float, float] = (1.0, 1.0)  # of their loss, where that of others is 1: at first, at last
    wave_weight: float = 0.0  # of the loss on what a few steps leave of long waves
    tuning_steps: int = 0  # at the end: of the message-passing layers alone, through several healing steps
    n_hidden: int = 0  # hidden units from this stage on, no fewer than before; 0: as before
    validate_every: int = 500
    seed: int = 1

    def __post_init__(self) -> None:
        counts = ("steps", "cells_per_step", "pool_size", "oldest", "validate_every")
        wrong = [f"{name} = {getattr(self, name)}" for name in counts if getattr(self, name) < 1]
        wrong += [f"{name} = {getattr(self, name)}" for name in ("pair_steps", "tuning_steps") if getattr(self, name) < 0]
        if wrong:
            raise HealError(f"a stage needs counts above 0, got {', '.join(wrong)}")
        if not 0.0 <= self.sigma[0] <= self.sigma[1]:
            raise HealError(f"sigma of a stage must be two lengths in Å, the smaller first, got {list(self.sigma)}")
        if not self.learning_rate > 0.0:
            raise HealError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0.0 <= self.fresh <= 1.0:
            raise HealError(f"fresh is a share from 0 to 1, got {self.fresh}")


@dataclass(frozen=True)
class Recipe:
    """A whole training.

    data: files of structures. start: name or file of a model to begin from, its lengths scaled to the crystal; "": from
    nothing. structures: of which the first file is made where it is missing; None: as many as usual. others: crystals beside
    the first, of a joint model of them all, which sees no species: then there is one file for each, in their order, and
    lengths are of the first. text: of the file that the recipe was read from. changes: made to that (--set).
    """

    data: tuple[Path, ...]
    crystal: Crystal = Crystal()
    network: NetworkSizes = NetworkSizes()  # as it begins
    stages: tuple[Stage, ...] = (Stage(),)
    start: str = ""
    structures: Plan | None = None
    others: tuple[Crystal, ...] = ()
    text: str = ""
    changes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        has_waves = any(stage.wave_weight > 0.0 or stage.tuning_steps > 0 for stage in self.stages)
        n_elements = len(self.crystal.elements)
        if has_waves and (self.crystal.structure not in WAVES or n_elements > 1 or self.others):
            named = ", ".join(f"{crystal.structure} {' '.join(crystal.elements)}" for crystal in self.crystals)
            raise HealError(
                f"wave_weight and tuning_steps know {', '.join(WAVES)} of one element, the recipe is of {named}: leave them out"
            )
        if self.others and max(len(crystal.elements) for crystal in self.crystals) > 1:
            raise HealError("a joint model of several crystals sees no species: name one element for each [[crystal]]")
        if self.others and len(self.data) != len(self.crystals):
            raise HealError(
                f"a joint model needs a file of structures for each of its {len(self.crystals)} crystals, in their order, "
                f"got {len(self.data)}"
            )
        if self.network.n_species not in (0, 1, n_elements):
            raise HealError(
                f"a network sees all {n_elements} elements of the recipe or, with n_species = 1, none apart, "
                f"got {self.network.n_species}: leave n_species out"
            )
        if not self.data or len({path.name for path in self.data}) < len(self.data):
            raise HealError(f"a recipe needs files of structures, each of another name, got {[str(p) for p in self.data]}")
        if not self.stages:
            raise HealError("a recipe needs at least one [[stage]]")
        sizes = [self.sizes(number).n_hidden for number in range(len(self.stages))]
        if sizes != sorted(sizes) or sizes[0] < self.network.n_hidden:
            raise HealError(f"a network can gain hidden units and not lose them, got stages of {sizes}")

    @property
    def crystals(self) -> tuple[Crystal, ...]:
        """All that it is of; of a joint model several."""
        return (self.crystal, *self.others)

    def sizes(self, stage: int) -> NetworkSizes:
        """Those of the network of a stage; numbers from 0."""
        given = [s.n_hidden for s in self.stages[: stage + 1] if s.n_hidden]
        n_hidden = given[-1] if given else self.network.n_hidden
        return replace(self.network, n_hidden=n_hidden, n_species=self.network.n_species or len(self.crystal.elements))

    def as_json(self) -> dict[str, Any]:
        """All that determines the weights but the structures themselves, as JSON has it."""
        crystal, *others = (_as_json(crystal) for crystal in self.crystals)
        network, stages = asdict(self.network), [asdict(stage) for stage in self.stages]
        if self.network.n_species == 0:  # the elements say it
            del network["n_species"]
        values: dict[str, Any] = {
            "crystal": crystal,
            "network": network,
            "data": [path.name for path in self.data],
            "stages": stages,
        }
        if others:
            values["others"] = others
        if self.start:
            values["start"] = self.start
        as_json: dict[str, Any] = json.loads(json.dumps(values))
        return as_json


def _as_json(crystal: Crystal) -> dict[str, Any]:
    """What is not as usual."""
    usual, always = asdict(Crystal()), ("structure", "elements")
    return {name: value for name, value in asdict(crystal).items() if name in always or value != usual[name]}
