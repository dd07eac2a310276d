"""Watches a healing of atoms for a crystal of another structure than the model's, and warns of it once."""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lammps_heal.analysis.local_structure import LocalStructure, has_shells, shells_of
from lammps_heal.analysis.other_structure import (
    LOOK_STEPS,
    distance_problem,
    label_counts,
    label_problem,
    ratios,
)
from lammps_heal.kernel.library import library
from lammps_heal.model.model_file import Model
from lammps_heal.step.neighbours import Float64Array, Int64Array, Neighbourhoods
from lammps_heal.step.ranks import Ranks

Cluster = tuple[Float64Array, Neighbourhoods]  # an open cluster: positions (nlocal + nghost, 3) Å, and neighbours


class StructureWatch:
    """Looks before the first step, and when LOOK_STEPS are done, at the list of neighbours that the step has anyway."""

    def __init__(self, model: Model, ranks: Ranks | None = None, threads: int = 1) -> None:
        self._model, self._ranks, self._threads = model, ranks or Ranks(), threads
        self._n_steps = 0
        self._is_done = not has_shells(model.structure)

    def before_step(self, cluster: Callable[[], Cluster], moving: NDArray[np.bool_]) -> None:
        """Collective. cluster: asked for where it is looked at. moving: (nlocal,) atoms that healing moves."""
        number, self._n_steps = self._n_steps, self._n_steps + 1
        if self._is_done or number not in (0, LOOK_STEPS):
            return
        if number == LOOK_STEPS:
            self._ranks.agree(None)  # a rank that failed does not come here
            if not all(self._ranks.all(library() is not None)):  # labels are the library's; TorchScript heals without it
                return
        problem = self._distances(*cluster(), moving) if number == 0 else self._labels(*cluster(), moving)
        if problem and self._ranks.rank == 0:
            warnings.warn(problem, stacklevel=4)
        self._is_done = bool(problem) or number == LOOK_STEPS

    def _distances(self, positions: Float64Array, neighbourhoods: Neighbourhoods, moving: NDArray[np.bool_]) -> str:
        return distance_problem(self._model.structures, self._sum(ratios(positions, neighbourhoods, moving)))

    def _labels(self, positions: Float64Array, neighbourhoods: Neighbourhoods, moving: NDArray[np.bool_]) -> str:
        shells = shells_of(self._model.structure)
        nearest = shells.nearest * self._model.lattice_constant
        structure = LocalStructure(positions, neighbourhoods, shells, nearest, self._threads)
        counts = label_counts(structure.coordination_and_labels()[1], moving)
        return label_problem(self._model.structures, self._sum(counts))

    def _sum(self, counts: Int64Array) -> Int64Array:
        """Over all ranks."""
        self._ranks.agree(None)  # a rank that failed does not come here
        total: Int64Array = np.sum(self._ranks.all(counts), axis=0)
        return total
