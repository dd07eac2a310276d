"""Cases on crystals with vacancies and noise: is every vacancy kept, on its own site?"""

from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from lammps_heal.analysis.energies import energy_per_atom, minimise
from lammps_heal.analysis.sites import occupation, site_distances
from lammps_heal.evaluation.cells import perfect_crystal, with_noise, with_vacancies
from lammps_heal.evaluation.comparison import nearest_sites, without_drift
from lammps_heal.evaluation.healing import healed_by
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.evaluation.sizes import SEED, Size
from lammps_heal.hosts.potential import Potential
from lammps_heal.model.model_file import Model
from lammps_heal.step.neighbours import Int64Array
from lammps_heal.tables import at_least, at_most

VACANT = (0.001, 0.01, 0.05)
SIGMAS = (0.1, 0.2, 0.3, 0.4)  # Å


@dataclass
class VacancyTally:
    """Over crystals: how many, how many keep every vacancy with none added, and the excess of each, meV/atom.

    judged, on_site: vacancies that the damaged input's own Wigner-Seitz assignment shows, and those still there.
    """

    crystals: int = 0
    kept: int = 0
    judged: int = 0
    on_site: int = 0
    excess: list[float] = field(default_factory=list)

    def add(self, atoms: Atoms, start: Atoms, clean: Atoms, sites: Atoms, potential: Potential | None = None) -> None:
        """Judge atoms, which were `clean` on the lattice `sites` and `start` with noise."""
        n_atoms = occupation(without_drift(atoms, start).positions, sites)
        visible = visible_vacancies(start, clean, sites)
        # Where noise hides a vacancy it may end on another site: the excess is over that crystal, relaxed.
        reached = sites[np.flatnonzero(n_atoms)] if n_atoms.max() == 1 else clean
        self.crystals += 1
        self.kept += int(n_atoms.max()) == 1
        self.judged += len(visible)
        self.on_site += int((n_atoms[visible] == 0).sum())
        self.excess.append(energy_per_atom(atoms, potential) - minimise(reached, potential)[1])


def visible_vacancies(start: Atoms, clean: Atoms, sites: Atoms) -> Int64Array:
    """Rows of the vacant sites about which, and about whose neighbours, the noisy start's own assignment is right."""
    own, nearest = nearest_sites(clean, sites), nearest_sites(start, sites)
    wrong = np.zeros(len(sites), bool)
    wrong[np.concatenate([own[own != nearest], nearest[own != nearest]])] = True
    vacant: Int64Array = np.setdiff1d(np.arange(len(sites)), own)
    around = nearest_neighbour_sites(sites)
    visible: Int64Array = vacant[~wrong[vacant] & ~wrong[around[vacant]].any(1)]
    return visible


def nearest_neighbour_sites(sites: Atoms) -> Int64Array:
    """(n, 12) rows of the sites nearest to each site of a perfect fcc lattice."""
    return site_distances(sites.positions, sites, 13)[1][:, 1:]


def vacancies(model: Model, size: Size, steps: int = 20) -> list[Row]:
    """Is every vacancy kept, on its own site and relaxed as EAM relaxes it?"""
    sites = perfect_crystal(size.small)
    tallies = {vacant: (VacancyTally(), VacancyTally()) for vacant in VACANT}
    for number in range(size.crystals):
        vacant, sigma = VACANT[number % 3], SIGMAS[number // 3 % 4]
        rng = np.random.default_rng([SEED, 3, number])
        clean = with_vacancies(sites, max(1, round(vacant * len(sites))), rng)
        start = with_noise(clean, sigma, rng)
        for tally, atoms in zip(tallies[vacant], (healed_by(start, model, steps), minimise(start)[0]), strict=True):
            tally.add(atoms, start, clean, sites)
    rows = []
    for vacant, (tally, other) in tallies.items():
        structure = f"{vacant:.1%} vacant, σ 0.1 to 0.4 Å, {tally.crystals} crystals of {len(sites):,} sites"
        rows += [
            row("vacancies", structure, "crystals that keep all", at_least(tally.crystals), tally.kept, other.kept, steps),
            row(
                "vacancies",
                structure,
                f"of {tally.judged} vacancies visible in the input, on their site",
                at_least(tally.judged),
                tally.on_site,
                other.on_site,
                steps,
            ),
            row("vacancies", structure, "largest excess, meV/atom", at_most(0.1), max(tally.excess), max(other.excess), steps),
        ]
    return rows
