"""Observing of platinum: hot crystals; and where quenching goes astray or is dear, melts, dislocations that glide, cascades."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from lammps_heal.analysis.energies import PLATINUM_POTENTIAL, minimise
from lammps_heal.analysis.local_structure import FCC, HCP
from lammps_heal.analysis.observation import Observation
from lammps_heal.analysis.reference_sites import ReferenceSites
from lammps_heal.analysis.roc import roc_area
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.crystals.relaxed_crystal import relaxed_crystal
from lammps_heal.crystals.seen_heat import HotCrystal, as_it_is
from lammps_heal.crystals.seen_heat import seen_heat as seen_in_heat
from lammps_heal.evaluation.defect_cells import dislocation_dipole
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.evaluation.sizes import SEED, Size
from lammps_heal.evaluation.thermal import MELTING_POINT
from lammps_heal.hosts.ase_atoms import observe
from lammps_heal.hosts.formats.source import Source
from lammps_heal.hosts.potential import Potential
from lammps_heal.hosts.runs import run_script
from lammps_heal.hosts.structures import read_data
from lammps_heal.model.model_file import Model
from lammps_heal.tables import at_least, at_most

AT_FRONTS, IN_CASCADES = 3, (8, 20)  # healing steps
# Of the box's length: cores of crystal and melt, far from both fronts, as in inputs/in.front.
CRYSTAL, MELT = (0.17, 0.33), (0.67, 0.83)
GLIDING_TEMPERATURE, GLIDING_FRAMES = 800.0, 6  # K
NEARLY = 1  # Frenkel pairs, or
PART = 0.05  # of them


def seen_heat(model: Model, size: Size) -> list[Row]:
    """Hot crystals with vacancies, and with interstitials."""
    potential = Potential.from_file(PLATINUM_POTENTIAL)
    crystal = relaxed_crystal("fcc", ("Pt",), potential)
    edge = size.medium * crystal.lattice_constant / crystal.nn
    hot = HotCrystal(crystal, LammpsWork(potential, ("Pt",)), MELTING_POINT, edge, size.hot_frames, size.ps / 8.0)
    return list(seen_in_heat(model, hot))


def seen_front(model: Model, size: Size) -> list[Row]:
    """A melt beside its crystal, by inputs/in.front."""
    shape = {"cells": size.small // 2, "length": 10, "melt_ps": 1.0} if size.quick else {}
    variables = {**shape, "ps": size.ps, "every": 10 if size.quick else 100, "observe": AT_FRONTS, "seed": SEED}
    fcc, of_quench, in_core, residual, is_melt = 0, 0, 0, [], []
    with tempfile.TemporaryDirectory() as folder:
        run_script("inputs/in.front", {**variables, "prefix": f"{folder}/"})
        frames = list(_frames(Path(folder, "observed.lammpstrj")))
    for atoms in frames:
        seen, quench = observe(atoms, model, AT_FRONTS), minimise(atoms)[0]
        height = atoms.get_scaled_positions()[:, 2]
        crystal, melt = ((height > low) & (height < high) for low, high in (CRYSTAL, MELT))
        fcc += int((seen.labels[melt] == FCC).sum())
        of_quench += int((as_it_is(quench, model).labels[melt] == FCC).sum())
        in_core += int(melt.sum())
        residual.append(seen.residual[crystal | melt])
        is_melt.append(melt[crystal | melt])
    structure = f"melt beside crystal at T_m, {len(frames[0]):,} atoms, {len(frames)} frames"
    area = roc_area(np.concatenate(residual), np.concatenate(is_melt))
    figure = f"fcc atoms in the melt's core, of {in_core:,}"
    return [
        row("seen-front", structure, figure, at_most(0), fcc, of_quench, AT_FRONTS),
        row("seen-front", structure, "ROC area of the residual for melt", at_least(0.999), area, None, AT_FRONTS),
    ]


def seen_cascade(model: Model, size: Size) -> list[Row]:
    """Frenkel pairs while they recombine, by inputs/in.cascade."""
    variables = {"n": 7 if size.quick else 20, "recoil": size.recoil, "seed": SEED, "observe": 1}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        run_script("inputs/in.cascade", {**variables, "prefix": f"{folder}/", "ps": min(3.0, size.ps), "frame": 100})
        sites = read_data(Path(folder, "sites.data"))
        # The first frame is the crystal before the recoil.
        frames = list(_frames(Path(folder, "observed.lammpstrj")))[1:]
    for number, atoms in enumerate(frames[:: max(1, len(frames) // size.frames)], 1):
        raw, *seen = (_pairs(observe(atoms, model, steps, sites=sites)) for steps in (1, *IN_CASCADES))
        quench = _on_sites(minimise(atoms)[0], sites, model)
        goal = at_most(max(NEARLY, round(PART * quench)))
        structure = f"cascade of {size.recoil / 1000:g} keV, {len(atoms):,} atoms, frame {number}"
        for steps, pairs in zip(IN_CASCADES, seen, strict=True):
            figure = f"{pairs} Frenkel pairs ({raw} after 1 step, {quench} quenched): apart from the quench's"
            rows.append(row("seen-cascade", structure, figure, goal, abs(pairs - quench), 0, steps))
    return rows


def seen_dislocation(model: Model, size: Size) -> list[Row]:
    """Where the stacking faults of dissociated edge dislocations are, beside mean positions around the same moment."""
    work = LammpsWork(Potential.from_file(PLATINUM_POTENTIAL), ("Pt",))
    start = work.relaxed(dislocation_dipole(*((8, 2, 2) if size.quick else (24, 4, 4))), "aniso")[0]
    of_seen, of_quench = [], []
    for number in range(2 if size.quick else GLIDING_FRAMES):
        hot, mean = work.heated_with_mean(start, GLIDING_TEMPERATURE, size.ps, size.ps / 4.0, SEED + number)
        seen, quench = observe(hot, model, AT_FRONTS), work.relaxed(hot)[0]
        healed = hot.copy()
        healed.positions = seen.positions
        truth = fault_centres(mean, as_it_is(mean, model).labels)
        of_seen += _apart(fault_centres(healed, seen.labels), truth, hot)
        of_quench += _apart(fault_centres(quench, as_it_is(quench, model).labels), truth, hot)
    structure = f"edge dipole, {GLIDING_TEMPERATURE:.0f} K, {len(start):,} atoms, {len(of_seen)} faults"
    figure = "mean shift of a fault from that of mean positions, Å"
    healed_shift, quenched_shift = (float(np.mean(shifts)) for shifts in (of_seen, of_quench))
    return [row("seen-dislocation", structure, figure, at_most(0.5), healed_shift, quenched_shift, AT_FRONTS)]


def fault_centres(atoms: Atoms, labels: NDArray[np.int32]) -> list[float]:
    """Å along x, of the hcp atoms of each of the two dislocations of `dislocation_dipole`, in a periodic box."""
    x, _, z = atoms.get_scaled_positions().T
    # The dislocations lie at the faces of the half of the layers that has a column less.
    is_upper = np.abs(z - 0.5) < 0.25
    centres = []
    for of_one in (is_upper, ~is_upper):
        turns = np.exp(2j * np.pi * x[of_one & (labels == HCP)])
        centres.append(float(np.angle(turns.sum()) / (2.0 * np.pi) * atoms.cell[0, 0]) if len(turns) else np.nan)
    return centres


def _apart(centres: list[float], others: list[float], atoms: Atoms) -> list[float]:
    """Å along x, to the nearest image; infinite where one sees no fault."""
    length = atoms.cell[0, 0]
    shifts = np.abs((np.array(centres) - others + 0.5 * length) % length - 0.5 * length)
    return list(np.where(np.isfinite(shifts), shifts, np.inf))


def _on_sites(atoms: Atoms, sites: Atoms, model: Model) -> int:
    """Frenkel pairs, without healing."""
    reference = ReferenceSites(sites.positions, sites.cell[:], sites.numbers)
    return _pairs(as_it_is(atoms, model).on_sites(reference, atoms.numbers, atoms.cell[:], atoms.pbc))


def _pairs(seen: Observation) -> int:
    """Frenkel pairs on its sites."""
    assert seen.sites is not None
    return seen.sites.frenkel_pairs


def _frames(path: Path) -> Iterator[Atoms]:
    """Of platinum."""
    for frame in Source(path).frames(slice(None)):
        structure = frame.structure
        yield Atoms(
            f"Pt{len(structure.ids)}",
            positions=structure.unwrapped - structure.origin,
            cell=structure.cell,
            pbc=structure.periodic,
        )
