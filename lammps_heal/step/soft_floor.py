"""The soft floor: no step brings two atoms nearer than FLOOR nearest-neighbour distances, or than they are if that is less.

Where displacements u would, the approach in excess is taken back, half by each atom:

c_ij = max(0, min(d_ij, floor) - d_ij - (u_j - u_i) . r_ij / d_ij)       u_i <- u_i - sum_j c_ij / 2 r_ij / d_ij

This brings other pairs nearer, so it is done again, SWEEPS times at the most, until no c_ij is above TOLERANCE; smaller ones
are left. d_ij + (u_j - u_i) . r_ij / d_ij is the least that the new distance can be. Translations change nothing, and sums
are exact in any order, as those of forces.
"""

import numpy as np

from lammps_heal.kernel import library as kernel_library
from lammps_heal.kernel.soft_floor import SoftFloor
from lammps_heal.step.neighbours import Float64Array, Neighbourhoods
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
    own_longest = np.linalg.norm(displacements, axis=1).max(initial=0.0)
    longest, minus_nearest = communicator.largest(np.array([own_longest, -nearest]))
    if -minus_nearest >= floor + 2.0 * longest:
        return displacements
    pairs = listed_pairs(positions, neighbourhoods, floor, float(longest), threads)
    for _ in range(SWEEPS):
        is_any = pairs.is_any_too_near(communicator.forward(displacements))
        if not communicator.largest(np.array([is_any], float)).any():
            break
        displacements = pairs.taken_back()
    return displacements


class ListedPairs:
    """Pairs of a local atom and a neighbour of its list that displacements up to `longest`, Å, could bring too near.

    What the kernel's library does with fewer pairs, to the same bits: see kernel/soft_floor.py, also for the functions.
    """

    def __init__(self, positions: Float64Array, neighbourhoods: Neighbourhoods, floor: float, longest: float) -> None:
        self._nlocal, self._tolerance, self._longest = len(neighbourhoods.first) - 1, TOLERANCE * floor, longest
        i, j = neighbourhoods.centre_of_edge(), neighbourhoods.neighbours
        x, y, z = (positions[j] - positions[i]).T
        squares = x * x + y * y + z * z
        near = squares < (floor + 2.0 * longest) ** 2
        self._i, self._j, self._distances = i[near], j[near], np.sqrt(squares[near])
        self._unit_vectors = np.stack([x[near], y[near], z[near]], 1) / self._distances[:, None]
        self._least = np.minimum(self._distances, floor)
        self._u: Float64Array
        self._excess: Float64Array

    def is_any_too_near(self, displacements: Float64Array) -> bool:
        self._u = displacements
        x, y, z = ((displacements[self._j] - displacements[self._i]) * self._unit_vectors).T
        self._excess = self._least - (self._distances + (x + y + z))
        self._excess[self._excess <= self._tolerance] = 0.0
        return bool(self._excess.any())

    def taken_back(self) -> Float64Array:
        parts = (0.5 * self._excess)[:, None] * self._unit_vectors + FIXED_POINT - FIXED_POINT
        displacements = self._u[: self._nlocal].copy()
        np.subtract.at(displacements, self._i, parts)
        return cap(displacements, self._longest)[0]


def listed_pairs(
    positions: Float64Array, neighbourhoods: Neighbourhoods, floor: float, longest: float, threads: int
) -> ListedPairs | SoftFloor:
    """By the kernel's library where that is there."""
    library = kernel_library.library()
    if library is None:
        return ListedPairs(positions, neighbourhoods, floor, longest)
    return SoftFloor(library, positions, neighbourhoods.first, neighbourhoods.neighbours, floor, longest, threads)
