"""The lattice site that each point is nearest to, by the compiled library; see heal_analysis.h."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from lammps_heal.errors import HealError
from lammps_heal.kernel.library import OK, last_error, library, library_problem, pointer
from lammps_heal.step.neighbours import Float64Array


class _LatticeSites(ctypes.Structure):
    """heal_lattice_sites."""

    _fields_ = (
        ("sites", ctypes.c_void_p),
        ("n_sites", ctypes.c_int64),
        ("points", ctypes.c_void_p),
        ("n_points", ctypes.c_int64),
        ("shift", ctypes.c_double * 3),
        ("reach", ctypes.c_double),
    )


def nearest_sites(points: Float64Array, sites: Float64Array, reach: float) -> NDArray[np.int32]:
    """(n_points,) row of the nearest site, -1 where none is within reach, Å.

    points: (n_points, 3) Å. sites: (n_sites, 3) Å, with all periodic images that may be nearest. Raises HealError where the
    library is missing.
    """
    loaded = library()
    if loaded is None:
        raise HealError(library_problem() or "there is no kernel")
    points, sites = (np.ascontiguousarray(array, np.float64) for array in (points, sites))
    nearest = np.empty(len(points), np.int32)
    addresses = pointer(sites, np.float64), len(sites), pointer(points, np.float64), len(points)
    lattice = _LatticeSites(*addresses, (ctypes.c_double * 3)(), reach)
    if loaded.heal_nearest_sites(ctypes.byref(lattice), pointer(nearest, np.int32)) != OK:
        raise HealError(f"the sites were not found: {last_error(loaded)}")
    return nearest
