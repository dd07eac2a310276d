"""A crystal in a periodic cell, without LAMMPS: its ghosts, their communication, and a neighbour list kept while it serves."""

import numpy as np
from numpy.typing import NDArray

from lammps_heal.step.neighbours import (
    Float64Array,
    Int32Array,
    Int64Array,
    Neighbourhoods,
    PeriodicGhosts,
    neighbours_by_id,
    periodic_ghosts,
    summed_by_place,
)

SKIN = 1.0  # Å; a neighbour list serves until an atom has moved half of it


def outrun_skin(positions: Float64Array, listed: Float64Array) -> bool:
    """Whether an atom of (n, 3), Å, has moved so far from where it was listed that the neighbour list may miss a pair."""
    return bool(((positions - listed) ** 2).sum(1).max(initial=0.0) > (0.5 * SKIN) ** 2)


class PeriodicCrystal:
    """Positions in a cell and the list of their neighbours, which is built anew only when it must be.

    cell: (3, 3) Å, rows are vectors. pbc: (3,) bool. cutoff: Å. It is the `Communicator` of its own `open_cluster`.
    """

    def __init__(self, cell: Float64Array, pbc: NDArray[np.bool_], cutoff: float, threads: int = 1) -> None:
        self.cell, self.pbc, self.cutoff, self.threads = cell, pbc, cutoff, threads
        self._listed_positions: Float64Array | None = None
        self._ghosts: PeriodicGhosts
        self._owners: Int64Array
        self._neighbourhoods: Neighbourhoods

    def open_cluster(self, positions: Float64Array) -> tuple[Float64Array, Neighbourhoods]:
        """Local and ghost positions (nlocal + nghost, 3) Å and neighbours, for (nlocal, 3) positions."""
        if self._listed_positions is None or outrun_skin(positions, self._listed_positions):
            self._listed_positions = positions.copy()
            self._ghosts = periodic_ghosts(positions, self.cell, self.pbc, self.cutoff + SKIN)
            cluster = self._ghosts.positions(positions)
            self._owners = self._ghosts.owners()
            self._neighbourhoods = neighbours_by_id(cluster, self._owners, len(positions), self.cutoff + SKIN, self.threads)
        return self._ghosts.positions(positions), self._neighbourhoods

    def reverse(self, forces: Float64Array) -> Float64Array:
        """See `step.Communicator`; of the last `open_cluster`, as `forward`."""
        return summed_by_place(self._owners, forces, len(self._ghosts.wrap))

    def forward(self, vectors: Float64Array) -> Float64Array:
        """See `step.Communicator`."""
        return vectors[self._owners]

    def largest(self, values: Float64Array) -> Float64Array:
        """See `step.Communicator`."""
        return values

    def of_owners(self, species: Int32Array) -> Int32Array:
        """(nlocal + nghost,) species of the last `open_cluster`, from those of its local atoms, (nlocal,)."""
        return species[self._owners]
