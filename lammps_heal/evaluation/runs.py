"""What the cases have in common: healing at several steps, LAMMPS's scripts, comparison of structures."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from lammps_heal.analysis.energies import minimise
from lammps_heal.analysis.sites import occupation, remove_mean, site_distances
from lammps_heal.evaluation.cells import defect_cells, perfect_crystal, with_vacancies
from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.hosts.runs import run_script
from lammps_heal.hosts.structures import read_data
from lammps_heal.model.model_file import Model
from lammps_heal.step.neighbours import Float64Array, Int64Array

SEED = 77_001  # of every case, followed by the case's own numbers; training has none like it


@dataclass(frozen=True)
class Size:
    """How large the structures are: large, medium, small and cascade are cells along a side of 4 n^3 sites."""

    large: int = 16
    medium: int = 10
    small: int = 8
    seeds: int = 3
    crystals: int = 100
    ps: float = 4.0
    cascade: int = 30
    recoil: float = 2000.0  # eV
    stay_steps: int = 64
    quick: bool = False


FULL = Size()
QUICK = Size(large=5, medium=4, small=4, seeds=1, crystals=4, ps=0.3, cascade=8, recoil=100.0, stay_steps=4, quick=True)


def trajectory(atoms: Atoms, model: Model, at_steps: Iterable[int], lattice_constant: float | None = None) -> dict[int, Atoms]:
    """Copies of `atoms` healed by these numbers of steps, all of one trajectory.

    lattice_constant: Å, of another metal, that the model is scaled to. The only place where the evaluation heals.
    """
    if lattice_constant is not None:
        model = model.scaled(lattice_constant)
    healed: dict[int, Atoms] = {}
    current, done = atoms, 0
    for n in sorted(set(at_steps)):
        current, done = heal(current, model, n - done), n
        healed[n] = current
    return healed


def healed_by(atoms: Atoms, model: Model, steps: int, lattice_constant: float | None = None) -> Atoms:
    """`atoms` healed by so many steps."""
    return trajectory(atoms, model, [steps], lattice_constant)[steps]


@cache
def heated(start: "Start", temperature: float, ps: float, free: str = "iso") -> tuple[Atoms, Atoms]:
    """A snapshot of molecular dynamics of the relaxed start at a temperature, K, and its quench."""
    with tempfile.TemporaryDirectory() as folder:
        ase.io.write(f"{folder}/start.data", start.relaxed(), format="lammps-data", masses=True)
        seed = int(np.random.default_rng([SEED, *start.key.encode(), round(temperature)]).integers(1, 900_000_000))
        files = {"start": f"{folder}/start.data", "hot": f"{folder}/hot.data"}
        run_script("inputs/in.thermal", {**files, "temperature": temperature, "ps": ps, "free": free, "seed": seed})
        snapshot = read_data(Path(folder, "hot.data"))
    return snapshot, minimise(snapshot)[0]


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

    @cache  # noqa: B019  (a start lives as long as the evaluation)
    def relaxed(self) -> Atoms:
        """At the box of 0 K."""
        return minimise(self.atoms())[0]


def crystal_start(n: int, vacant: float) -> Start:
    return Start(f"{vacant:g} vacant" if vacant else "perfect", n, vacant)


def different_sites(atoms: Atoms, reference: Atoms, sites: Atoms) -> int:
    """Number of lattice sites that do not hold as many atoms in both; a shift of one as a whole is none.

    Rows of atoms and reference are the same atoms.
    """
    counts = [occupation(a.positions, sites) for a in (without_drift(atoms, reference), reference)]
    return int((counts[0] != counts[1]).sum())


def moves(atoms: Atoms, reference: Atoms) -> Float64Array:
    """(n, 3) Å from reference to atoms, nearest images, less their mean."""
    cell = reference.cell[:]
    parts = (atoms.positions - reference.positions) @ np.linalg.inv(cell)
    return remove_mean((parts - np.round(parts)) @ cell)


def without_drift(atoms: Atoms, reference: Atoms) -> Atoms:
    """A copy of atoms whose mean move from the reference is nothing."""
    still: Atoms = atoms.copy()
    still.positions = reference.positions + moves(atoms, reference)
    return still


def rms_length(vectors: Float64Array) -> float:
    """RMS over atoms of the length of (n, 3) vectors: over three components, √3 times that per component."""
    return float(np.sqrt((vectors**2).sum(1).mean()))


def nearest_sites(atoms: Atoms, sites: Atoms) -> Int64Array:
    """(n,) row of the site that each atom is nearest to."""
    return site_distances(atoms.positions, sites, 1)[1][:, 0]
