"""Atoms in a box, as a structure file gives them and as LAMMPS takes them; checked before LAMMPS sees them.

Every reader makes a `Structure`, every writer takes one. LAMMPS wants the cell's first vector along x and the second in
the xy plane; a cell that lies otherwise is rotated (or reflected: to a healing step that is the same) and `rotation` undoes it.
"""

from dataclasses import dataclass, replace

import numpy as np
from ase.geometry import complete_cell

from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import Float64Array, Int64Array

THINNEST = 1.0  # Å between two faces: no crystal repeats itself at less
LARGEST = 1.0e6  # Å; a box or a coordinate beyond is a damaged number
STEEPEST = 10.0  # tilt ÷ length: LAMMPS would need ghosts from that many boxes away
PAD = 1.0  # Å around atoms that have no box


@dataclass(frozen=True)
class Structure:
    """One frame of a structure file.

    cell: (3, 3) Å, rows are vectors, lower triangular; origin: (3,) Å, its corner. boundary: LAMMPS's words for x, y
    and z, such as pp, ff, fs. ids: (n,) from 1, ascending. types: (n,) from 1. positions: (n, 3) Å, in the box where it is
    periodic; images: (n, 3), so that unwrapped positions are positions + images @ cell. elements, masses (g/mol): of each
    type; None and 0 where the file does not tell. rotation: (3, 3) or None; vectors of the file are vectors here @ rotation.
    order: (n,) row of each atom in the file. where: the file and frame, for messages.
    """

    where: str
    cell: Float64Array
    origin: Float64Array
    boundary: tuple[str, str, str]
    ids: Int64Array
    types: Int64Array
    positions: Float64Array
    images: Int64Array
    elements: tuple[str | None, ...]
    masses: tuple[float, ...]
    order: Int64Array
    timestep: int = 0
    time: float | None = None
    rotation: Float64Array | None = None

    @property
    def periodic(self) -> np.ndarray:
        """(3,) bool."""
        return np.array([word[0] == "p" for word in self.boundary])

    @property
    def n_types(self) -> int:
        return len(self.elements)

    @property
    def unwrapped(self) -> Float64Array:
        """(n, 3) Å."""
        result: Float64Array = self.positions + self.images @ self.cell
        return result


def make_structure(
    where: str,
    cell: Float64Array,
    origin: Float64Array,
    boundary: tuple[str, str, str],
    ids: Int64Array | None,
    types: Int64Array,
    positions: Float64Array,
    elements: tuple[str | None, ...],
    masses: tuple[float, ...],
    images: Int64Array | None = None,
    timestep: int = 0,
    time: float | None = None,
) -> Structure:
    """A structure from what a file says, for any right or left-handed cell; see `Structure`.

    ids: in any order, or None where the file has none. positions: Å, in the file's axes, wrapped or not; with images: in
    the box of those. Where the box is open it grows to hold all atoms. Raises HealError where LAMMPS could not take it, or
    nothing can be healed.
    """
    periodic = np.array([word[0] == "p" for word in boundary])
    require_places(where, positions)
    if not periodic.all() and np.isfinite(cell).all() and np.isfinite(origin).all():
        cell, origin = opened_box(cell, origin, positions, periodic)
    require_box(where, cell, origin, periodic)
    n_atoms = len(positions)
    ids = np.arange(1, n_atoms + 1) if ids is None else ids
    order = np.argsort(ids, kind="stable")
    sorted_ids = ids[order]
    if sorted_ids[0] < 1:
        raise HealError(f"{where}: atom id {sorted_ids[0]}: ids must be 1 or more")
    if (repeated := np.flatnonzero(sorted_ids[1:] == sorted_ids[:-1])).size:
        raise HealError(f"{where}: two atoms have the id {sorted_ids[repeated[0]]}: give each its own, or leave ids out")
    if types.min() < 1:
        raise HealError(f"{where}: atom type {types.min()}: types must be 1 or more")
    lower, rotation = lower_triangular(cell)
    if rotation is not None:
        positions = (positions - origin) @ rotation.T + origin
    images = np.zeros((n_atoms, 3), np.int64) if images is None else images
    made = Structure(
        where,
        lower,
        origin,
        boundary,
        sorted_ids.astype(np.int64),
        types[order].astype(np.int64),
        positions[order],
        images[order],
        elements,
        masses,
        order,
        timestep,
        time,
        rotation,
    )
    return wrapped(made)


def lower_triangular(cell: Float64Array) -> tuple[Float64Array, Float64Array | None]:
    """The cell as LAMMPS wants it, and the orthogonal matrix that leads back: cell = lower @ rotation; None for unity."""
    if np.array_equal(cell, np.tril(cell)) and (np.diag(cell) > 0.0).all():
        return cell, None
    q, r = np.linalg.qr(cell.T)
    signs = np.sign(np.diag(r))
    return np.tril((r * signs[:, None]).T), (q * signs).T


def wrapped(structure: Structure) -> Structure:
    """The same with all positions in the box where it is periodic."""
    fractional = (structure.positions - structure.origin) @ np.linalg.inv(structure.cell)
    boxes = np.where(structure.periodic, np.floor(fractional), 0.0)
    return replace(
        structure,
        positions=structure.positions - boxes @ structure.cell,
        images=structure.images + boxes.astype(np.int64),
    )


def require_places(where: str, positions: Float64Array) -> None:
    """Raise HealError where there are no atoms, or one that is nowhere."""
    if len(positions) == 0:
        raise HealError(f"{where}: there are no atoms in it: name a file or a frame with atoms")
    bad = np.flatnonzero(~np.isfinite(positions).all(1) | (np.abs(positions) > 1.0e3 * LARGEST).any(1))
    if bad.size:
        values = ", ".join(f"{value:g}" for value in positions[bad[0]])
        raise HealError(f"{where}: atom {bad[0] + 1} of the file is at ({values}) Å, which is no place: mend the file")


def require_box(where: str, cell: Float64Array, origin: Float64Array, periodic: np.ndarray) -> None:
    """Raise HealError for a box that LAMMPS could not take, or would take hours or all memory for."""
    largest = max(float(np.abs(cell).max()), float(np.abs(origin).max()))
    if not largest <= 1.0e3 * LARGEST:  # also where it is not a number
        raise HealError(f"{where}: the box has a side or a corner of {largest:g} Å: mend the file")
    lengths = np.linalg.norm(cell, axis=1)
    volume = abs(np.linalg.det(cell))
    if not (lengths.min() > 0.0 and lengths.max() <= LARGEST and volume > 0.0):
        sides = ", ".join(f"{length:g}" for length in lengths)
        raise HealError(f"{where}: a box with vectors of {sides} Å and a volume of {volume:g} Å³ is none: mend the file")
    thickness = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    if (thickness[periodic] < THINNEST).any():
        axis = int(np.argmin(np.where(periodic, thickness, np.inf)))
        raise HealError(
            f"{where}: the box is {thickness[axis]:.3g} Å thick along {'abc'[axis]}, needed {THINNEST:g} Å or more: mend the file"
        )
    if (lengths / thickness).max() > STEEPEST:
        raise HealError(
            f"{where}: the box is so tilted that its faces are {(lengths / thickness).max():.3g} times nearer than its vectors "
            f"are long, {STEEPEST:g} at most: reduce it (ASE: ase.build.niggli_reduce)"
        )


def opened_box(
    cell: Float64Array, origin: Float64Array, positions: Float64Array, periodic: np.ndarray
) -> tuple[Float64Array, Float64Array]:
    """Cell and origin of a box that holds all atoms, its open directions at right angles to all others, as LAMMPS wants it.

    Open directions of the cell may be zero. Returned as they are where they are right already.
    """
    cell = np.array(complete_cell(cell), np.float64)
    if not abs(np.linalg.det(cell)) > 0.0:
        return cell, origin  # require_box says so
    for axis in np.flatnonzero(~periodic):
        others = [a for a in range(3) if a != axis and (periodic[a] or a < axis)]
        basis = np.linalg.qr(cell[others].T)[0] if others else np.zeros((3, 0))
        across = basis @ (basis.T @ cell[axis])
        if np.abs(across).max() > 1.0e-12 * np.linalg.norm(cell[axis]):
            length = np.linalg.norm(cell[axis])
            cell[axis] = (cell[axis] - across) / np.linalg.norm(cell[axis] - across) * length
    fractional = (positions - origin) @ np.linalg.inv(cell)
    low = np.where(periodic, 0.0, np.minimum(fractional.min(0), 0.0))
    high = np.where(periodic, 1.0, np.maximum(fractional.max(0), 1.0))
    pad = np.where((low < 0.0) | (high > 1.0), PAD / np.linalg.norm(cell, axis=1), 0.0)
    low, high = low - np.where(low < 0.0, pad, 0.0), high + np.where(high > 1.0, pad, 0.0)
    return cell * (high - low)[:, None], origin + low @ cell
