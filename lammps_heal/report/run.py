"""What a report shows of one run: counts of frames, and the first and the last frame."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Snapshot:
    """Atoms of one frame; arrays have a row for each atom.

    positions, healed: (n, 3) Å. cell: (3, 3) Å, rows are vectors; origin: (3,) Å. labels: (n,), 0 of atoms that were not
    observed, outside the fix's group; coordination: (n,). is_regular: (n,) whether label and coordination are those of a crystal.
    timestep: of the run.
    """

    timestep: int
    positions: Float64Array
    healed: Float64Array
    cell: Float64Array
    origin: Float64Array
    labels: NDArray[np.int64]
    coordination: NDArray[np.int64]
    is_regular: NDArray[np.bool_]

    @property
    def is_observed(self) -> NDArray[np.bool_]:
        """(n,)"""
        observed: NDArray[np.bool_] = self.labels != 0
        return observed

    @property
    def is_irregular(self) -> NDArray[np.bool_]:
        """(n,) of those observed, which are not as in a crystal."""
        irregular: NDArray[np.bool_] = self.is_observed & ~self.is_regular
        return irregular


@dataclass(frozen=True)
class Run:
    """title: of the page's part. columns: name and values of each quantity, one for each frame; x: their timesteps or times,
    as x_title says. units: of columns that have one.

    first, last: snapshots, where there is a trajectory; first alone where that has one frame. about: what belongs to the run,
    such as command, model, versions. notes: what the reader must know, such as what was left out. files: that it was read from.
    """

    title: str
    x: list[float]
    columns: dict[str, list[float]]
    first: Snapshot | None = None
    last: Snapshot | None = None
    about: dict[str, str] = field(default_factory=dict)
    x_title: str = "timestep"
    units: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
