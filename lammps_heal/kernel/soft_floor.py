"""The soft floor's sweeps by the compiled library; see step/soft_floor.py."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from lammps_heal.errors import HealError
from lammps_heal.kernel.library import OK, Atoms, empty_vectors, last_error, pointer, thread_count


class SoftFloor:
    """See heal_floor_begin, heal_floor_look and heal_floor_take_back. All raise HealError where these fail.

    positions: (n_atoms, 3) Å, local atoms first. first, neighbours: as in heal_atoms. distance, max_displacement: Å.
    """

    def __init__(
        self,
        loaded: ctypes.CDLL,
        positions: NDArray[np.float64],
        first: NDArray[np.int64],
        neighbours: NDArray[np.integer],
        distance: float,
        max_displacement: float,
        threads: int = 1,
    ) -> None:
        self._library = loaded
        self._positions = np.ascontiguousarray(positions, np.float64)
        self._first = np.ascontiguousarray(first, np.int64)
        self._neighbours = np.ascontiguousarray(neighbours, np.int32)
        self._vectors = empty_vectors(len(positions))
        arrays = (pointer(self._first, np.int64), pointer(self._neighbours, np.int32))
        sizes = len(positions), len(first) - 1
        others = 0, None, None, 1.0, thread_count(threads)
        self._atoms = Atoms(pointer(self._positions, np.float64), *sizes, *arrays, *others)
        self._floor = loaded.heal_floor_create()
        self._require(bool(self._floor))
        self._require(loaded.heal_floor_begin(self._floor, distance, max_displacement) == OK)

    def __del__(self) -> None:
        self._library.heal_floor_destroy(getattr(self, "_floor", None))

    def is_any_too_near(self, displacements: NDArray[np.float64]) -> bool:
        """Whether displacements of all atoms, (n_atoms, 3) Å, bring a pair too near."""
        is_any = ctypes.c_int32(0)
        self._vectors[:, :3] = displacements
        arguments = ctypes.byref(self._atoms), pointer(self._vectors, np.float64), ctypes.byref(is_any)
        self._require(self._library.heal_floor_look(self._floor, *arguments) == OK)
        return is_any.value != 0

    def taken_back(self) -> NDArray[np.float64]:
        """(nlocal, 3) Å, what becomes of the local atoms' displacements that were looked at last."""
        self._require(self._library.heal_floor_take_back(self._floor, pointer(self._vectors, np.float64)) == OK)
        return self._vectors[: len(self._first) - 1, :3].copy()

    def _require(self, is_done: bool) -> None:
        if not is_done:
            raise HealError(f"the soft floor failed: {last_error(self._library)}")
