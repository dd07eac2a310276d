"""The soft floor: no step brings two atoms nearer than FLOOR nearest-neighbour distances, or than they are if that is less.

Where displacements u would, the approach in excess is taken back, half by each atom:

c_ij = max(0, min(d_ij, floor) - d_ij - (u_j - u_i) . r_ij / d_ij)       u_i <- u_i - sum_j c_ij / 2 r_ij / d_ij

This brings other pairs nearer, so it is done again, SWEEPS times at the most, until no c_ij is above TOLERANCE; smaller ones
are left. d_ij + (u_j - u_i) . r_ij / d_ij is the least that the new distance can be. Translations change nothing, and sums
are exact in any order, as those of forces.
"""

import numpy as np

from lammps_heal.kernel import library as kernel_library
from lammps_heal.kernel.library import pointer, thread_count
from lammps_heal.step.neighbours import Float64Array, Int32Array, Neighbourhoods
from lammps_heal.step.step import Communicator, cap

FLOOR = 0.75  # nearest-neighbour distances; dumbbells at rest are 0.79 and more, in fcc compressed by 4 % too
SWEEPS = 10
TOLERANCE = 5.0e-4  # of the floor: 0.001 Å in platinum
FIXED_POINT = 6144.0  # Å, 1.5 * 2^12: what is added to it keeps no bits below 2^-40 Å; as in kernel.h


def keep_apart(
    displacements: Float64Array,
    positions: Float64Array,
    neighbourhoods: Neighbourhoods,
    communicator: Communicator,
    floor: float,
    nearest: float = 0.0,
    threads: int = 1,
) -> Float64Array:
    """Displacements, (nlocal, 3) Å, after the soft floor, none longer than the longest was.

    positions: (nlocal + nghost, 3) Å. neighbourhoods: of all local atoms, in order of rows. floor: Å; 0: none. nearest:
    Å, no two neighbours are nearer to each other, as far as is known. Collective.
    """
    if floor == 0.0:
        return displacements
    longest = communicator.largest(float(np.linalg.norm(displacements, axis=1).max(initial=0.0)))
    is_near = nearest < floor + 2.0 * longest
    if communicator.largest(float(is_near)) == 0.0:
        return displacements
    pairs = ListedPairs(positions, neighbourhoods, threads)
    u = communicator.forward(displacements)
    if communicator.largest(float(is_near and pairs.is_any_too_near(u, floor))) == 0.0:
        return displacements
    i, j = pairs.nearer_than(floor + 2.0 * longest).T
    x, y, z = (positions[j] - positions[i]).T
    d = np.sqrt(x * x + y * y + z * z)
    unit_vectors = np.stack([x / d, y / d, z / d], 1)
    least = np.minimum(d, floor)
    for _ in range(SWEEPS):
        x, y, z = ((u[j] - u[i]) * unit_vectors).T
        excess = least - (d + (x + y + z))
        if communicator.largest(float(excess.max(initial=0.0))) <= TOLERANCE * floor:
            break
        excess[excess <= TOLERANCE * floor] = 0.0
        taken_back = (0.5 * excess)[:, None] * unit_vectors + FIXED_POINT - FIXED_POINT
        displacements = displacements.copy()
        np.subtract.at(displacements, i, taken_back)
        displacements = cap(displacements, longest)[0]
        u = communicator.forward(displacements)
    return displacements


class ListedPairs:
    """Pairs of a local atom and a neighbour of its list, by the kernel's library where that is there.

    positions: (nlocal + nghost, 3) Å. neighbourhoods: in order of rows.
    """

    def __init__(self, positions: Float64Array, neighbourhoods: Neighbourhoods, threads: int) -> None:
        self._positions, self._neighbourhoods = np.ascontiguousarray(positions, np.float64), neighbourhoods
        self._library = kernel_library.library()
        if self._library is not None:
            self._first = np.ascontiguousarray(neighbourhoods.first, np.int64)
            self._neighbours = np.ascontiguousarray(neighbourhoods.neighbours, np.int32)
            arrays = (pointer(self._first, np.int64), pointer(self._neighbours, np.int32))
            sizes = len(positions), len(self._first) - 1
            others = 0, None, None, 1.0, thread_count(threads)
            self._atoms = kernel_library.Atoms(pointer(self._positions, np.float64), *sizes, *arrays, *others)

    def is_any_too_near(self, u: Float64Array, floor: float) -> bool:
        """Whether displacements (nlocal + nghost, 3), Å, may bring a pair too near."""
        if self._library is None:
            return True
        return kernel_library.is_any_too_near(self._library, self._atoms, u, floor, TOLERANCE * floor)

    def nearer_than(self, reach: float) -> Int32Array:
        """(n_pairs, 2): local atom and neighbour, nearer than reach, Å, in the order of the list."""
        if self._library is not None:
            return kernel_library.close_pairs(self._library, self._atoms, reach)
        pairs = np.stack([self._neighbourhoods.centre_of_edge(), self._neighbourhoods.neighbours], 1).astype(np.int32)
        r = self._positions[pairs[:, 1]] - self._positions[pairs[:, 0]]
        near: Int32Array = pairs[(r**2).sum(1) < reach**2]
        return near
