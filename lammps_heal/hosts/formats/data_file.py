"""LAMMPS data files of any atom style: read without LAMMPS, and written again with other positions.

What is not needed to heal (charges, molecules, bonds, velocities, coefficients) is kept as it stands, so that a healed data
file is the one that was read but for its atoms' positions, image flags and open sides of the box.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.atom_styles import IMAGES, columns_of_style
from lammps_heal.hosts.formats.dump import LENGTHS_IN_ANGSTROM
from lammps_heal.hosts.formats.dump_frame import MOST_TYPES
from lammps_heal.hosts.formats.opening import opened
from lammps_heal.hosts.formats.structure import Structure, make_structure
from lammps_heal.hosts.formats.table import Table
from lammps_heal.step.neighbours import Float64Array, Int64Array

HEADER = 200  # lines in which a data file must say how many atoms it has
COUNT = re.compile(r"^\s*(\d+)\s+atoms\s*$")
# Any other section is a word between blank lines, such as one of fix property/atom.
SECTION = re.compile(
    r"(Atoms|Velocities|Masses|Ellipsoids|Lines|Triangles|Bodies|Bonds|Angles|Dihedrals|Impropers|.* Coeffs|.* Type Labels)$"
)


@dataclass(frozen=True)
class DataFile:
    """A data file: its structure, and its lines with the places of what healing changes.

    bounds: place of each of the lines of xlo xhi, ylo yhi, zlo zhi, where there are any. rows: places of the lines of atoms,
    in order of the file. columns: of these, with images if they have some.
    """

    structure: Structure
    lines: list[str]
    bounds: dict[str, int]
    rows: list[int]
    columns: tuple[str, ...]


def is_data_file(start: bytes) -> bool:
    """By its first bytes: a line "N atoms" is in the header."""
    lines = start.decode(errors="replace").splitlines()[:HEADER]
    return any(COUNT.match(line.split("#")[0]) for line in lines[1:])


def read_data_file(path: Path, boundary: tuple[str, str, str], atom_style: str | None = None) -> DataFile:
    """The file's structure and lines. boundary: a data file does not say. atom_style: where the Atoms line names none.

    Raises HealError that names the line and what to do.
    """
    with opened(path) as file:
        lines = file.read().decode(errors="replace").splitlines()
    title = lines[0] if lines else ""
    units = re.search(r"units = (\w+)", title)
    if units and units[1] not in LENGTHS_IN_ANGSTROM:
        raise HealError(f'"{path}", line 1: lengths must be in Å, got units {units[1]}: write it in units metal or real')
    sections = _sections(lines)
    header = _header(lines[: min((s.line for s in sections.values()), default=len(lines))], str(path))
    if "Atoms" not in sections:
        raise HealError(f'"{path}": it has no section Atoms: name a data file with atoms')
    atoms = sections["Atoms"]
    rows = _rows(lines, atoms)[: header.n_atoms]
    if len(rows) < header.n_atoms or not rows:
        raise HealError(
            f'"{path}", line {atoms.line + 1}: {len(rows)} atoms follow, {header.n_atoms} are announced: mend the file'
        )
    first_row = lines[rows[0]].split("#")[0].split()
    columns = columns_of_style(atom_style or atoms.hint or None, first_row, f'"{path}", line {rows[0] + 1}')
    table = Table(columns, [lines[k].split("#")[0] for k in rows], str(path), [k + 1 for k in rows])
    labels = _labels(lines, sections)
    types = _types(table, labels)
    n_types = max(int(types.max()), header.n_types)
    if n_types > MOST_TYPES:
        raise HealError(f'"{path}": {n_types} atom types, {MOST_TYPES} at most: mend the file')
    elements, masses = _elements_and_masses(lines, sections, labels, n_types, str(path))
    timestep = re.search(r"timestep = (\d+)", title)
    structure = make_structure(
        f'"{path}"',
        header.cell,
        header.origin,
        boundary,
        table.integers("id"),
        types,
        table.numbers("x", "y", "z"),
        elements,
        masses,
        np.stack([table.integers(name) for name in IMAGES], 1) if IMAGES[0] in columns else None,
        int(timestep[1]) if timestep else 0,
    )
    return DataFile(structure, lines, header.bounds, rows, columns)


@dataclass(frozen=True)
class _Section:
    """line: place of its heading. start, stop: of its content. hint: what stands after # in the heading."""

    line: int
    start: int
    stop: int
    hint: str


def _sections(lines: list[str]) -> dict[str, _Section]:
    headings: list[tuple[int, str, str]] = []
    for k, line in enumerate(lines[1:], 1):
        if not line[:1].isalpha() and not line.lstrip()[:1].isalpha():
            continue
        name, _, hint = (part.strip() for part in line.partition("#"))
        words = name.split()
        is_alone = not lines[k - 1].strip() and (k + 1 >= len(lines) or not lines[k + 1].strip())
        if SECTION.match(name) or (is_alone and not (len(words) > 1 and _number(words[1]) is not None)):
            headings.append((k, name, hint))
    stops = [k for k, _, _ in headings[1:]] + [len(lines)]
    return {name: _Section(k, k + 1, stop, hint) for (k, name, hint), stop in zip(headings, stops, strict=False)}


def _rows(lines: list[str], section: _Section) -> list[int]:
    return [k for k in range(section.start, section.stop) if lines[k].split("#")[0].strip()]


@dataclass(frozen=True)
class _Header:
    n_atoms: int
    n_types: int
    cell: Float64Array
    origin: Float64Array
    bounds: dict[str, int]


def _header(lines: list[str], file: str) -> _Header:
    found: dict[str, tuple[int, list[float]]] = {}
    for k, line in enumerate(lines[1:], 1):
        words = line.split("#")[0].split()
        n_values = next((i for i, word in enumerate(words) if _number(word) is None), len(words))
        found[" ".join(words[n_values:])] = (k, [float(word) for word in words[:n_values]])

    def values(key: str, count: int) -> list[float]:
        if key not in found:
            raise HealError(f'"{file}": its header has no line "{key}": mend the file')
        k, numbers = found[key]
        if len(numbers) != count:
            raise HealError(f'"{file}", line {k + 1}: {len(numbers)} numbers before "{key}", needed {count}: mend the file')
        return numbers

    n_atoms, n_types = (int(values(key, 1)[0]) if key in found else 0 for key in ("atoms", "atom types"))
    if not 0 < n_atoms < 2**53:
        raise HealError(f'"{file}": there are no atoms in it: name a file with atoms')
    if "avec" in found:  # general triclinic
        cell = np.array([values(key, 3) for key in ("avec", "bvec", "cvec")])
        return _Header(n_atoms, n_types, cell, np.array(values("abc origin", 3)), {})
    sides = ("xlo xhi", "ylo yhi", "zlo zhi")
    low, high = np.array([values(side, 2) for side in sides]).T
    xy, xz, yz = values("xy xz yz", 3) if "xy xz yz" in found else (0.0, 0.0, 0.0)
    x, y, z = high - low
    cell = np.array([[x, 0.0, 0.0], [xy, y, 0.0], [xz, yz, z]])
    return _Header(n_atoms, n_types, cell, low, {side: found[side][0] for side in sides})


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _labels(lines: list[str], sections: dict[str, _Section]) -> dict[str, int]:
    """Type by label; empty where there are no labels."""
    if "Atom Type Labels" not in sections:
        return {}
    rows = (lines[k].split("#")[0].split() for k in _rows(lines, sections["Atom Type Labels"]))
    return {words[1]: int(words[0]) for words in rows if len(words) > 1 and words[0].isdigit()}


def _types(table: Table, labels: dict[str, int]) -> Int64Array:
    if not labels or table.is_numeric("type"):
        return table.integers("type")
    words = table.words("type")
    unknown = next((k for k, word in enumerate(words) if str(word) not in labels), None)
    if unknown is not None:
        raise HealError(f'{table.where(unknown)}: "{words[unknown]}" is no label of an atom type: mend the file')
    return np.array([labels[str(word)] for word in words], np.int64)


def _elements_and_masses(
    lines: list[str], sections: dict[str, _Section], labels: dict[str, int], n_types: int, file: str
) -> tuple[tuple[str | None, ...], tuple[float, ...]]:
    """Of each type: by the label, or by the comment that ASE, OVITO and others write after the mass; 0 where there is none."""
    elements: list[str | None] = [None] * n_types
    masses = [0.0] * n_types
    for label, number in labels.items():
        if 1 <= number <= n_types and label in atomic_numbers:
            elements[number - 1] = label
    for k in _rows(lines, sections["Masses"]) if "Masses" in sections else []:
        values, _, comment = lines[k].partition("#")
        words = values.split()
        number = labels.get(words[0]) or (int(words[0]) if words[0].isdigit() else 0)
        mass = _number(words[1]) if len(words) > 1 else None
        if not 1 <= number <= n_types or mass is None or not 0.0 <= mass < 1.0e6:
            raise HealError(f'"{file}", line {k + 1}: "{values.strip()[:40]}" is no type and mass: mend the file')
        masses[number - 1] = mass
        element = comment.strip().split(" ")[0]
        if elements[number - 1] is None and element in atomic_numbers:
            elements[number - 1] = element
    return tuple(elements), tuple(masses)
