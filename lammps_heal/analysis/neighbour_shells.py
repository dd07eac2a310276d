"""What the distances to an atom's neighbours say of a crystal, hot or damaged: lattice constant, coordination, touching faces."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.spatial import cKDTree

from lammps_heal.analysis.local_structure import Shells
from lammps_heal.analysis.other_structure import FEW, FEWEST, LOPSIDED, NEAREST
from lammps_heal.step.neighbours import Float64Array, Int64Array, periodic_ghosts

FARTHEST = 12.0  # Å; beyond are no neighbours of any metal
MOST_CENTRES = 4000  # atoms that are looked at: the median of more is no better
LOPSIDED_OF = {12: LOPSIDED, 14: LOPSIDED, 4: 0.3}  # by the number of neighbours that are looked at
# Of the atoms that `Shells.coordination` counts, in nearest-neighbour distances: bcc has 8 at 1 and 6 at 2 / sqrt 3.
MEAN_DISTANCE = {12: 1.0, 14: (8.0 + 6.0 * 2.0 / sqrt(3.0)) / 14.0, 4: 1.0}
# Of the 12 nearest, in those distances: of fcc and hcp; of bcc, which has EIGHT at the nearest and the others farther away.
TWELVE_OF_METALS, EIGHT = (1.0, (8.0 + 4.0 * 2.0 / sqrt(3.0)) / 12.0), 8


@dataclass(frozen=True)
class Surroundings:
    """Atoms and their periodic images, and some atoms to look at.

    points: (n + n_images, 3) Å, atoms wrapped into their cell first. owner: (n + n_images,) the atom that each is or is an
    image of. image: (n + n_images, 3) whole cells between the two. centres: (m,) some of the atoms.
    """

    points: Float64Array
    owner: Int64Array
    image: Int64Array
    centres: Int64Array
    tree: cKDTree


def surroundings(positions: Float64Array, cell: Float64Array, pbc: np.ndarray, centres: Int64Array | None = None) -> Surroundings:
    """Of atoms at (n, 3) Å in a cell whose rows are vectors. centres: from which to choose; all by default."""
    volume_of_atom = abs(float(np.linalg.det(cell))) / len(positions)
    # In a vacuum the volume of an atom is too large, and only costs time.
    ghosts = periodic_ghosts(positions, cell, pbc, min(2.5 * volume_of_atom ** (1.0 / 3.0), FARTHEST))
    points, n_images = ghosts.positions(positions), len(ghosts.ghost_owner)
    image = np.zeros((len(points), 3), np.int64)
    if n_images:
        image[len(positions) :] = np.rint(ghosts.ghost_shift @ np.linalg.inv(cell)).astype(np.int64)
    chosen = np.random.default_rng(0).permutation(np.arange(len(positions)) if centres is None else centres)[:MOST_CENTRES]
    return Surroundings(points, ghosts.owners(), image, np.sort(chosen), cKDTree(points))


@dataclass(frozen=True)
class Distances:
    """Of atoms inside of a crystal, medians. nearest: nearest-neighbour distance, Å, if it is of the structure meant; of a
    metal that may be fcc, hcp or bcc, first if it is of the former, then if bcc. outer: of a metal, mean distance to the ninth
    to twelfth nearest ÷ that to the eight nearest; 1 in fcc and hcp at rest, 1.15 in bcc."""

    nearest: tuple[float, ...]
    outer: float = 1.0


def neighbour_distances(around: Surroundings, shells: Shells, is_any_metal: bool = False) -> Distances | None:
    """Mean distance to as many neighbours as a crystal of this structure has that near; None where few atoms are inside of one.

    is_any_metal: it may be fcc, hcp or bcc, whatever shells. In hot crystals 0.4 % (300 K) to 1.2 % (0.9 of the melting
    point) too long. At a surface the nearest atoms lie to one side; such atoms are left out.
    """
    k = max(MEAN_DISTANCE) if is_any_metal else shells.coordination
    found = _distances_inside(around, k)
    if found is None:
        return None
    if is_any_metal:
        twelve = float(np.median(found[:, :NEAREST].mean(1)))
        outer = found[:, EIGHT:NEAREST].mean(1) / found[:, :EIGHT].mean(1)
        return Distances(tuple(twelve / mean for mean in TWELVE_OF_METALS), float(np.median(outer)))
    return Distances((float(np.median(found.mean(1))) / MEAN_DISTANCE[k],))


def few_to_nearest(around: Surroundings) -> float | None:
    """Mean distance to the FEW nearest atoms ÷ that to the NEAREST, median of atoms inside of a crystal; None where these are
    few. As other_structure.ratios of an open cluster."""
    found = _distances_inside(around, NEAREST)
    return None if found is None else float(np.median(found[:, :FEW].mean(1) / found.mean(1)))


def _distances_inside(around: Surroundings, k: int) -> Float64Array | None:
    """(m, k) Å, from centres inside of a crystal to their k nearest atoms; None where these centres are few."""
    distances, nearest = around.tree.query(around.points[around.centres], k=np.arange(2, k + 2), distance_upper_bound=FARTHEST)
    whole = np.isfinite(distances).all(1) & (distances[:, 0] > 0.0)
    directions = around.points[nearest[whole]] - around.points[around.centres[whole], None]
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    inside = np.linalg.norm(directions.mean(1), axis=1) < LOPSIDED_OF[k]
    found: Float64Array = distances[whole][inside]
    return found if len(found) >= min(FEWEST, len(around.centres)) else None


def close_pairs(around: Surroundings, distance: float) -> set[tuple[int, int]]:
    """Pairs of atoms nearer to each other than distance, Å."""
    n_atoms = int(around.owner.max()) + 1
    pairs = around.tree.query_pairs(distance, output_type="ndarray")
    owned = around.owner[pairs[(pairs < n_atoms).any(1)]]
    return {(int(i), int(j)) for i, j in np.unique(np.sort(owned, 1), axis=0)}


def pairs_across_faces(around: Surroundings, cell: Float64Array, distance: float) -> tuple[Float64Array, float]:
    """Pairs nearer than distance, Å: (3,) across the faces of each direction alone, for each atom that near to one; and inside.

    Inside: pairs that cross no face, for each atom.
    """
    n_atoms = int(around.owner.max()) + 1
    pairs = around.tree.query_pairs(distance, output_type="ndarray")
    pairs = pairs[(pairs < n_atoms).any(1)]
    crossing = around.image[pairs[:, 0]] != around.image[pairs[:, 1]]
    inverse = np.linalg.inv(cell)
    margin = distance * np.linalg.norm(inverse, axis=0)  # in fractions of the cell
    fractional = around.points[:n_atoms] @ inverse
    n_near = ((fractional < margin) | (fractional > 1.0 - margin)).sum(0)
    n_faces = crossing.sum(1)
    # A pair inside concerns two atoms; one across a face is found twice, once from each side.
    return crossing[n_faces == 1].sum(0) / np.maximum(n_near, 1), 2.0 * float((n_faces == 0).sum()) / n_atoms
