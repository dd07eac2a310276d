"""Starts of molecular dynamics: named structures, relaxed, heated by inputs/in.thermal, and quenched again."""

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from lammps_heal.analysis.energies import minimise
from lammps_heal.evaluation.cells import perfect_crystal, with_vacancies
from lammps_heal.evaluation.defect_cells import defect_cells
from lammps_heal.evaluation.sizes import SEED
from lammps_heal.hosts.runs import run_script
from lammps_heal.hosts.structures import read_data


@dataclass(frozen=True)
class Start:
    """A named structure, kept once relaxed: a crystal of n cells with part of its atoms missing, or a defect."""

    key: str
    n: int = 0
    vacant: float = 0.0
    quick: bool = False

    def atoms(self) -> Atoms:
        if self.n == 0:
            return defect_cells(self.quick)[self.key].atoms
        sites = perfect_crystal(self.n)
        return with_vacancies(sites, round(self.vacant * len(sites)), np.random.default_rng([SEED, *self.key.encode()]))


def crystal_start(n: int, vacant: float) -> Start:
    return Start(f"{vacant:g} vacant" if vacant else "perfect", n, vacant)


@cache
def relaxed(start: Start) -> Atoms:
    """The start at rest, in the box of 0 K."""
    return minimise(start.atoms())[0]


@cache
def heated(start: Start, temperature: float, ps: float, free: str = "iso") -> tuple[Atoms, Atoms]:
    """A snapshot of molecular dynamics of the relaxed start at a temperature, K, and its quench."""
    with tempfile.TemporaryDirectory() as folder:
        ase.io.write(f"{folder}/start.data", relaxed(start), format="lammps-data", masses=True)
        seed = int(np.random.default_rng([SEED, *start.key.encode(), round(temperature)]).integers(1, 900_000_000))
        files = {"start": f"{folder}/start.data", "hot": f"{folder}/hot.data"}
        run_script("inputs/in.thermal", {**files, "temperature": temperature, "ps": ps, "free": free, "seed": seed})
        snapshot = read_data(Path(folder, "hot.data"))
    return snapshot, minimise(snapshot)[0]
