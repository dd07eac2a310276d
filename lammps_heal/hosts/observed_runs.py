"""What `lammps-heal observe` wrote, as a report takes it."""

import json
from pathlib import Path

import numpy as np

from lammps_heal.analysis.local_structure import OTHER
from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.dump import Dump
from lammps_heal.report.run import Run, Snapshot

NUMBERS = ("xu", "yu", "zu", "healed_x", "healed_y", "healed_z", "coordination", "label")


def read_run(path: Path) -> Run:
    """The counts in a JSON file, and the first and last frame of the dump that it names, where there is one.

    Raises HealError for a file that is none of `lammps-heal observe`.
    """
    try:
        found = json.loads(path.read_text())
        about, frames = found["about"], found["frames"]
        steps = [int(frame["timestep"]) for frame in frames]
        names = [name for name in frames[0] if name != "timestep"]
        columns = {name: [float(frame[name]) for frame in frames] for name in names}
    except OSError as reason:
        raise HealError(f'"{path}" cannot be read ({reason.strerror}): name a file of "lammps-heal observe --json"') from reason
    except (ValueError, KeyError, IndexError, TypeError) as reason:
        raise HealError(f'"{path}" holds no counts: name a file of "lammps-heal observe --json"') from reason
    dump = about.get("observed")
    first, last = _snapshots(path.parent / dump) if dump else (None, None)
    return Run(Path(about.get("trajectory", path)).name, steps, columns, first, last, about)


def _snapshots(path: Path) -> tuple[Snapshot, Snapshot]:
    dump = Dump(path)
    return _snapshot(dump, 0), _snapshot(dump, len(dump) - 1)


def _snapshot(dump: Dump, number: int) -> Snapshot:
    frame = dump.frame(number)
    structure = frame.structure
    columns = frame.header.columns
    rows = np.array([line.split() for line in frame.rows], dtype=object)[structure.order]
    table = rows[:, [columns.index(name) for name in NUMBERS]].astype(float)
    labels, coordination = table[:, 7].astype(np.int64), table[:, 6].astype(np.int64)
    usual = np.bincount(coordination).argmax()
    wrapped = structure.positions
    healed = wrapped + (table[:, 3:6] - table[:, 0:3])
    regular = (coordination == usual) & (labels != OTHER)
    return Snapshot(structure.timestep, wrapped, healed, structure.cell, structure.origin, labels, coordination, regular)
