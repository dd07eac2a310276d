"""Cases on perfect crystals with Gaussian noise: how fast it is healed, and how much of it leaves Frenkel pairs."""

import numpy as np
from ase import Atoms

from lammps_heal.analysis.energies import energy_per_atom, minimise, minimise_by_iteration
from lammps_heal.analysis.sites import count_defects
from lammps_heal.evaluation.cells import perfect_crystal, with_noise
from lammps_heal.evaluation.comparison import rmsd_to_sites, without_drift
from lammps_heal.evaluation.healing import trajectory
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.evaluation.sizes import SEED, Size
from lammps_heal.model.model_file import Model
from lammps_heal.tables import at_most

NOISE_STEPS = 20
RMSD_STEPS = (1, 2, 4, 8, 12, 20)


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
