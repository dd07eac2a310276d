"""Energies and minimisation by LAMMPS with a potential: what healed structures are measured against."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from lammps_heal.hosts.logs import thermo_tables
from lammps_heal.hosts.potential import Potential
from lammps_heal.hosts.runs import library
from lammps_heal.step.neighbours import Float64Array, Int64Array

PLATINUM_POTENTIAL = Path("potentials/Pt_u3.eam")
MEV = 1000.0  # in one eV
MOST_ITERATIONS = 10_000
MINIMISE = "minimize 0.0 1.0e-8 {iterations} 100000"  # eV/Å


def energy_per_atom(atoms: Atoms, potential: Potential | None = None) -> float:
    """Potential energy, meV/atom. potential: of the atoms' elements in alphabetical order; None: platinum's."""
    return _run(atoms, potential, ["run 0"]).energy * MEV


def minimise(atoms: Atoms, potential: Potential | None = None, iterations: int = MOST_ITERATIONS) -> tuple[Atoms, float]:
    """The structure that conjugate gradients reach at fixed cell, in so many iterations at most, and its energy, meV/atom."""
    done = _run(atoms, potential, [MINIMISE.format(iterations=iterations)])
    return done.atoms, done.energy * MEV


def minimise_by_iteration(atoms: Atoms, potential: Potential | None = None) -> tuple[Atoms, Float64Array]:
    """The same, and the energies at the start and after each iteration, meV/atom."""
    thermo = ["thermo_style custom step pe", "thermo_modify norm yes format 2 %.12g", "thermo 1"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.lammps")
        minimised = _run(atoms, potential, [f"log {log}", *thermo, MINIMISE.format(iterations=MOST_ITERATIONS), "log none"]).atoms
        [table] = thermo_tables(log.read_text())
    return minimised, np.array(table["PotEng"]) * MEV


def common_neighbours(atoms: Atoms, cutoff: float) -> Int64Array:
    """(n,) structure by LAMMPS's common-neighbour analysis with this cutoff, Å: 1 fcc, 2 hcp, 3 bcc, 4 icosahedral, 5 none."""
    # It needs neighbours as far as the cutoff, and no forces.
    no_forces = Potential(f"zero {cutoff}", ("* *",))
    done = _run(atoms, no_forces, [f"compute structure all cna/atom {cutoff}", "run 0"], per_atom="c_structure")
    return done.per_atom.astype(np.int64)


@dataclass(frozen=True)
class _Run:
    """atoms, energy (eV/atom): after the commands. per_atom: (n,) of a compute then, if asked for."""

    atoms: Atoms
    energy: float
    per_atom: Float64Array


def _run(atoms: Atoms, potential: Potential | None, commands: list[str], per_atom: str | None = None) -> _Run:
    """Run the commands on the atoms in this process. Raises HealError with LAMMPS's message where one fails."""
    potential = potential or Potential.from_file(PLATINUM_POTENTIAL)
    with tempfile.TemporaryDirectory() as folder, library() as lmp:
        data = Path(folder, "atoms.data")
        ase.io.write(data, atoms, format="lammps-data", masses=True)
        lmp.commands_list(
            [
                "units metal",
                f"atom_style {potential.atom_style}",
                "atom_modify map array sort 0 0",
                f"read_data {data}",
                "suffix opt",  # the faster eam/opt, where this LAMMPS has it
                *potential.commands(),
                "variable energy equal pe/atoms",
                *commands,
            ]
        )
        result: Atoms = atoms.copy()
        result.positions = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
        asked = np.array(lmp.gather(per_atom, 1, 1)) if per_atom else np.zeros(0)
        return _Run(result, lmp.extract_variable("energy"), asked)
