"""Crystals and inputs that the tests of fix heal share."""

from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from conftest import MODEL, TOLERANCE, fcc, noisy
from lammps_runs import DUMP_WITH_DISPLACEMENT, lmp

SIGMA = 0.2  # Å
SAME = TOLERANCE[torch.float32]  # Å
THERMO = "thermo 1\nthermo_style custom step pe f_heal f_heal[2] f_heal[3] f_heal[4]\nthermo_modify format float %.12g\n"
HEAL = "fix heal all heal {model}\n" + DUMP_WITH_DISPLACEMENT + THERMO


def damaged_crystal(rng: np.random.Generator) -> Atoms:
    """Noise and a vacancy, 255 atoms."""
    atoms = noisy(fcc(4), SIGMA, rng)
    del atoms[100]
    return atoms


def noisy_slab(rng: np.random.Generator) -> Atoms:
    """In a box three times as tall, open along z: upper subdomains are empty."""
    atoms = noisy(fcc(4), SIGMA, rng)
    atoms.positions += [0.0, 0.0, 1.0]
    atoms.cell[2, 2] *= 3.0
    atoms.pbc = [True, True, False]
    return atoms


def failing(folder: Path, script: str, ranks: int = 1, environment: dict[str, str] | None = None) -> str:
    """The one error message of a run that must fail."""
    done = lmp(folder, script.format(model=MODEL), ranks, environment)
    assert done.exit_code != 0, done.output
    messages = [line for line in done.output.splitlines() if line.startswith("ERROR")]
    assert len(messages) == 1, done.output
    return messages[0]
