"""The lattice that a healed crystal itself shows, and its empty and double sites.

No reference is needed where the whole of a periodic box is one crystal: its lattice vectors are those by which the
surroundings of atoms repeat, and the box, which they must fill, makes them exact. Sites are then counted by Wigner and Seitz:
each atom belongs to the nearest one.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from lammps_heal.analysis.neighbour_shells import Surroundings
from lammps_heal.step.neighbours import Float64Array, Int64Array

# Nearest-neighbour distances.
AROUND = 1.25  # neighbours that must repeat: the first shell of fcc, hcp and diamond, the first two of bcc
FARTHEST_VECTOR = 1.8  # of lattice vectors that are looked for
ALIKE = 0.2  # two neighbours are the same
ON_SITE = 0.25  # a healed atom rests on a site
SAME_PLACE = 0.35  # of atoms in their unit cells

SEEDS = 16  # atoms at most whose surroundings are looked at
ENOUGH = 0.45  # of the atoms near one; in hcp and diamond each other atom's surroundings are its own
WHOLE = 0.3  # a number of cells along the box may be off a whole one; atoms must then rest on the sites that follow
MOST_BASIS = 8  # atoms in a unit cell
# Of all atoms on a site, of all sites empty: beyond, it is no crystal that fills its box.
LEAST_ON_SITE, MOST_EMPTY = 0.9, 0.1
NEAR_CELLS = np.array(sorted(product((-1, 0, 1), repeat=3), key=lambda cell: sum(map(abs, cell))))


@dataclass(frozen=True)
class Occupation:
    """Sites with no atom, and with two or more."""

    empty: int
    double: int


@dataclass(frozen=True)
class OwnLattice:
    """vectors: (3, 3) Å, rows. basis: (n_basis, 3) Å, sites of a unit cell. box: (3, 3) whole numbers, box = box @ vectors."""

    vectors: Float64Array
    basis: Float64Array
    box: Int64Array

    @property
    def n_cells(self) -> int:
        return abs(round(float(np.linalg.det(self.box))))

    @property
    def n_sites(self) -> int:
        return self.n_cells * len(self.basis)

    def occupation(self, positions: Float64Array) -> Occupation:
        """Of the sites by atoms at (n, 3) Å."""
        cells, of_basis, _ = self._nearest(positions)
        # The same for all cells that are the box's periods apart.
        adjugate = np.rint(np.linalg.inv(self.box) * np.linalg.det(self.box)).astype(np.int64)
        x, y, z = ((cells @ adjugate) % self.n_cells).T
        places = np.column_stack([y * self.n_cells + x, z * len(self.basis) + of_basis])
        order = np.lexsort(places.T)
        is_new = np.append(True, (places[order][1:] != places[order][:-1]).any(1))
        counts = np.diff(np.append(np.flatnonzero(is_new), len(order)))
        return Occupation(self.n_sites - len(counts), int((counts > 1).sum()))

    def distances(self, positions: Float64Array) -> Float64Array:
        """(n,) Å, of atoms from their nearest sites."""
        return self._nearest(positions)[2]

    def _nearest(self, positions: Float64Array) -> tuple[Int64Array, Int64Array, Float64Array]:
        """(n, 3) unit cell, (n,) number in the basis and (n,) distance, Å, of the nearest site."""
        cells, of_basis = np.zeros(positions.shape, np.int64), np.zeros(len(positions), np.int64)
        least = np.full(len(positions), np.inf)
        inverse = np.linalg.inv(self.vectors)
        for near in NEAR_CELLS:  # the nearest is not always where rounding leads, but where it is near enough
            rows = np.flatnonzero(least > self._certain**2)
            for number, place in enumerate(self.basis):
                from_place = positions[rows] - place
                tried = np.rint(from_place @ inverse).astype(np.int64) + near
                squared = ((from_place - tried @ self.vectors) ** 2).sum(1)
                nearer = squared < least[rows]
                at = rows[nearer]
                cells[at], of_basis[at], least[at] = tried[nearer], number, squared[nearer]
        return cells, of_basis, np.sqrt(least)

    @property
    def _certain(self) -> float:
        """Å; a site so near to an atom is its nearest: half of the shortest distance between sites."""
        apart = (self.basis[:, None] - self.basis)[:, :, None] + NEAR_CELLS @ self.vectors
        lengths = np.linalg.norm(apart, axis=3)
        return 0.5 * float(lengths[lengths > 1.0e-9].min())


def own_lattice(around: Surroundings, cell: Float64Array, nearest: float) -> OwnLattice | None:
    """The lattice of a healed crystal in a periodic box; None where it is not one crystal that fills the box.

    around: of the healed atoms. cell: (3, 3) Å, rows are vectors. nearest: nearest-neighbour distance, Å.
    """
    positions = around.points[: int(around.owner.max()) + 1]
    vectors, seed = _repeats(around, nearest)
    if vectors is None:
        return None
    from_seed = positions - positions[seed]
    fractional = from_seed @ np.linalg.inv(cell)
    from_seed = (fractional - np.rint(fractional)) @ cell
    vectors = _fitted(vectors, from_seed, nearest)
    cells = cell @ np.linalg.inv(vectors)
    box = np.rint(cells).astype(np.int64)
    if np.abs(cells - box).max() > WHOLE or abs(np.linalg.det(box)) < 0.5:
        return None
    vectors = np.linalg.inv(box) @ cell
    basis = _basis(from_seed, vectors, nearest)
    lattice = OwnLattice(vectors, basis + positions[seed], box)
    at_rest = (lattice.distances(positions) < ON_SITE * nearest).mean()
    is_full = lattice.occupation(positions).empty <= MOST_EMPTY * lattice.n_sites
    return lattice if at_rest >= LEAST_ON_SITE and is_full else None


def _repeats(around: Surroundings, nearest: float) -> tuple[Float64Array | None, int]:
    """Three short vectors by which an atom's surroundings repeat, rows, Å; and the atom that has most of them."""
    best: tuple[int, Float64Array] = 0, np.zeros((0, 3))
    for seed in around.centres[:: max(1, len(around.centres) // SEEDS)].tolist():
        near = np.array(around.tree.query_ball_point(around.points[seed], FARTHEST_VECTOR * nearest))
        near = near[near != seed]
        alike = near[_are_alike(around, seed, near, nearest)]
        if len(alike) > len(best[1]):
            best = seed, around.points[alike] - around.points[seed]
        if len(alike) > ENOUGH * len(near):
            break
    seed, vectors = best
    chosen: list[Float64Array] = []
    # In three dimensions the shortest that span space make a unit cell; one that is larger serves as well.
    for vector in vectors[np.argsort(np.linalg.norm(vectors, axis=1), kind="stable")]:
        if np.linalg.matrix_rank([*chosen, vector], tol=0.1 * nearest) > len(chosen):
            chosen.append(vector)
    return (np.array(chosen) if len(chosen) == 3 else None), seed


def _are_alike(around: Surroundings, seed: int, points: Int64Array, nearest: float) -> np.ndarray:
    """(n,) bool, whether the surroundings of points are as the seed's."""
    own, *others = _vectors_around(around, np.append(seed, around.owner[points]), nearest)
    are_alike = np.zeros(len(points), bool)
    for k, vectors in enumerate(others):
        if len(vectors) == len(own) > 0:
            apart = np.linalg.norm(own[:, None] - vectors, axis=2)
            are_alike[k] = (apart.min(1) < ALIKE * nearest).all()
    return are_alike


def _vectors_around(around: Surroundings, atoms: Int64Array, nearest: float) -> list[Float64Array]:
    """To the neighbours of each atom, (m, 3) Å."""
    places = around.points[atoms]
    found = around.tree.query_ball_point(places, AROUND * nearest)
    return [around.points[[k for k in near if k != atom]] - place for atom, near, place in zip(atoms, found, places, strict=True)]


def _fitted(vectors: Float64Array, from_seed: Float64Array, nearest: float) -> Float64Array:
    """The vectors, fitted to atoms ever farther from the seed, so that the number of cells between is never in doubt."""
    distance = np.linalg.norm(from_seed, axis=1)
    reach = 3.0 * nearest
    while True:
        near = from_seed[distance < reach]
        cells = np.rint(near @ np.linalg.inv(vectors))
        on_lattice = np.linalg.norm(near - cells @ vectors, axis=1) < ON_SITE * nearest
        rows = np.column_stack([cells[on_lattice], np.ones(on_lattice.sum())])
        normal = rows.T @ rows
        if np.linalg.matrix_rank(normal) < 4:
            return vectors
        vectors = np.linalg.solve(normal, rows.T @ near[on_lattice])[:3]
        if reach > distance.max():
            return vectors
        reach *= 1.5


def _basis(from_seed: Float64Array, vectors: Float64Array, nearest: float) -> Float64Array:
    """(n_basis, 3) Å: places in the unit cell, from the seed, where many atoms are."""
    fractional = from_seed @ np.linalg.inv(vectors)
    fractional -= np.floor(fractional)
    places: list[Float64Array] = []
    counts: list[int] = []
    left = fractional
    while len(left) and len(places) < MOST_BASIS:
        from_first = left - left[0]
        from_first -= np.rint(from_first)
        same = np.linalg.norm(from_first @ vectors, axis=1) < SAME_PLACE * nearest
        places.append((left[0] + from_first[same].mean(0)) @ vectors)
        counts.append(int(same.sum()))
        left = left[~same]
    return np.array(places)[np.array(counts) > 0.5 * max(counts)]
