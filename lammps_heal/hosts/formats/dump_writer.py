"""Writes text dumps, byte by byte as LAMMPS writes them (22Jul2025, dump custom with sort id and format float %.8f).

One dump holds the steps of healing one structure, or each frame of a trajectory after healing. A frame that was read from
a dump keeps its timestep, its order and all its columns; what tells where atoms are is written anew.
"""

from collections.abc import Callable, Iterable

import numpy as np

from lammps_heal.hosts.formats.dump_frame import COORDINATES, IMAGES, Frame
from lammps_heal.hosts.formats.healed import Healed, in_axes_of_file
from lammps_heal.hosts.snapshot import Snapshot, gathered
from lammps_heal.step.neighbours import Float64Array
from lammps_heal.step.ranks import Ranks

RESTORED = tuple(f"c_restored[{k}]" for k in (1, 2, 3, 4))  # displacement from where the input had the atom: x, y, z, length
COLUMNS = ("id", "type", "x", "y", "z", *IMAGES, *RESTORED)
ROW = " ".join(["%d %d", *["%.8f"] * 3, *["%d"] * 3, *["%.8f"] * 4])
MASS = "mass"  # by which ASE and OVITO know the element; a column "element" would be the only one that is no number
ROWS_AT_ONCE = 1000


class DumpWriter:
    """Frames as bytes to be written. keeps_columns: of frames that were read from a dump. says_units: in the first, if it did."""

    def __init__(self, ranks: Ranks, keeps_columns: bool, says_units: bool = True) -> None:
        self._ranks, self._keeps_columns, self._says_units = ranks, keeps_columns, says_units

    def frame(self, healed: Healed) -> Callable[[], bytes]:
        """The frame; a collective call, and what it returns gives the bytes on the first rank."""
        if self._ranks.share(self._keeps_columns and isinstance(healed.original, Frame)):
            everything = gathered(healed.snapshot, self._ranks)
            return lambda: self._frame_like(healed, everything)
        parts = self._ranks.gather(_rows(healed))
        columns = (*COLUMNS, MASS) if all(healed.elements) else COLUMNS
        return lambda: b"".join([_header(healed, columns).encode(), *(parts or [])])

    def _frame_like(self, healed: Healed, everything: Snapshot | None) -> bytes:
        frame = healed.original
        if everything is None or not isinstance(frame, Frame):
            return b""
        header = frame.header
        units = f"ITEM: UNITS\n{header.units}\n" if header.units and self._says_units else ""
        self._says_units = False
        time = f"ITEM: TIME\n{header.time:.16g}\n" if header.time is not None else ""
        added = [name for name in RESTORED if name not in header.columns]
        if not {"element", MASS} & set(header.columns) and all(healed.elements):
            added.append(MASS)
        text = _header(healed, (*header.columns, *added), frame)
        return f"{units}{time}{text}{_rows_like(frame, healed, everything, added)}".encode()


def _header(healed: Healed, columns: tuple[str, ...], frame: Frame | None = None) -> str:
    general = frame is not None and frame.header.box.general
    return (
        f"ITEM: TIMESTEP\n{healed.timestep}\nITEM: NUMBER OF ATOMS\n{len(healed.structure.ids)}\n"
        f"{_box(healed, general)}ITEM: ATOMS {' '.join(columns)}\n"
    )


def _box(healed: Healed, general: bool) -> str:
    structure, cell, origin = healed.structure, healed.snapshot.cell, healed.snapshot.origin
    if not general:
        return box_text(structure.boundary, cell, origin)
    vectors = cell if structure.rotation is None else cell @ structure.rotation
    rows = np.column_stack([vectors, in_axes_of_file(structure, origin[None])[0]])
    words = " ".join(structure.boundary)
    return f"ITEM: BOX BOUNDS abc origin {words}\n" + "".join(f"{_exact(row)}\n" for row in rows)


def box_text(boundary: tuple[str, str, str], cell: Float64Array, origin: Float64Array) -> str:
    """Lines of a dump for a box whose cell, (3, 3) Å, is lower triangular."""
    words = " ".join(boundary)
    xy, xz, yz = cell[1, 0], cell[2, 0], cell[2, 1]
    high = origin + np.diag(cell)
    if xy == xz == yz == 0.0:
        return f"ITEM: BOX BOUNDS {words}\n" + "".join(f"{_exact(pair)}\n" for pair in zip(origin, high, strict=True))
    # Bounds of a triclinic dump enclose the tilted box.
    below = np.array([min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0])
    above = np.array([max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0])
    rows = np.column_stack([origin + below, high + above, [xy, xz, yz]])
    return f"ITEM: BOX BOUNDS xy xz yz {words}\n" + "".join(f"{_exact(row)}\n" for row in rows)


def _exact(values: Iterable[float]) -> str:
    return " ".join(f"{value:.16e}" for value in values)


def _rows(healed: Healed) -> bytes:
    """Of this rank's share of the atoms."""
    structure, snapshot = healed.structure, healed.snapshot
    share = slice(snapshot.first, snapshot.first + len(snapshot.positions))
    lengths = np.sqrt((snapshot.restored**2).sum(1))
    columns = [structure.ids[share], structure.types[share], snapshot.positions, snapshot.images, snapshot.restored, lengths]
    row_format = ROW + "\n"
    if all(healed.elements):
        columns.append(np.array(healed.masses)[structure.types[share] - 1])
        row_format = ROW + " %.8g\n"
    table = np.column_stack(columns)
    parts = (table[start : start + ROWS_AT_ONCE] for start in range(0, len(table), ROWS_AT_ONCE))
    return "".join((row_format * len(rows)) % tuple(rows.ravel().tolist()) for rows in parts).encode()


def _rows_like(frame: Frame, healed: Healed, everything: Snapshot, added: list[str]) -> str:
    """All rows as the dump has them, but for coordinates, image flags and displacement."""
    columns, structure = frame.header.columns, healed.structure
    in_file = np.argsort(structure.order)  # row here of each row of the file
    values = _coordinates(healed, everything)
    replaced = {name: values[name][in_file] for name in (*columns, *added) if name in values}
    text = {
        name: [f"{value:d}" if name in IMAGES else f"{value:.8f}" for value in column.tolist()]
        for name, column in replaced.items()
    }
    if MASS in added:
        text[MASS] = [f"{healed.masses[number - 1]:.8g}" for number in structure.types[in_file].tolist()]
    places = [(k, text[name]) for k, name in enumerate(columns) if name in text]
    lines = []
    for row, line in enumerate(frame.rows):
        words = line.split()
        for k, column in places:
            words[k] = column[row]
        words += [text[name][row] for name in added]
        lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def _value(value: float, name: str) -> str:
    return f"{value:.0f}" if name in IMAGES else f"{value:.8f}"


def _coordinates(healed: Healed, everything: Snapshot) -> dict[str, Float64Array]:
    """All columns that say where atoms are, by name, in order of id."""
    structure = healed.structure
    x, xu = everything.positions, everything.positions + everything.images @ everything.cell
    inverse = np.linalg.inv(everything.cell)
    restored = everything.restored if structure.rotation is None else everything.restored @ structure.rotation
    kinds = {
        COORDINATES[0]: in_axes_of_file(structure, x),
        COORDINATES[1]: in_axes_of_file(structure, xu),
        COORDINATES[2]: (x - everything.origin) @ inverse,
        COORDINATES[3]: (xu - everything.origin) @ inverse,
        IMAGES: everything.images,
        RESTORED: np.column_stack([restored, np.linalg.norm(restored, axis=1)]),
    }
    return {name: values[:, k] for names, values in kinds.items() for k, name in enumerate(names)}
