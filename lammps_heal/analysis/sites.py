"""Crystals as ASE Atoms: reading them, matching atoms to lattice sites, counting point defects."""

from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import Float64Array, Int64Array, periodic_ghosts

MATCH_REACH = 4.0  # Å; farther sites are never an atom's own
OUT_OF_REACH_COST = 1.0e6  # Å²


@dataclass(frozen=True)
class DefectCount:
    """Wigner-Seitz count. vacancies: empty sites; interstitials: atoms beyond the first on a site."""

    vacancies: int
    interstitials: int


def read_structures(path: str | Path) -> list[Atoms]:
    """All frames of an extended XYZ file. Raises HealError where it is missing or unreadable."""
    if not Path(path).is_file():
        raise HealError(f'structure file "{path}" does not exist: make it with "make data"')
    try:
        frames = ase.io.read(path, index=":", format="extxyz")
    except Exception as reason:
        raise HealError(f'structure file "{path}" is not readable as extended XYZ ({reason})') from reason
    return list(frames)


def site_distances(positions: Float64Array, sites: Atoms, k: int) -> tuple[Float64Array, Int64Array, Float64Array]:
    """The k nearest sites of each position, periodic images included.

    positions: (n, 3) Å, wrapped or not. Returns distances (n, k) Å, rows of sites (n, k), and vectors
    (n, k, 3) Å from position to site; distance is infinite and row -1 where there is none in MATCH_REACH.
    """
    cell, pbc = sites.cell[:], sites.pbc
    ghosts = periodic_ghosts(sites.positions, cell, pbc, MATCH_REACH)
    points = ghosts.positions(sites.positions)
    owner = np.concatenate([np.arange(len(sites)), ghosts.ghost_owner, [-1]])
    wrapped = positions + periodic_ghosts(positions, cell, pbc, 0.0).wrap
    distances, nearest = cKDTree(points).query(wrapped, k=np.arange(1, k + 1), distance_upper_bound=MATCH_REACH)
    points = np.concatenate([points, np.full((1, 3), np.inf)])
    return distances, owner[nearest], points[nearest] - wrapped[:, None, :]


def occupation(positions: Float64Array, sites: Atoms) -> Int64Array:
    """(n_sites,) number of atoms in the Wigner-Seitz cell of each site."""
    _, nearest, _ = site_distances(positions, sites, 1)
    if (nearest < 0).any():
        raise HealError(f"an atom is farther than {MATCH_REACH} Å from every reference site: the reference does not fit")
    return np.bincount(nearest[:, 0], minlength=len(sites))


def count_defects(positions: Float64Array, sites: Atoms) -> DefectCount:
    """Vacancies and interstitials of (n, 3) positions, Å, against the undamaged lattice `sites`."""
    n_atoms = occupation(positions, sites)
    return DefectCount(vacancies=int((n_atoms == 0).sum()), interstitials=int((n_atoms - 1).clip(min=0).sum()))


def vectors_to_sites(positions: Float64Array, sites: Atoms) -> Float64Array:
    """(n, 3) Å from each atom to its site, for as many atoms as sites, one to each.

    Each atom is of the element of the site in its row, and goes to a site of that element: antisites stay. Atoms on each
    other's sites are exchanged: of all assignments the one with the least sum of squared lengths is taken. Atoms whose
    nearest site is wanted by nobody else keep it; only the others are matched.
    """
    _, nearest, vectors = site_distances(positions, sites, 12)
    claims = np.bincount(nearest[nearest[:, 0] >= 0, 0], minlength=len(sites))
    result: Float64Array = vectors[:, 0].copy()
    several = len(set(sites.numbers.tolist())) > 1
    if (claims == 1).all() and not (several and (sites.numbers[nearest[:, 0]] != sites.numbers).any()):
        return result
    cost = np.full((len(positions), len(sites)), OUT_OF_REACH_COST)
    rows = np.repeat(np.arange(len(positions)), nearest.shape[1])
    found = nearest.ravel() >= 0
    squared = (vectors**2).sum(-1).ravel()
    # A site may be near through two faces: nearer images come first, so write them last.
    order = np.flatnonzero(found)[::-1]
    cost[rows[order], nearest.ravel()[order]] = squared[order]
    if several:
        cost[sites.numbers[:, None] != sites.numbers] = OUT_OF_REACH_COST
    _, matched = linear_sum_assignment(cost)
    column = (nearest == matched[:, None]).argmax(1)
    result = vectors[np.arange(len(positions)), column]
    result[~(nearest == matched[:, None]).any(1)] = 0.0
    return result


def remove_mean(vectors: Float64Array) -> Float64Array:
    """(n, 3) less their mean: a shift of the whole crystal is no damage."""
    result: Float64Array = vectors - vectors.mean(0)
    return result


def root_mean_square(vectors: NDArray[np.floating]) -> float:
    """RMS per component."""
    return float(np.sqrt((np.asarray(vectors, np.float64) ** 2).mean()))
