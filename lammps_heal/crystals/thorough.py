"""Figures of a model beyond its acceptance: hot extended defects, noise at which atoms leave their sites, a cascade."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from ase import Atoms

from lammps_heal.analysis.local_structure import LocalStructure, shells_of
from lammps_heal.analysis.sites import count_defects
from lammps_heal.crystals.acceptance import (
    MEV,
    STEPS,
    Acceptance,
    different_sites,
    with_noise,
    without_drift,
)
from lammps_heal.crystals.crystal import Crystal
from lammps_heal.crystals.drafts import FEW_DEFECTS, Draft, defects
from lammps_heal.crystals.structures import random_seed, relaxed_draft
from lammps_heal.evaluation.cells import scaled_sites
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import Int64Array
from lammps_heal.tables import at_least, at_most

DEFECT_HEAT = 0.4  # of the melting point
DEFECT_STEPS = 8  # at dislocations many steps move what glides
STRONG_NOISE = 0.2  # nn
STRONG_SEEDS = 3
CASCADE_TEMPERATURE, CASCADE_PS = 300.0, 3.0  # K
KINDS = ("surface", "boundary", "fault", "dipole")


def labels(atoms: Atoms, crystal: Crystal) -> Int64Array:
    """(n,) by common neighbours; the structure must have a name that labels know."""
    shells = shells_of(crystal.structure)
    periodic = PeriodicCrystal(atoms.cell[:], atoms.pbc, shells.search * crystal.nn)
    found = LocalStructure(*periodic.open_cluster(atoms.positions), shells, crystal.nn)
    return found.coordination_and_labels()[1].astype(np.int64)


def hot_defects(acceptance: Acceptance) -> Iterator[Row]:
    """Labels of surfaces, boundaries, faults and dislocations, the largest of each kind, beside their quench."""
    crystal, work = acceptance.crystal, acceptance.work
    rng = acceptance.rng(6)
    largest: dict[str, Draft] = {}
    for draft in defects(crystal, replace(FEW_DEFECTS, n_interstitials=0, n_interstitial_pairs=0, n_dipoles=3), rng):
        if len(draft.atoms) >= len(largest.get(draft.kind, draft).atoms):
            largest[draft.kind] = draft
    for kind, draft in largest.items():
        relaxed = relaxed_draft(draft, crystal, work, rng)
        if relaxed is None:
            continue
        start = relaxed.repeat(_copies(relaxed, crystal, acceptance.size.vacancy_edge))
        temperature = DEFECT_HEAT * acceptance.melting_point
        hot = work.heated(start, temperature, acceptance.size.ps, random_seed(rng), "xy" if "surface" in kind else "aniso")
        quench, energy = work.relaxed(hot)
        healed = acceptance.heal(hot, DEFECT_STEPS)
        agreeing, of_input = (float((labels(a, crystal) == labels(quench, crystal)).mean()) for a in (healed, hot))
        structure = f"{kind}, {temperature:.0f} K, {len(hot):,} atoms"
        figure = f"labels as quenched ({of_input:.3f} in the input)"
        yield row("hot defects", structure, figure, at_least(0.98), agreeing, 1.0, DEFECT_STEPS)
        excess = MEV * (work.energy(healed) - energy)
        yield row("hot defects", structure, "excess over the quench, meV/atom", None, excess, 0.0, DEFECT_STEPS)


def strong_noise(acceptance: Acceptance) -> Iterator[Row]:
    """Empty sites that noise of 0.2 nn leaves."""
    crystal = acceptance.crystal
    sites = crystal.block(acceptance.size.edge)
    healed_sites = minimised_sites = 0
    for number in range(STRONG_SEEDS):
        start = with_noise(sites, STRONG_NOISE * crystal.nn, acceptance.rng(7, number))
        healed, minimised = acceptance.heal(start, STEPS), acceptance.work.relaxed(start)[0]
        healed_sites += count_defects(without_drift(healed, start).positions, sites).vacancies
        minimised_sites += count_defects(without_drift(minimised, start).positions, sites).vacancies
    structure = f"σ {STRONG_NOISE:g} nn, {len(sites):,} atoms, {STRONG_SEEDS} seeds"
    yield row("strong noise", structure, "empty sites", at_most(minimised_sites), healed_sites, minimised_sites, STEPS)


def cascade(acceptance: Acceptance, n_atoms: int, recoil: float) -> Iterator[Row]:
    """Frenkel pairs that a recoil leaves: healed beside quenched. recoil: eV."""
    crystal, work = acceptance.crystal, acceptance.work
    side = (n_atoms * crystal.volume_per_atom) ** (1 / 3) / crystal.nn
    sites = crystal.block(side)
    damaged = work.after_recoil(sites, CASCADE_TEMPERATURE, recoil, CASCADE_PS, random_seed(acceptance.rng(8)))
    quench, _ = work.relaxed(damaged)
    lattice = scaled_sites(sites, quench)
    healed = acceptance.heal(damaged, STEPS)
    pairs = [count_defects(without_drift(a, quench).positions, lattice).interstitials for a in (damaged, healed, quench)]
    structure = f"{recoil / 1000:g} keV in {len(sites):,} atoms, {CASCADE_TEMPERATURE:.0f} K, after {CASCADE_PS:g} ps"
    figure = f"Frenkel pairs ({pairs[0]} in the input)"
    yield row("cascade", structure, figure, at_most(1.1 * pairs[2]), pairs[1], pairs[2], STEPS)
    differ = different_sites(healed, quench, lattice)
    yield row("cascade", structure, "sites unlike the quench's", None, differ, 0, STEPS)


def _copies(atoms: Atoms, crystal: Crystal, edge: float) -> tuple[int, int, int]:
    """Along the first two vectors, so that each is at least so long, nn."""
    n_x, n_y = np.ceil(edge * crystal.nn / atoms.cell.lengths()[:2]).astype(int)
    return int(n_x), int(n_y), 1
