"""A displacement cascade: Frenkel pairs that healing leaves beside those that quenching leaves."""

import tempfile
from pathlib import Path

from lammps_heal.analysis.energies import energy_per_atom, minimise
from lammps_heal.analysis.sites import count_defects
from lammps_heal.evaluation.cells import scaled_sites
from lammps_heal.evaluation.comparison import without_drift
from lammps_heal.evaluation.healing import healed_by
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.evaluation.sizes import SEED, Size
from lammps_heal.hosts.runs import run_script
from lammps_heal.hosts.structures import read_data
from lammps_heal.model.model_file import Model
from lammps_heal.tables import at_most

STEPS = 20


def cascade(model: Model, size: Size) -> list[Row]:
    """Frenkel pairs after a recoil: those that healing leaves beside those that quenching leaves."""
    with tempfile.TemporaryDirectory() as folder:
        run_script(
            "inputs/in.cascade",
            {"prefix": f"{folder}/", "n": size.cascade, "recoil": size.recoil, "seed": SEED, "observe": 0},
        )
        damaged, sites = (read_data(Path(folder, f"{name}.data")) for name in ("damaged", "sites"))
    quench, energy = minimise(damaged)
    healed = healed_by(damaged, model, STEPS)
    lattice = scaled_sites(sites, quench)
    pairs = [count_defects(without_drift(a, quench).positions, lattice).interstitials for a in (damaged, healed, quench)]
    structure = f"{size.recoil / 1000:g} keV in {len(sites):,} atoms, 300 K"
    figure = f"Frenkel pairs ({pairs[0]} in the input)"
    excess = energy_per_atom(healed) - energy
    return [
        row("cascade", structure, figure, at_most(pairs[2]), pairs[1], pairs[2], STEPS),
        row("cascade", structure, "energy above the quench, meV/atom", None, excess, 0.0, STEPS),
    ]
