"""Does an alloy or a compound rest, and does each atom keep its own site? With antisites, and with vacancies.

Beside it stand the ideal sites, to which a model that sees no species heals.
"""

from collections.abc import Iterator

import numpy as np
from ase import Atoms

from lammps_heal.analysis.sites import site_distances
from lammps_heal.crystals.acceptance import MEV, REST_STEPS, STEPS, Acceptance, moves, with_noise, without_drift
from lammps_heal.crystals.defects import with_swaps, with_vacancies
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.step.neighbours import Int64Array
from lammps_heal.tables import at_most

NOISE = 0.12  # nn
SWAPPED, VACANT = 0.01, 0.01  # of the atoms; a swap makes two antisites
SEEDS = 2
LARGEST_EXCESS, LARGEST_MOVE = 0.05, 0.05  # meV/atom, Å
FIRST_CASE = 7  # number that its random numbers begin with


def species(acceptance: Acceptance) -> Iterator[Row]:
    """Excess and largest move after many steps from rest; and from noise, excess and sites of other atoms."""
    for seed in range(SEEDS):
        rng = acceptance.rng(FIRST_CASE, seed)
        sites = acceptance.crystal.mixed(acceptance.crystal.block(acceptance.size.vacancy_edge), rng)
        if acceptance.crystal.composition:
            ideal = {"random alloy": sites}
        else:
            sites = with_swaps(sites, max(1, round(SWAPPED * len(sites))), rng)
            ideal = {f"{2 * SWAPPED:.0%} antisites": sites}
        damaged = with_vacancies(sites, max(1, round(VACANT * len(sites))), rng)
        [name] = ideal
        for structure, atoms in {**ideal, f"{name}, {VACANT:.0%} vacant": damaged}.items():
            share = ", ".join(f"{part:.0%} {element}" for element, part in shares(atoms).items())
            yield from _rest_and_noise(acceptance, f"{structure}, {share}, {len(atoms):,} atoms", atoms, sites, rng)


def shares(atoms: Atoms) -> dict[str, float]:
    """Of each element."""
    symbols = np.array(atoms.get_chemical_symbols())
    return {str(element): float((symbols == element).mean()) for element in np.unique(symbols)}


def _rest_and_noise(
    acceptance: Acceptance, structure: str, ideal: Atoms, sites: Atoms, rng: np.random.Generator
) -> Iterator[Row]:
    work = acceptance.work
    rest, energy = work.relaxed(ideal)

    def excess(atoms: Atoms) -> float:
        return MEV * (work.energy(atoms) - energy)

    healed = acceptance.heal(rest, REST_STEPS)
    figure = f"excess, meV/atom (of the ideal sites {excess(ideal):.3g})"
    yield row("species", structure, figure, at_most(LARGEST_EXCESS), excess(healed), 0.0, REST_STEPS)
    largest, of_ideal = (float(np.linalg.norm(moves(atoms, rest), axis=1).max()) for atoms in (healed, ideal))
    figure = f"largest move, Å (to the ideal sites {of_ideal:.2g})"
    yield row("species", structure, figure, at_most(LARGEST_MOVE), largest, 0.0, REST_STEPS)

    start = with_noise(rest, NOISE * acceptance.crystal.nn, rng)
    healed, minimised = acceptance.heal(start, STEPS), work.relaxed(start)[0]
    figure = f"excess from σ {NOISE:g} nn, meV/atom"
    yield row("species", structure, figure, at_most(LARGEST_EXCESS), excess(healed), excess(minimised), STEPS)
    occupied = occupants(rest, sites)
    other, of_cg = (int((occupants(without_drift(a, start), sites) != occupied).sum()) for a in (healed, minimised))
    yield row("species", structure, f"sites of other atoms, from σ {NOISE:g} nn", at_most(0), other, of_cg, STEPS)


def occupants(atoms: Atoms, sites: Atoms) -> Int64Array:
    """(n_sites,) sum of the atomic numbers of the atoms on each site: 0 for a vacancy."""
    _, nearest, _ = site_distances(atoms.positions, sites, 1)
    return np.bincount(nearest[:, 0], atoms.numbers, len(sites)).astype(np.int64)
