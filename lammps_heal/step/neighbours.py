"""Ghost atoms and neighbours, with the same contract in every host.

The model sees an open cluster: local atoms first, then ghosts (periodic images, or atoms owned by
another rank), one cutoff deep. Inside LAMMPS the ghosts are LAMMPS's own; elsewhere `periodic_ghosts`
makes them.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from ase.geometry import complete_cell
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lammps_heal.errors import HealError
from lammps_heal.kernel import library as kernel_library

SMALLEST_DISTANCE = 1.0e-4  # Å; nearer atoms overlap, and the direction between them means nothing

FLATTEST = 1.0e-9  # volume of a cell ÷ that of a box with sides as long; less is rounding
MOST_IMAGES = 1.0e9  # atoms and images looked through at the most: 10 million atoms and their 26 neighbouring cells, and more

Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]
Int32Array = NDArray[np.int32]


@dataclass(frozen=True)
class PeriodicGhosts:
    """Local atoms wrapped into their cell, and the images of them that are within reach.

    wrap: (nlocal, 3) Å, to be added to the caller's positions to wrap them into the cell.
    ghost_owner: (nghost,) row of the local atom that a ghost is an image of.
    ghost_shift: (nghost, 3) Å, ghost minus wrapped owner.
    """

    wrap: Float64Array
    ghost_owner: Int64Array
    ghost_shift: Float64Array

    def positions(self, local: Float64Array) -> Float64Array:
        """(nlocal + nghost, 3) Å: wrapped local atoms, then ghosts, for moved `local` (nlocal, 3)."""
        wrapped = local + self.wrap
        return np.concatenate([wrapped, wrapped[self.ghost_owner] + self.ghost_shift])

    def owners(self) -> Int64Array:
        """(nlocal + nghost,) local atom that each row is, or is an image of."""
        return np.concatenate([np.arange(len(self.wrap)), self.ghost_owner])


def periodic_ghosts(positions: Float64Array, cell: Float64Array, pbc: NDArray[np.bool_], reach: float) -> PeriodicGhosts:
    """All periodic images within `reach` of the cell, for any cell and any mix of boundaries.

    positions: (nlocal, 3) Å, wrapped or not. cell: (3, 3) Å, rows are vectors; rows of open directions
    may be zero. pbc: (3,) bool. reach: Å; may exceed the cell: then an atom has several images, its own
    included. Raises HealError for a cell that is not finite, has no volume, or is so thin that images have no end.
    """
    full_cell, inverse = _completed(cell, pbc)
    fractional = positions @ inverse
    wrap_count = np.where(pbc, -np.floor(fractional), 0.0)
    fractional = fractional + wrap_count
    # The columns of the inverse are the reciprocal vectors: 1 / their length is the spacing of the faces.
    margin = reach * np.linalg.norm(inverse, axis=0)
    depth = np.where(pbc, np.ceil(margin), 0.0)
    if not float(np.prod(2.0 * depth + 1.0)) * max(len(positions), 1) < MOST_IMAGES:
        raise HealError(
            f"the cell is so thin or tilted that atoms within {reach:.3g} Å of it are more than {MOST_IMAGES:.0e}: "
            "its faces are " + ", ".join(f"{1.0 / length:.3g}" for length in np.linalg.norm(inverse, axis=0)) + " Å apart"
        )
    images = [range(-int(d), int(d) + 1) for d in depth]
    owners, shifts = [], []
    for image in itertools.product(*images):
        if image == (0, 0, 0):
            continue
        shifted = fractional + np.array(image)
        near = np.flatnonzero((((shifted >= -margin) & (shifted < 1.0 + margin)) | ~pbc).all(axis=1))
        owners.append(near)
        shifts.append(np.broadcast_to(np.array(image) @ full_cell, (len(near), 3)))
    return PeriodicGhosts(
        wrap=wrap_count @ full_cell,
        ghost_owner=np.concatenate(owners) if owners else np.zeros(0, np.int64),
        ghost_shift=np.concatenate(shifts) if shifts else np.zeros((0, 3)),
    )


def _completed(cell: Float64Array, pbc: NDArray[np.bool_]) -> tuple[Float64Array, Float64Array]:
    """The cell with vectors for its open directions, and its inverse."""
    if not np.isfinite(cell).all():
        raise HealError("the cell is not finite: check the structure file")
    lengths = np.linalg.norm(cell, axis=1)
    if (np.asarray(pbc) & (lengths == 0.0)).any():
        raise HealError("the cell has no vector along a periodic direction: give it one, or make the direction open")
    full_cell = np.asarray(complete_cell(cell), dtype=np.float64)
    volume = abs(np.linalg.det(full_cell)) / np.prod(np.linalg.norm(full_cell, axis=1))  # of the unit vectors
    if not volume > FLATTEST:
        raise HealError(f"the cell has no volume: its vectors span {volume:.3g} of what they would at right angles")
    return full_cell, np.asarray(np.linalg.inv(full_cell), dtype=np.float64)


@dataclass(frozen=True)
class Neighbourhoods:
    """A neighbour list, as rows of the open cluster's positions.

    centres: (nlocal,) the local atoms, in any order. The neighbours of centre k are
    neighbours[first[k]:first[k + 1]]; first: (nlocal + 1,).
    """

    centres: Int64Array
    first: Int64Array
    neighbours: Int64Array | Int32Array

    def centre_of_edge(self) -> Int64Array:
        """(n_edges,) row of the centre of each edge."""
        return np.repeat(self.centres, np.diff(self.first))

    def in_order_of_ids(self, ids: Int64Array, positions: Float64Array) -> "Neighbourhoods":
        """The same, centres and the neighbours of each in order of atom id, images of one atom by edge vector.

        ids: (nlocal + nghost,); a ghost has its owner's. positions: (nlocal + nghost, 3) Å.
        Sums in float32 depend on their order; in this one every host and number of ranks has the same.
        """
        order_of_centres = np.argsort(ids[self.centres])
        place = np.empty_like(order_of_centres)
        place[order_of_centres] = np.arange(len(place))
        counts = np.diff(self.first)
        keys = (ids[self.neighbours], np.repeat(place, counts))
        order = np.lexsort(keys)
        if any_repeated(*(key[order] for key in keys)):
            x, y, z = (positions[self.neighbours] - positions[self.centre_of_edge()]).T
            order = np.lexsort((z, y, x, *keys))
        first = np.concatenate([[0], np.cumsum(counts[order_of_centres])])
        return Neighbourhoods(self.centres[order_of_centres], first, self.neighbours[order])

    def in_order_of_rows(self) -> "Neighbourhoods":
        """The same, centres in order of rows; the neighbours of each keep their order."""
        order, counts = np.argsort(self.centres), np.diff(self.first)
        first = np.concatenate([[0], np.cumsum(counts[order])])
        edges = np.repeat(self.first[:-1][order] - first[:-1], counts[order]) + np.arange(first[-1])
        return Neighbourhoods(self.centres[order], first, self.neighbours[edges])


def summed_by_place(places: Int64Array, values: Float64Array, n_places: int) -> Float64Array:
    """(n_places, k): the sum of the rows of values, (n, k), that have this place; places: (n,)."""
    return np.stack([np.bincount(places, column, n_places) for column in values.T], 1)


def any_repeated(*keys: Int64Array) -> bool:
    """Whether two entries that follow each other are equal in all keys, each of them (n,)."""
    return bool(np.logical_and.reduce([key[1:] == key[:-1] for key in keys]).any())


def neighbour_list(positions: Float64Array, nlocal: int, cutoff: float) -> Neighbourhoods:
    """Neighbours of each local atom closer than `cutoff` in the open cluster, all in ascending order of rows.

    positions: (nlocal + nghost, 3) Å, local atoms first.
    """
    if nlocal == 0:
        return Neighbourhoods(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0, np.int64))
    pairs = cKDTree(positions[:nlocal]).sparse_distance_matrix(cKDTree(positions), cutoff, output_type="ndarray")
    pairs = pairs[pairs["i"] != pairs["j"]]
    order = np.argsort(pairs["i"] * len(positions) + pairs["j"])
    first = np.zeros(nlocal + 1, np.int64)
    np.cumsum(np.bincount(pairs["i"], minlength=nlocal), out=first[1:])
    return Neighbourhoods(np.arange(nlocal), first, pairs["j"][order].astype(np.int64))


def periodic_neighbours(
    positions: Float64Array, cell: Float64Array, pbc: NDArray[np.bool_], cutoff: float
) -> tuple[Float64Array, Int64Array, Neighbourhoods]:
    """Local and ghost positions (nlocal + nghost, 3) Å, the owner of each, and neighbours closer than `cutoff`."""
    ghosts = periodic_ghosts(positions, cell, pbc, cutoff)
    cluster = ghosts.positions(positions)
    return cluster, ghosts.owners(), neighbour_list(cluster, len(positions), cutoff)


def neighbours_by_id(positions: Float64Array, ids: Int64Array, nlocal: int, cutoff: float, threads: int = 1) -> Neighbourhoods:
    """Centres in order of rows, neighbours closer than `cutoff` as `Neighbourhoods.in_order_of_ids` orders them.

    positions: (nlocal + nghost, 3) Å. ids: (nlocal + nghost,), not negative; a ghost has its owner's.
    By the kernel's library where that is there, some ten times faster; it may add pairs up to 1e-4 Å farther apart.
    """
    library = kernel_library.library()
    if library is not None:
        found = kernel_library.neighbours_by_id(library, positions, ids, nlocal, cutoff, threads)
        return Neighbourhoods(np.arange(nlocal), *found)
    return neighbour_list(positions, nlocal, cutoff).in_order_of_ids(ids, positions).in_order_of_rows()


def require_separate_atoms(positions: Float64Array, neighbourhoods: Neighbourhoods) -> None:
    """Raise HealError where a centre and a neighbour overlap."""
    centres = neighbourhoods.centre_of_edge()
    d = np.linalg.norm(positions[neighbourhoods.neighbours] - positions[centres], axis=1)
    if d.min(initial=np.inf) < SMALLEST_DISTANCE:
        raise overlap_error(positions, int(centres[d.argmin()]), int(neighbourhoods.neighbours[d.argmin()]))


def overlap_error(positions: Float64Array, row: int, other: int) -> HealError:
    """The error for two rows of positions, (n, 3) Å, that overlap."""
    x, y, z = positions[row]
    return HealError(
        f"two atoms overlap, at ({x:.3f}, {y:.3f}, {z:.3f}) Å, "
        f"{np.linalg.norm(positions[other] - positions[row]):.3g} Å apart: "
        f'delete one of them (LAMMPS: "delete_atoms overlap {SMALLEST_DISTANCE} all all")'
    )
