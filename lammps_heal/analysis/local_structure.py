"""Coordination and common-neighbour label of each atom, by the compiled library; see heal_analysis.h."""

import ctypes
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from lammps_heal.errors import HealError
from lammps_heal.kernel.library import OK, last_error, library, library_problem, pointer
from lammps_heal.step.neighbours import Float64Array, Neighbourhoods

FCC, HCP, BCC, ICOSAHEDRAL, OTHER, CUBIC_DIAMOND, HEXAGONAL_DIAMOND = range(1, 8)  # as LAMMPS's compute cna/atom, and two
SEARCH, SEARCH_DIAMOND = 1.5, 1.8  # nearest-neighbour distances that neighbour lists must reach


@dataclass(frozen=True)
class Shells:
    """The neighbour shells of a crystal structure, in nearest-neighbour distances.

    nearest: nearest-neighbour distance, in lattice constants. bond: half-way between the atoms that are counted in the
    coordination and the next shell. coordination: how many they are, and how many bonds a vacancy takes. label: of an atom
    of the perfect crystal. gained, lost: bonds by which the atoms around one interstitial have more, or fewer, than in the
    perfect crystal, as relaxed by EAM (dumbbells: fcc along <100> in Pt, bcc <110> in Fe and W, hcp basal in Mg; split
    <110> in Si by Stillinger-Weber).
    """

    nearest: float
    bond: float
    coordination: int
    label: int
    gained: int
    lost: int

    @property
    def is_diamond(self) -> bool:
        return self.label in (CUBIC_DIAMOND, HEXAGONAL_DIAMOND)

    @property
    def search(self) -> float:
        """Nearest-neighbour distances that neighbour lists must reach."""
        return max(self.bond, SEARCH_DIAMOND if self.is_diamond else SEARCH)


# bcc counts its first two shells, which lie close to each other.
SHELLS = {
    "fcc": Shells(sqrt(0.5), (1.0 + sqrt(2.0)) / 2.0, 12, FCC, 6, 4),
    "hcp": Shells(1.0, (1.0 + sqrt(2.0)) / 2.0, 12, HCP, 6, 4),
    "bcc": Shells(sqrt(0.75), (1.0 + sqrt(2.0)) / 2.0 / sqrt(0.75), 14, BCC, 8, 8),
    "diamond": Shells(sqrt(3.0) / 4.0, (1.0 + sqrt(8.0 / 3.0)) / 2.0, 4, CUBIC_DIAMOND, 14, 0),
}


# Compounds on the sites of these, whose conventional cells are as long.
SITES_OF = {"L1_2": "fcc", "L1_0": "fcc", "B2": "bcc", "zincblende": "diamond"}


def shells_of(structure: str) -> Shells:
    """The shells of a crystal structure, whatever its elements. Raises HealError where it is none that labels know."""
    if not has_shells(structure):
        raise HealError(f"labels know {', '.join([*SHELLS, *SITES_OF])}, the model is of {structure}")
    return SHELLS[SITES_OF.get(structure, structure)]


def has_shells(structure: str) -> bool:
    """Whether labels know the crystal structure."""
    return SITES_OF.get(structure, structure) in SHELLS


class _Structure(ctypes.Structure):
    """heal_structure."""

    _fields_ = (
        ("positions", ctypes.c_void_p),
        ("n_atoms", ctypes.c_int64),
        ("nlocal", ctypes.c_int64),
        ("first", ctypes.c_void_p),
        ("neighbours", ctypes.c_void_p),
        ("nearest", ctypes.c_double),
        ("bond", ctypes.c_double),
        ("is_diamond", ctypes.c_int32),
        ("n_threads", ctypes.c_int32),
    )


class LocalStructure:
    """Of the local atoms of an open cluster.

    positions: (nlocal + nghost, 3) Å, local atoms first. neighbourhoods: of all local atoms, in order of rows, out to
    `shells.search` nearest-neighbour distances at least. nearest: nearest-neighbour distance of the crystal, Å. Raises
    HealError where the library is missing.
    """

    def __init__(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, shells: Shells, nearest: float, threads: int = 1
    ) -> None:
        loaded = library()
        if loaded is None:
            raise HealError(library_problem() or "there is no kernel")
        self._library, self._nlocal = loaded, len(neighbourhoods.first) - 1
        self._arrays = (
            np.ascontiguousarray(positions, np.float64),
            np.ascontiguousarray(neighbourhoods.first, np.int64),
            np.ascontiguousarray(neighbourhoods.neighbours, np.int32),
        )
        places, first, neighbours = (pointer(array, array.dtype.type) for array in self._arrays)
        lengths = nearest, shells.bond * nearest
        self._structure = _Structure(
            places, len(positions), self._nlocal, first, neighbours, *lengths, shells.is_diamond, threads
        )

    def coordination_and_labels(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(nlocal,) bonded atoms, and (nlocal,) labels."""
        coordination, labels = np.empty(self._nlocal, np.int32), np.empty(self._nlocal, np.int32)
        results = pointer(coordination, np.int32), pointer(labels, np.int32)
        self._require_ok(self._library.heal_local_structure(ctypes.byref(self._structure), *results))
        return coordination, labels

    def bonded_average(self, values: Float64Array) -> Float64Array:
        """(nlocal,): mean of values (nlocal + nghost,) over each local atom and those bonded to it."""
        values, averages = np.ascontiguousarray(values, np.float64), np.empty(self._nlocal)
        if values.shape != (len(self._arrays[0]),):
            raise ValueError(f"values have shape {values.shape}, needed one for each of {len(self._arrays[0])} atoms")
        arrays = pointer(values, np.float64), pointer(averages, np.float64)
        self._require_ok(self._library.heal_bonded_average(ctypes.byref(self._structure), *arrays))
        return averages

    def _require_ok(self, status: int) -> None:
        if status != OK:
            raise HealError(f"the analysis failed: {last_error(self._library)}")
