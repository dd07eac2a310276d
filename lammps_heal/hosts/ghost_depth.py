"""Are LAMMPS's ghosts deep enough for the model? Checked by counting, since LAMMPS does not say how deep they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import Float64Array
from lammps_heal.step.ranks import Ranks

FACE_TOLERANCE = 1.0e-3  # Å; atoms that near to a face are on it


def require_ghosts(lmp: Any, ranks: Ranks, cutoff: float, skin: float) -> None:
    """Every atom within the model's cutoff of a face must be a ghost on the other side of it, or HealError on all ranks.

    Over all ranks, the local atoms that near to the upper face of their subdomain are as many as the ghosts that near
    below the lower faces; fewer ghosts mean that they are not deep enough. cutoff, skin: Å.
    """
    local, ghosts, sides = _fractional_positions(lmp)
    near_upper, beyond_lower = np.zeros(3, np.int64), np.zeros(3, np.int64)
    # Atoms on a face may be counted on either side: of the local atoms they are left out, of the ghosts not.
    tolerance = FACE_TOLERANCE * sides.width
    for axis in range(3):
        others = [a for a in range(3) if a != axis]
        low_side, high_side, margin = sides.low[others], sides.high[others], tolerance[others]
        depth = cutoff * sides.width[axis]
        if sides.periodic[axis] or sides.high[axis] < 1.0 - 1e-9:
            inside = ((local[:, others] > low_side + margin) & (local[:, others] < high_side - margin)).all(1)
            from_face = sides.high[axis] - local[:, axis]
            near_upper[axis] = (inside & (from_face > tolerance[axis]) & (from_face < depth - tolerance[axis])).sum()
        inside = ((ghosts[:, others] > low_side - margin) & (ghosts[:, others] < high_side + margin)).all(1)
        from_face = sides.low[axis] - ghosts[:, axis]
        beyond_lower[axis] = (inside & (from_face > -tolerance[axis]) & (from_face < depth)).sum()
    if (np.sum(ranks.all(beyond_lower), axis=0) < np.sum(ranks.all(near_upper), axis=0)).any():
        raise HealError(
            f"the ghost cutoff is shorter than the model's {cutoff:g} Å + skin {skin:g} Å: add \"comm_modify cutoff "
            f'{cutoff + skin:g}" before "run", and keep to "neigh_modify every 1 delay 0 check yes"'
        )


@dataclass(frozen=True)
class _Sides:
    """Of a rank's subdomain, in fractions of the box. width: of one Å. periodic: of the box."""

    low: Float64Array
    high: Float64Array
    width: Float64Array
    periodic: list[bool]


def _fractional_positions(lmp: Any) -> tuple[Float64Array, Float64Array, _Sides]:
    """Of local atoms and of ghosts, (n, 3), in fractions of the box; and where the subdomain is."""
    nlocal = lmp.extract_global("nlocal")
    # Versions before 2022 count local atoms only where nelem is not given.
    x = np.asarray(lmp.numpy.extract_atom("x", nelem=nlocal + lmp.extract_global("nghost")), np.float64).reshape(-1, 3)
    low, high, xy, yz, xz, periodic, _ = lmp.extract_box()
    cell = np.array([[high[0] - low[0], 0, 0], [xy, high[1] - low[1], 0], [xz, yz, high[2] - low[2]]])
    triclinic = bool(lmp.extract_setting("triclinic"))
    names = ("sublo_lambda", "subhi_lambda") if triclinic else ("sublo", "subhi")
    sub_low, sub_high = (np.array(lmp.extract_global(name)) for name in names)
    if not triclinic:
        sub_low, sub_high = (sub_low - low) / np.diag(cell), (sub_high - low) / np.diag(cell)
    inverse = np.linalg.inv(cell)
    fractional = (x - low) @ inverse
    sides = _Sides(sub_low, sub_high, np.linalg.norm(inverse, axis=0), [bool(p) for p in periodic])
    return fractional[:nlocal], fractional[nlocal:], sides
