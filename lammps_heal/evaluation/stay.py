"""Every relaxed structure of the other cases, healed again: it must stay as it is."""

import numpy as np
from ase import Atoms

from lammps_heal.errors import HealError
from lammps_heal.evaluation.cells import perfect_crystal, scaled_sites
from lammps_heal.evaluation.comparison import different_sites, moves, rms_length
from lammps_heal.evaluation.defect_cells import defect_cells
from lammps_heal.evaluation.healing import healed_by
from lammps_heal.evaluation.rows import Row
from lammps_heal.evaluation.sizes import Size
from lammps_heal.evaluation.starts import Start, crystal_start, heated, relaxed
from lammps_heal.evaluation.thermal import DEFECT_TEMPERATURE, TEMPERATURES
from lammps_heal.model.model_file import Model

LONGEST, RMSD = 0.02, 0.003  # Å: goals


def stay(model: Model, size: Size) -> list[Row]:
    """Every relaxed structure of the other cases: does healing leave it alone?"""
    structures: dict[str, tuple[Atoms, Atoms | None]] = {}
    for vacant in (0.0, 0.001, 0.01, 0.05):
        start = crystal_start(size.medium, vacant)
        structures[f"{start.key}, 0 K"] = relaxed(start), perfect_crystal(size.medium)
    for vacant in (0.0, 0.01):
        start = crystal_start(size.medium, vacant)
        for temperature in TEMPERATURES:
            quench = heated(start, temperature, size.ps)[1]
            structures[f"{start.key}, box of {temperature:.0f} K"] = quench, perfect_crystal(size.medium)
    for name, cell in defect_cells(size.quick).items():
        start = Start(name, quick=size.quick)
        quench = heated(start, DEFECT_TEMPERATURE, size.ps, cell.free)[1]
        structures[f"{name}, 0 K"] = relaxed(start), cell.sites
        structures[f"{name}, quenched from {DEFECT_TEMPERATURE:.0f} K"] = quench, cell.sites
    return [stayed(f"{name}, {len(a):,} atoms", a, lattice, model, size.stay_steps) for name, (a, lattice) in structures.items()]


def stayed(structure: str, atoms: Atoms, lattice: Atoms | None, model: Model, steps: int) -> Row:
    """How far the atoms of a relaxed structure move; a model that heals until it is refused has not left it alone."""
    figure, goal = "longest move, RMSD (three components), Å; sites that differ", f"<= {LONGEST} {RMSD} 0"
    try:
        healed = healed_by(atoms, model, steps)
    except HealError as refusal:
        return Row("stay", structure, figure, goal, f"refused: {str(refusal).split(',')[0]}", "0 0 0", steps, False)
    sites = atoms if lattice is None else scaled_sites(lattice, atoms)
    moved = moves(healed, atoms)
    longest, rmsd = float(np.linalg.norm(moved, axis=1).max()), rms_length(moved)
    differ = different_sites(healed, atoms, sites)
    passed = longest <= LONGEST and rmsd <= RMSD and differ == 0
    return Row("stay", structure, figure, goal, [longest, rmsd, differ], "0 0 0", steps, passed)
