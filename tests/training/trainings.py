"""Small trainings: crystals of a hundred atoms, a network of a few hundred weights, a second or two."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from conftest import ROOT, fcc

from lammps_heal.training.mixture import Mixture
from lammps_heal.training.recipe import NetworkSizes, Recipe, Stage
from lammps_heal.training.recipe_file import read_recipe
from lammps_heal.training.structures import lattice_of, read_training_structures
from lammps_heal.training.trainer import Trainer

RECIPES = ROOT / "inputs/training"
WEIGHTS = ROOT / "data/best_denoise_model.pth"
DATA = [ROOT / path for path in read_recipe(RECIPES / "pt.toml").data]
SIZES = NetworkSizes(cutoff=5.0, n_basis=10, n_channels=4, n_hidden=16)
STAGE = Stage(steps=30, sigma=(0.01, 0.2), learning_rate=3e-3, fresh=0.5, validate_every=10)


def crystals() -> list[Atoms]:
    """Eleven, the first as relaxed, the others strained; every other one has a vacancy."""
    made = [fcc(3, 3.92 * (1.0 + strain)) for strain in sorted(np.linspace(-0.02, 0.02, 11), key=abs)]
    for crystal in made[1::2]:
        del crystal[0]
    return made


def write_crystals(path: Path) -> Path:
    ase.io.write(path, crystals(), format="extxyz")
    return path


@cache
def shipped() -> list[Atoms]:
    """The structures that the shipped weights were trained on."""
    return read_training_structures(DATA)


def recipe(data: Path, **changes: Any) -> Recipe:
    """Of one stage; changes: of the network's sizes, or of the stage."""
    sizes = {name: value for name, value in changes.items() if name in NetworkSizes.__dataclass_fields__}
    rest = {name: value for name, value in changes.items() if name not in sizes}
    return Recipe((data,), network=replace(SIZES, **sizes), stages=(replace(STAGE, **rest),))


def trainer(structures: list[Atoms], **changes: Any) -> Trainer:
    made = recipe(Path("none"), **changes)
    return Trainer(structures, lattice_of(structures, made.crystal), made.network, made.stages[0])


def shares(**given: float) -> Mixture:
    """A mixture of these shares; the rest is noise on crystals."""
    return Mixture(**{"crystal_noise": 1.0 - sum(given.values()), **given})
