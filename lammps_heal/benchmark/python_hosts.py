"""Healing steps by fix heal, by the Python host in LAMMPS and by heal() on ASE Atoms, taking turns in one process.

`python -m lammps_heal.benchmark.python_hosts MODEL ATOMS STEPS ROUNDS` prints the seconds of one step of each as JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk

from lammps_heal.benchmark.hosts import NAMES
from lammps_heal.benchmark.jobs import ATOMS_PER_CELL, cells
from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.hosts.fix_external import FIX_ID, attach
from lammps_heal.hosts.lammps_healer import LammpsHealer
from lammps_heal.hosts.runs import library
from lammps_heal.model.model_file import Model, load
from lammps_heal.step.crystal import SKIN
from lammps_heal.step.ranks import Ranks, world

LATTICE_CONSTANT = 3.92  # Å, of Pt_u3.eam at 0 K
SIGMA = 0.1  # Å
SEED = 20_261_123


def _measure(model_path: str, n_atoms: int, steps: int, rounds: int) -> dict[str, list[float]]:
    ranks = world()
    model = load(model_path)
    n = cells(n_atoms)
    crystal: Atoms = bulk("Pt", "fcc", a=LATTICE_CONSTANT, cubic=True).repeat((n, n, n))
    with library(ranks.comm) as lmp:
        lmp.commands_list(
            [
                *("units metal", "atom_style atomic", "atom_modify map array", f"lattice fcc {LATTICE_CONSTANT}"),
                *(f"region box block 0 {n} 0 {n} 0 {n}", "create_box 1 box", "create_atoms 1 box", "mass 1 195.084"),
                *(f"neighbor {SKIN} bin", "neigh_modify every 1 delay 0 check yes", "timestep 0.001"),
            ]
        )
        assert lmp.get_natoms() == len(crystal) == ATOMS_PER_CELL * n**3
        hosts: tuple[Callable[[int], float], ...] = (
            lambda seed: _fix(lmp, model_path, steps, seed),
            lambda seed: _callback(lmp, model, ranks, steps, seed),
            lambda seed: _atoms(crystal, model, steps, seed),
        )
        # The first turn warms up: the kernel's tables are made once in a process.
        turns = [[host(SEED + turn) for host in hosts] for turn in range(rounds + 1)][1:]
    return {name: [turn[k] for turn in turns] for k, name in enumerate(NAMES)}


def _fix(lmp: Any, model_path: str, steps: int, seed: int) -> float:
    lmp.command(f"fix heal all heal {model_path}")
    seconds = _run(lmp, steps, seed)
    lmp.command("unfix heal")
    return seconds / steps


def _callback(lmp: Any, model: Model, ranks: Ranks, steps: int, seed: int) -> float:
    callback = attach(lmp, LammpsHealer(lmp, model, ranks))
    # The set-up of a run computes a displacement, too.
    seconds = _run(lmp, steps - 1, seed)
    callback.raise_error()
    lmp.commands_list([f"unfix {FIX_ID}", f"unfix {FIX_ID}_move", "velocity all set 0 0 0", "comm_modify cutoff 0.0"])
    return seconds / steps


def _run(lmp: Any, steps: int, seed: int) -> float:
    """Seconds of a run from new noise, lists and ghosts included."""
    for k, axis in enumerate("xyz"):
        lmp.command(f"variable d{axis} atom normal(0.0,{SIGMA},{seed + k})")
    lmp.command("displace_atoms all move v_dx v_dy v_dz units box")
    started = time.perf_counter()
    lmp.command(f"run {steps}")
    return time.perf_counter() - started


def _atoms(crystal: Atoms, model: Model, steps: int, seed: int) -> float:
    noisy = crystal.copy()
    noisy.positions += np.random.default_rng(seed).normal(0.0, SIGMA, noisy.positions.shape)
    started = time.perf_counter()
    heal(noisy, model, steps)
    return (time.perf_counter() - started) / steps


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], *map(int, sys.argv[2:]))))
