"""What a report shows of one run: counts of frames, and the first and the last frame."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Snapshot:
    """Atoms of one frame; arrays have a row for each atom.

    positions, healed: (n, 3) Å. cell: (3, 3) Å, rows are vectors; origin: (3,) Å. labels, coordination: (n,). is_regular:
    (n,) whether label and coordination are those of the crystal. timestep: of the run.
    """

    timestep: int
    positions: Float64Array
    healed: Float64Array
    cell: Float64Array
    origin: Float64Array
    labels: NDArray[np.int64]
    coordination: NDArray[np.int64]
    is_regular: NDArray[np.bool_]


@dataclass(frozen=True)
class Run:
    """title: of the page's part. columns: name and values of each quantity, one for each frame; steps: their timesteps.

    first, last: snapshots, where there is a trajectory. about: what belongs to the run, such as command, model, versions.
    """

    title: str
    steps: list[int]
    columns: dict[str, list[float]]
    first: Snapshot | None = None
    last: Snapshot | None = None
    about: dict[str, str] = field(default_factory=dict)
