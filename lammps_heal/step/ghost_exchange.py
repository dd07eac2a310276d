"""Brings what owned atoms have to their ghosts, and what ghosts have to their owners, whichever rank has them.

For Python hosts, whose LAMMPS does not.
"""

import numpy as np

from lammps_heal.step.neighbours import Float64Array, Int64Array, summed_by_place
from lammps_heal.step.ranks import Ranks


class GhostExchange:
    """Who sends which rows to whom, found once for the ids that LAMMPS has given the rows. Collective calls.

    ids: (n_owned + n_ghost,); a ghost has its owner's. Rank id % size knows which rank owns an id, so that no
    rank must know all.
    """

    def __init__(self, ids: Int64Array, n_owned: int, ranks: Ranks) -> None:
        self._ranks, n_ranks = ranks, ranks.size
        owned = ids[:n_owned]
        ghosts, self._place_of_ghost = np.unique(ids[n_owned:], return_inverse=True)
        listed = ranks.exchange([owned[owned % n_ranks == r] for r in range(n_ranks)])
        known, owner = np.concatenate(listed), np.repeat(np.arange(n_ranks), [len(part) for part in listed])
        questions = ranks.exchange([ghosts[ghosts % n_ranks == r] for r in range(n_ranks)])
        answers = ranks.exchange([owner[places(asked, known)] for asked in questions])
        owner_of_ghost = np.empty(len(ghosts), np.int64)
        for r, answer in enumerate(answers):
            owner_of_ghost[ghosts % n_ranks == r] = answer
        self._wanted = [np.flatnonzero(owner_of_ghost == r) for r in range(n_ranks)]
        requests = ranks.exchange([ghosts[wanted] for wanted in self._wanted])
        self._sent_rows = [places(request, owned) for request in requests]

    def forward(self, values: Float64Array) -> Float64Array:
        """(n_owned + n_ghost, k): values of the owned rows (n_owned, k), and of each ghost its owner's."""
        received = self._ranks.exchange([values[rows] for rows in self._sent_rows])
        of_ghosts = np.empty((sum(map(len, self._wanted)), values.shape[1]))
        for wanted, part in zip(self._wanted, received, strict=True):
            of_ghosts[wanted] = part
        return np.concatenate([values, of_ghosts[self._place_of_ghost]])

    def reverse(self, values: Float64Array) -> Float64Array:
        """(n_owned, k): values of the owned rows, out of (n_owned + n_ghost, k), and those of all their ghosts added."""
        n_owned = len(values) - len(self._place_of_ghost)
        of_ghosts = summed_by_place(self._place_of_ghost, values[n_owned:], sum(map(len, self._wanted)))
        received = self._ranks.exchange([of_ghosts[wanted] for wanted in self._wanted])
        result: Float64Array = values[:n_owned].copy()
        for rows, part in zip(self._sent_rows, received, strict=True):
            result[rows] += part  # a rank asks for an owned row once
        return result


def places(wanted: Int64Array, ids: Int64Array) -> Int64Array:
    """(n_wanted,) where each wanted id is among the ids, (n,), in any order; all are there, once."""
    order = np.argsort(ids)
    found: Int64Array = order[np.searchsorted(ids, wanted, sorter=order)]
    return found
