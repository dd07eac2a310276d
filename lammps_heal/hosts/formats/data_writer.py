"""Writes LAMMPS data files: as the one that was read, with other positions, or a new one in atom style atomic."""

import numpy as np

from lammps_heal.hosts.formats.atom_styles import IMAGES
from lammps_heal.hosts.formats.data_file import DataFile
from lammps_heal.hosts.formats.healed import Healed
from lammps_heal.hosts.snapshot import Snapshot

SIDES = ("xlo xhi", "ylo yhi", "zlo zhi")


def data_text(healed: Healed, everything: Snapshot) -> str:
    """The file. everything: snapshot of all atoms."""
    lines = _lines_like(healed.original, everything) if isinstance(healed.original, DataFile) else _new_lines(healed, everything)
    return "\n".join(lines) + "\n"


def _bounds(everything: Snapshot) -> list[str]:
    low = everything.origin
    high = low + np.diag(everything.cell)
    return [f"{a!r} {b!r} {side}" for a, b, side in zip(low.tolist(), high.tolist(), SIDES, strict=True)]


def _lines_like(data: DataFile, everything: Snapshot) -> list[str]:
    """Positions are in the axes of LAMMPS's box: a general triclinic one is written as restricted."""
    lines = list(data.lines)
    at = [data.columns.index(name) for name in ("x", "y", "z")]
    n_columns = len(data.columns) - (3 if IMAGES[0] in data.columns else 0)
    in_file = np.argsort(data.structure.order)
    positions, images = everything.positions[in_file].tolist(), everything.images[in_file].tolist()
    for place, position, image in zip(data.rows, positions, images, strict=True):
        values, mark, comment = lines[place].partition("#")
        words = values.split()[:n_columns]
        for column, value in zip(at, position, strict=True):
            words[column] = repr(value)
        lines[place] = " ".join([*words, *map(str, image)]) + (f" {mark}{comment}" if mark else "")
    for place, line in zip(data.bounds.values(), _bounds(everything), strict=False):
        lines[place] = line
    return lines


def _new_lines(healed: Healed, everything: Snapshot) -> list[str]:
    structure, cell = healed.structure, everything.cell
    tilts = [cell[1, 0].item(), cell[2, 0].item(), cell[2, 1].item()]
    has_masses = all(mass > 0.0 for mass in healed.masses)
    of_types = enumerate(zip(healed.masses, healed.elements, strict=True), 1)
    masses = [f"{number} {mass!r} # {element or 'unknown'}" for number, (mass, element) in of_types]
    columns = (structure.ids, structure.types, everything.positions, everything.images)
    atoms = zip(*(column.tolist() for column in columns), strict=True)
    return [
        f"LAMMPS data file via lammps-heal, timestep = {healed.timestep}, units = metal",
        "",
        f"{len(structure.ids)} atoms",
        f"{structure.n_types} atom types",
        "",
        *_bounds(everything),
        *([" ".join(map(repr, tilts)) + " xy xz yz"] if any(tilts) else []),
        *(["", "Masses", "", *masses] if has_masses else []),
        "",
        "Atoms # atomic",
        "",
        *(" ".join(map(str, (number, kind, *map(repr, x), *image))) for number, kind, x, image in atoms),
    ]
