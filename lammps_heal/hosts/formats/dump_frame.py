"""One frame of a text dump: header, box, and which of its columns say what of the atoms; see `dump`."""

from dataclasses import dataclass

import numpy as np

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.structure import Structure, make_structure
from lammps_heal.hosts.formats.table import Table
from lammps_heal.step.neighbours import Float64Array, Int64Array

ITEMS = {"UNITS": 1, "TIME": 1, "TIMESTEP": 1, "NUMBER OF ATOMS": 1, "BOX BOUNDS": 3, "ATOMS": 0}  # lines that follow
NEEDED = ("TIMESTEP", "NUMBER OF ATOMS", "BOX BOUNDS", "ATOMS")
COORDINATES = (("x", "y", "z"), ("xu", "yu", "zu"), ("xs", "ys", "zs"), ("xsu", "ysu", "zsu"))
IMAGES = ("ix", "iy", "iz")
TILTS = ("xy", "xz", "yz")
MASS_DIGITS = 4  # atoms whose masses agree to so many decimals are of one type
MOST_TYPES = 1000  # more are a damaged number


@dataclass(frozen=True)
class Box:
    """A frame's box as the file writes it. cell: (3, 3) Å, rows are vectors. general: they may have any direction."""

    cell: Float64Array
    origin: Float64Array
    boundary: tuple[str, str, str]
    general: bool


@dataclass(frozen=True)
class Header:
    """What stands before a frame's atoms. n_lines: in so many lines."""

    timestep: int
    n_atoms: int
    box: Box
    columns: tuple[str, ...]
    n_lines: int
    time: float | None
    units: str | None


@dataclass(frozen=True)
class Frame:
    """One frame: its structure, and all that the file says, so that it can be written with other positions.

    rows: (n_atoms,) as text, in order of the file.
    """

    structure: Structure
    header: Header
    rows: list[str]


def parse_frame(lines: list[str], first_line: int, file: str) -> Frame:
    """A frame from its lines; first_line: the number of the first; file: its name, for messages. Raises HealError."""
    header = parse_header(lines, first_line, file)
    where = f'"{file}", frame of timestep {header.timestep} (from line {first_line})'
    rows = lines[header.n_lines : header.n_lines + header.n_atoms]
    n_rows = next((k for k, row in enumerate(rows) if row.startswith("ITEM:") or not row.strip()), len(rows))
    if n_rows < header.n_atoms:
        raise HealError(f"{where}: {n_rows} atoms follow, {header.n_atoms} are announced: it is cut short; name another frame")
    if not rows:
        raise HealError(f"{where}: there are no atoms in it: name a file or a frame with atoms")
    start = first_line + header.n_lines
    table = Table(header.columns, rows, file, range(start, start + len(rows)))
    positions, images = _positions(table, header.box)
    types, elements, masses = _types(table)
    structure = make_structure(
        where,
        header.box.cell,
        header.box.origin,
        header.box.boundary,
        table.integers("id") if "id" in header.columns else None,
        types,
        positions,
        elements,
        masses,
        images,
        header.timestep,
    )
    return Frame(structure, header, rows)


def item_of(line: str) -> str | None:
    """Which of `ITEMS` a line begins, if any."""
    return next((item for item in ITEMS if line.strip() == f"ITEM: {item}" or line.startswith(f"ITEM: {item} ")), None)


def parse_header(lines: list[str], first_line: int, file: str) -> Header:
    """What stands before the atoms. Raises HealError that names the line where it is not what LAMMPS writes."""
    found: dict[str, int] = {}
    k = 0
    while k < len(lines) and "ATOMS" not in found:
        item = item_of(lines[k])
        if item is None:
            text = lines[k].strip()[:60]
            raise HealError(f'"{file}", line {first_line + k}: "{text}" begins no part of a dump of atoms: name such a dump')
        found[item] = k
        k += 1 + ITEMS[item]
    missing = [item for item in NEEDED if item not in found]
    if missing:
        raise HealError(f'"{file}", from line {first_line} on: the frame has no "ITEM: {missing[0]}": name a dump of atoms')
    at = found["BOX BOUNDS"]
    return Header(
        _whole_number(lines, found["TIMESTEP"], first_line, file),
        max(_whole_number(lines, found["NUMBER OF ATOMS"], first_line, file), 0),
        parse_box(lines[at].split()[3:], lines[at + 1 : at + 4], f'"{file}", line {first_line + at}'),
        tuple(lines[found["ATOMS"]].split()[2:]),
        k,
        _number(lines, found["TIME"], first_line, file) if "TIME" in found else None,
        lines[found["UNITS"] + 1].strip() if "UNITS" in found else None,
    )


def _number(lines: list[str], at: int, first_line: int, file: str) -> float:
    """That which follows line `at`."""
    try:
        return float(lines[at + 1])
    except ValueError:
        got = lines[at + 1].strip()[:40]
        raise HealError(f'"{file}", line {first_line + at + 1}: "{got}" where a number is needed: mend the file') from None


def _whole_number(lines: list[str], at: int, first_line: int, file: str) -> int:
    value = _number(lines, at, first_line, file)
    if not (abs(value) < 2.0**53 and value.is_integer()):
        raise HealError(f'"{file}", line {first_line + at + 1}: {value:g} where a whole number is needed: mend the file')
    return int(value)


def parse_box(words: list[str], bounds: list[str], where: str) -> Box:
    """A box from the words after ITEM: BOX BOUNDS and the three lines below (LAMMPS manual, dump, "Howto triclinic")."""
    general = words[:2] == ["abc", "origin"]
    try:
        values = [[float(word) for word in row.split()] for row in bounds]
    except ValueError:
        values = []
    n_values = {len(row) for row in values}
    if len(values) != 3 or n_values not in ([{4}] if general else [{2}, {3}]):
        needed = "4" if general else "2 or 3"
        raise HealError(f"{where}: three lines of {needed} numbers each must follow: mend the file")
    boundary = _boundary(words)
    box = np.array(values)
    if general:
        return Box(box[:, :3], box[:, 3], boundary, True)
    named = [word for word in words if word in TILTS]
    order = [named.index(tilt) for tilt in TILTS] if set(named) == set(TILTS) else [0, 1, 2]
    xy, xz, yz = box[order, 2] if n_values == {3} else np.zeros(3)
    # Bounds of a triclinic dump enclose the tilted box.
    low = box[:, 0] - [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
    high = box[:, 1] - [max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0]
    x, y, z = high - low
    return Box(np.array([[x, 0.0, 0.0], [xy, y, 0.0], [xz, yz, z]]), low, boundary, False)


def _boundary(words: list[str]) -> tuple[str, str, str]:
    """Old versions of LAMMPS and other programs write none: periodic."""
    found = [2 * word if len(word) == 1 else word for word in words if len(word) <= 2 and set(word) <= set("pfsm")]
    x, y, z = found if len(found) == 3 else ["pp"] * 3
    return x, y, z


def _positions(table: Table, box: Box) -> tuple[Float64Array, Int64Array | None]:
    """Å, in the file's axes, and images. These count for wrapped coordinates alone: others hold them already."""
    names = next((names for names in COORDINATES if set(names) <= set(table.columns)), None)
    if names is None:
        raise HealError(
            f"{table.where()}: the columns are {' '.join(table.columns)}, needed x y z, or xs ys zs, xu yu zu, xsu ysu zsu: "
            "dump them too"
        )
    positions = table.numbers(*names)
    if "s" in names[0]:
        positions = positions @ box.cell + box.origin
    if "u" in names[0] or not set(IMAGES) <= set(table.columns):
        return positions, None
    return positions, np.stack([table.integers(name) for name in IMAGES], 1)


def _types(table: Table) -> tuple[Int64Array, tuple[str | None, ...], tuple[float, ...]]:
    """Type of each atom, and element and mass of each type, as far as the file tells."""
    columns = table.columns
    if "type" in columns and table.is_numeric("type"):
        types = table.integers("type")
        if types.max() > MOST_TYPES:
            raise HealError(f"{table.where(int(types.argmax()))}: type {types.max()}, {MOST_TYPES} at most: mend the file")
        return types, _elements(table, types), _masses(table, types)
    if "element" in columns or "type" in columns:
        labels, of_atoms = np.unique(table.words("element" if "element" in columns else "type"), return_inverse=True)
        types = of_atoms.astype(np.int64) + 1
        return types, tuple(str(label) for label in labels), _masses(table, types)
    if "mass" in columns:
        masses, of_atoms = np.unique(np.round(table.numbers("mass")[:, 0], MASS_DIGITS), return_inverse=True)
        return of_atoms.astype(np.int64) + 1, (None,) * len(masses), tuple(masses.tolist())
    return np.ones(len(table.rows), np.int64), (None,), (0.0,)


def _elements(table: Table, types: Int64Array) -> tuple[str | None, ...]:
    """Of each type, by the column "element" if there is one."""
    if "element" not in table.columns:
        return (None,) * int(types.max())
    words = table.words("element")
    of_types = [np.unique(words[types == number]) for number in range(1, int(types.max()) + 1)]
    mixed = [number for number, found in enumerate(of_types, 1) if len(found) > 1]
    if mixed:
        found = " and ".join(of_types[mixed[0] - 1][:2])
        raise HealError(f"{table.where()}: atoms of type {mixed[0]} are {found}: give each element a type of its own")
    return tuple(str(found[0]) if len(found) else None for found in of_types)


def _masses(table: Table, types: Int64Array) -> tuple[float, ...]:
    """Of each type, by the column "mass" if there is one; 0 where it does not tell."""
    n_types = int(types.max())
    if "mass" not in table.columns:
        return (0.0,) * n_types
    masses = table.numbers("mass")[:, 0]
    of_types = [masses[types == number] for number in range(1, n_types + 1)]
    return tuple(float(np.median(found)) if len(found) else 0.0 for found in of_types)
