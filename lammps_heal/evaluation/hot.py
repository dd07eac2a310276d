"""Cases from molecular dynamics: warm crystals, warm defects, liquid, cascade; and relaxed structures that must stay."""

import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms

from lammps_heal.analysis.energies import energy_per_atom, minimise
from lammps_heal.analysis.labels import FCC, analysis, fcc_fraction, labels
from lammps_heal.analysis.sites import count_defects
from lammps_heal.errors import HealError
from lammps_heal.evaluation.cells import defect_cells, perfect_crystal, scaled_sites
from lammps_heal.evaluation.runs import (
    SEED,
    Size,
    Start,
    crystal_start,
    different_sites,
    healed_by,
    heated,
    moves,
    rms_length,
    without_drift,
)
from lammps_heal.evaluation.table import Row, at_least, at_most, below, row
from lammps_heal.hosts.runs import run_script
from lammps_heal.hosts.structures import read_data
from lammps_heal.model.model_file import Model

MELTING_POINT = 1480.0  # K, of Pt_u3.eam, by free energies: Foiles and Adams, Phys. Rev. B 40, 5909 (1989)
TEMPERATURES = (300.0, 600.0, 900.0, 1200.0, 0.95 * MELTING_POINT)  # K
DEFECT_TEMPERATURE = 600.0  # K
LIQUID_TEMPERATURE = 2500.0  # K
STEPS = 20


def thermal(model: Model, size: Size) -> list[Row]:
    """Crystals at a temperature and no pressure, perfect and with 1 % vacancies, beside their quench."""
    rows = []
    for vacant in (0.0, 0.01):
        start = crystal_start(size.medium, vacant)
        for temperature in TEMPERATURES:
            hot, quench = heated(start, temperature, size.ps)
            healed = healed_by(hot, model, STEPS)
            sites = scaled_sites(perfect_crystal(size.medium), quench)
            structure = f"{temperature:.0f} K, {start.key}, {len(hot):,} atoms"
            quenched_fcc = float((labels(quench) == FCC).mean())
            excess = energy_per_atom(healed) - energy_per_atom(quench)
            sites_differ, of_start = different_sites(healed, quench, sites), different_sites(hot, quench, sites)
            rows += [
                row(
                    "thermal",
                    structure,
                    f"sites that differ from the quench ({of_start} do in the input)",
                    at_most(0),
                    sites_differ,
                    0,
                    STEPS,
                ),
                row(
                    "thermal",
                    structure,
                    "fcc atoms, part of the quench's",
                    at_least(1.0),
                    fcc_fraction(healed) / quenched_fcc,
                    1.0,
                    STEPS,
                ),
                row("thermal", structure, "excess over the quench, meV/atom", at_most(0.2), excess, 0.0, STEPS),
            ]
    return rows


def defects(model: Model, size: Size) -> list[Row]:
    """Surfaces, boundaries, faults, dislocations, void and dumbbell at 600 K, beside their quench."""
    rows = []
    for name, cell in defect_cells(size.quick).items():
        hot, quench = heated(Start(name, quick=size.quick), DEFECT_TEMPERATURE, size.ps, cell.free)
        healed = healed_by(hot, model, STEPS)
        # Without a lattice, the quenched atoms are the sites: each must hold one again.
        sites = quench if cell.sites is None else scaled_sites(cell.sites, quench)
        structure = f"{name}, {DEFECT_TEMPERATURE:.0f} K, {len(hot):,} atoms"
        agreeing, of_input = (float((labels(a) == labels(quench)).mean()) for a in (healed, hot))
        excess = energy_per_atom(healed) - energy_per_atom(quench)
        figure = f"labels as quenched ({of_input:.3f} are in the input)"
        differ = different_sites(healed, quench, sites)
        rows += [
            row("defects", structure, figure, at_least(0.99), agreeing, 1.0, STEPS),
            row("defects", structure, "sites that differ from the quench", at_most(0), differ, 0, STEPS),
            row("defects", structure, "excess over the quench, meV/atom", at_most(0.5), excess, 0.0, STEPS),
        ]
    return rows


def liquid(model: Model, size: Size) -> list[Row]:
    """A melt must not crystallise."""
    melt, quench = heated(crystal_start(size.medium, 0.0), LIQUID_TEMPERATURE, max(size.ps, 2.0))
    healed = healed_by(melt, model, STEPS)
    structure = f"{LIQUID_TEMPERATURE:.0f} K, {len(melt):,} atoms"
    return [row("liquid", structure, "fcc fraction", below(0.02), fcc_fraction(healed), fcc_fraction(quench), STEPS)]


def cascade(model: Model, size: Size) -> list[Row]:
    """Frenkel pairs after a recoil: those that healing leaves beside those that quenching leaves."""
    with tempfile.TemporaryDirectory() as folder:
        run_script("inputs/in.cascade", {"prefix": f"{folder}/", "n": size.cascade, "recoil": size.recoil, "seed": SEED})
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


def stay(model: Model, size: Size) -> list[Row]:
    """Every relaxed structure of the other cases: does healing leave it alone?"""
    relaxed: dict[str, tuple[Atoms, Atoms | None]] = {}
    for vacant in (0.0, 0.001, 0.01, 0.05):
        start = crystal_start(size.medium, vacant)
        relaxed[f"{start.key}, 0 K"] = start.relaxed(), perfect_crystal(size.medium)
    for vacant in (0.0, 0.01):
        start = crystal_start(size.medium, vacant)
        for temperature in TEMPERATURES:
            quench = heated(start, temperature, size.ps)[1]
            relaxed[f"{start.key}, box of {temperature:.0f} K"] = quench, perfect_crystal(size.medium)
    for name, cell in defect_cells(size.quick).items():
        start = Start(name, quick=size.quick)
        quench = heated(start, DEFECT_TEMPERATURE, size.ps, cell.free)[1]
        relaxed[f"{name}, 0 K"] = start.relaxed(), cell.sites
        relaxed[f"{name}, quenched from {DEFECT_TEMPERATURE:.0f} K"] = quench, cell.sites
    return [stayed(f"{name}, {len(a):,} atoms", a, lattice, model, size.stay_steps) for name, (a, lattice) in relaxed.items()]


def stayed(structure: str, atoms: Atoms, lattice: Atoms | None, model: Model, steps: int) -> Row:
    """How far the atoms of a relaxed structure move; a model that heals until it is refused has not left it alone."""
    figure, goal = "longest move, RMSD (three components), Å; sites that differ", "<= 0.02 0.003 0"
    try:
        healed = healed_by(atoms, model, steps)
    except HealError as refusal:
        return Row("stay", structure, figure, goal, f"refused: {str(refusal).split(',')[0]}", "0 0 0", steps, False)
    sites = atoms if lattice is None else scaled_sites(lattice, atoms)
    moved = moves(healed, atoms)
    longest, rmsd = float(np.linalg.norm(moved, axis=1).max()), rms_length(moved)
    differ = different_sites(healed, atoms, sites)
    passed = longest <= 0.02 and rmsd <= 0.003 and differ == 0
    return Row("stay", structure, figure, goal, [longest, rmsd, differ], "0 0 0", steps, passed)


def about() -> dict[str, str]:
    """What the labels are, and whose melting point, for the head of the table."""
    return {"labels": analysis(), "melting_point": f"{MELTING_POINT:g} K (Foiles and Adams 1989)"}
