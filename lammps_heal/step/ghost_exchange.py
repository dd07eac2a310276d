"""Reverse and forward communication between ghosts and their owners, whichever rank has them.

For Python hosts, which cannot use that of LAMMPS.
"""

import numpy as np

from lammps_heal.step.neighbours import Float64Array, Int64Array, summed_by_place
from lammps_heal.step.ranks import Ranks


class GhostExchange:
    """Who sends which rows to whom, found once for the ids that LAMMPS has given the rows. Collective calls.

    ids: (nlocal + nghost,); a ghost has its owner's. Which rank owns an id is looked up at rank id % size, so that no
    rank must know all.
    """

    def __init__(self, ids: Int64Array, nlocal: int, ranks: Ranks) -> None:
        self._ranks, n_ranks = ranks, ranks.size
        local = ids[:nlocal]
        ghosts, self._place_of_ghost = np.unique(ids[nlocal:], return_inverse=True)
        listed = ranks.exchange([local[local % n_ranks == r] for r in range(n_ranks)])
        known, owner = np.concatenate(listed), np.repeat(np.arange(n_ranks), [len(part) for part in listed])
        looked_up = ranks.exchange([ghosts[ghosts % n_ranks == r] for r in range(n_ranks)])
        owners = ranks.exchange([owner[places(some, known)] for some in looked_up])
        owner_of_ghost = np.empty(len(ghosts), np.int64)
        for r, of_residue in enumerate(owners):
            owner_of_ghost[ghosts % n_ranks == r] = of_residue
        self._received_ghosts = [np.flatnonzero(owner_of_ghost == r) for r in range(n_ranks)]
        requests = ranks.exchange([ghosts[received] for received in self._received_ghosts])
        self._sent_rows = [places(request, local) for request in requests]

    def forward(self, values: Float64Array) -> Float64Array:
        """(nlocal + nghost, k): values of the local atoms (nlocal, k), and of each ghost its owner's."""
        received = self._ranks.exchange([values[rows] for rows in self._sent_rows])
        of_ghosts = np.empty((sum(map(len, self._received_ghosts)), values.shape[1]))
        for ghosts, part in zip(self._received_ghosts, received, strict=True):
            of_ghosts[ghosts] = part
        return np.concatenate([values, of_ghosts[self._place_of_ghost]])

    def reverse(self, values: Float64Array) -> Float64Array:
        """(nlocal, k): values of the local atoms, out of (nlocal + nghost, k), and those of all their ghosts added."""
        nlocal = len(values) - len(self._place_of_ghost)
        of_ghosts = summed_by_place(self._place_of_ghost, values[nlocal:], sum(map(len, self._received_ghosts)))
        received = self._ranks.exchange([of_ghosts[ghosts] for ghosts in self._received_ghosts])
        result: Float64Array = values[:nlocal].copy()
        for rows, part in zip(self._sent_rows, received, strict=True):
            result[rows] += part  # a rank sends what belongs to a row once
        return result


def places(wanted: Int64Array, ids: Int64Array) -> Int64Array:
    """(n_wanted,) where each wanted id is among the ids, (n,), in any order; all are there, once."""
    order = np.argsort(ids)
    found: Int64Array = order[np.searchsorted(ids, wanted, sorter=order)]
    return found
