"""Start crystals as ASE Atoms, of any structure that has a name: perfect, with vacancies, noise, a void, a dumbbell."""

from dataclasses import dataclass

import ase.build
import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from lammps_heal.analysis.sites import site_distances
from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import SMALLEST_DISTANCE

# Whether ASE builds the structure's conventional cell as a cube, or as a box of right angles.
STRUCTURES = {"fcc": "cubic", "bcc": "cubic", "diamond": "cubic", "hcp": "orthorhombic"}


@dataclass(frozen=True)
class Lattice:
    """A perfect crystal of one element. constant: Å, of 0 K; hcp is ideally close-packed (c/a = √(8/3))."""

    structure: str
    element: str
    constant: float

    def __post_init__(self) -> None:
        if self.structure not in STRUCTURES:
            raise HealError(f"the evaluation makes crystals of {', '.join(STRUCTURES)}, got {self.structure}")


PLATINUM = Lattice("fcc", "Pt", 3.92)  # of Pt_u3.eam


def perfect_crystal(n: int, lattice: Lattice = PLATINUM) -> Atoms:
    """n conventional cells along each side, all angles right: 4 n^3 atoms of fcc and hcp, 2 n^3 of bcc, 8 n^3 of diamond."""
    shape = {STRUCTURES[lattice.structure]: True}
    crystal: Atoms = ase.build.bulk(lattice.element, lattice.structure, a=lattice.constant, **shape).repeat((n, n, n))
    return crystal


def with_vacancies(atoms: Atoms, n_vacancies: int, rng: np.random.Generator) -> Atoms:
    """A copy without `n_vacancies` random atoms."""
    damaged: Atoms = atoms.copy()
    del damaged[rng.choice(len(atoms), n_vacancies, replace=False)]
    return damaged


def with_noise(atoms: Atoms, sigma: float, rng: np.random.Generator) -> Atoms:
    """A copy with Gaussian noise of standard deviation sigma (Å) on each component, in a rectangular box.

    Drawn again for atoms that it makes overlap, as happens beyond 0.5 Å: healing rightly refuses those.
    """
    noisy: Atoms = atoms.copy()
    moved = np.arange(len(atoms))
    while len(moved):
        noisy.positions[moved] = atoms.positions[moved] + rng.normal(0.0, sigma, (len(moved), 3))
        tree = cKDTree(noisy.positions % atoms.cell.lengths(), boxsize=atoms.cell.lengths())
        moved = np.unique(tree.query_pairs(SMALLEST_DISTANCE, output_type="ndarray"))
    return noisy


def with_void(sites: Atoms, n_sites: int) -> Atoms:
    """A copy without the `n_sites` atoms nearest to the middle, a point of no symmetry so that none are as near."""
    middle = sites.cell[:].sum(0) / 2 + np.array([0.31, 0.17, 0.05])
    holed: Atoms = sites.copy()
    del holed[np.argsort(np.linalg.norm(sites.positions - middle, axis=1))[:n_sites]]
    return holed


def with_dumbbell(sites: Atoms, lattice: Lattice = PLATINUM) -> Atoms:
    """A copy with two atoms, along [100], on the site nearest to the middle."""
    split: Atoms = sites.copy()
    middle = int(np.argmin(np.linalg.norm(sites.positions - sites.cell[:].sum(0) / 2, axis=1)))
    added = split[[middle]]
    split.positions[middle, 0] -= 0.3 * lattice.constant
    added.positions[:, 0] += 0.3 * lattice.constant
    split.extend(added)
    return split


def scaled_sites(sites: Atoms, atoms: Atoms) -> Atoms:
    """The lattice in the box of `atoms`, shifted by the mean vector to its sites: no drift is left."""
    fitted: Atoms = sites.copy()
    fitted.set_cell(atoms.cell, scale_atoms=True)
    distances, _, vectors = site_distances(atoms.positions, fitted, 1)
    fitted.positions -= vectors[np.isfinite(distances[:, 0]), 0].mean(0)
    return fitted
