"""How well a network heals structures that it is not trained on: distances to the sites after some healing steps."""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms

from lammps_heal.analysis.sites import remove_mean, root_mean_square, vectors_to_sites
from lammps_heal.model.network import HealingNetwork
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import Float64Array
from lammps_heal.step.step import cap, displacement
from lammps_heal.step.torchscript import TorchBackend
from lammps_heal.training.lengths import Lengths
from lammps_heal.training.mixture import Fractions
from lammps_heal.training.recipe import Stage
from lammps_heal.training.structures import CRYSTAL, DEFECT, START, THERMAL, VALIDATION_SEED, Lattice, group_of

VALIDATION_STEPS = (1, 2, 4, 8)
LEAST_RATIO = 1.0e-6  # of what is left: no score becomes perfect by one figure

Figures = dict[str, list[float]]


def validate(network: HealingNetwork, structures: Sequence[Atoms], stage: Stage, lengths: Lengths, lattice: Lattice) -> Figures:
    """RMS distance to the sites (per component, Å) after 0 and VALIDATION_STEPS steps.

    By σ for crystals; "defect" and σ, and "thermal", where the stage draws from them.
    """
    rng = np.random.default_rng(VALIDATION_SEED)
    smallest = lengths.validation_sigmas[0]
    sigmas = [s for s in lengths.validation_sigmas if s <= max(stage.sigma[1], smallest)]
    fractions = Fractions.of(stage.mixture)

    def of(group: str, sigma: float) -> list[float]:
        held_out = [atoms for atoms in structures if group_of(atoms) == group]
        return _figures(network, held_out, lattice, sigma, lengths, rng)

    figures = {f"{sigma:.3g}": of(CRYSTAL, sigma) for sigma in sigmas}
    if fractions.defect > 0.0:
        of_defects = [s for s in lengths.defect_sigmas if s in sigmas]
        figures |= {f"defect {s:.3g}": of(DEFECT, s) for s in of_defects}
    if fractions.thermal > 0.0:
        figures["thermal"] = of(THERMAL, 0.0)
    return figures


def _figures(
    network: HealingNetwork,
    held_out: Sequence[Atoms],
    lattice: Lattice,
    sigma: float,
    lengths: Lengths,
    rng: np.random.Generator,
) -> list[float]:
    """sigma: Å, of the noise put on; thermal snapshots are hot already."""
    squares = np.zeros(1 + len(VALIDATION_STEPS))
    for atoms in held_out:
        crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, network.cutoff)
        x = atoms.arrays[START] if START in atoms.arrays else atoms.positions + rng.normal(0.0, sigma, atoms.positions.shape)
        species = lattice.species(atoms).astype(np.int32)
        row = [_residual(x, atoms)]
        for step in range(1, VALIDATION_STEPS[-1] + 1):
            cluster = crystal.open_cluster(x)
            moved = displacement(TorchBackend(network), *cluster, crystal, crystal.of_owners(species))
            x = x + cap(moved, lengths.max_displacement)[0]
            if step in VALIDATION_STEPS:
                row.append(_residual(x, atoms))
        squares += np.square(row)
    return [float(v) for v in np.sqrt(squares / len(held_out))]


def _residual(x: Float64Array, sites: Atoms) -> float:
    return root_mean_square(remove_mean(vectors_to_sites(x, sites)))


def score(figures: Mapping[str, Sequence[float]]) -> float:
    """Geometric mean of all residuals relative to the damage put on: lower is better."""
    ratios = [value / row[0] for row in figures.values() for value in row[1:]]
    return float(np.exp(np.mean(np.log(np.maximum(ratios, LEAST_RATIO)))))


def table(figures: Mapping[str, Sequence[float]]) -> str:
    """One line for each σ or group of structures; RMSD per component, Å."""
    steps = ", ".join(str(step) for step in (0, *VALIDATION_STEPS))
    lines = [f"sigma (Å)    RMSD (Å) after {steps} steps"]
    return "\n".join(lines + [f"{sigma:<12} " + " ".join(f"{v:.4f}" for v in row) for sigma, row in figures.items()])
