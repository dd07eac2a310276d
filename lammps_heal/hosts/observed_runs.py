"""What `lammps-heal observe` or a run with `fix heal … observe` wrote, as a report takes it."""

import json
from pathlib import Path
from typing import TypeAlias

import numpy as np

from lammps_heal.analysis.local_structure import OTHER
from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.dump import Dump
from lammps_heal.hosts.logs import thermo_tables
from lammps_heal.report.run import Run, Snapshot

NUMBERS = ("xu", "yu", "zu", "healed_x", "healed_y", "healed_z", "coordination", "label")


def read_run(path: Path, dump: Path | None = None) -> Run:
    """The counts of one run, and the first and last frame of its dump, where there is one.

    path: JSON of `lammps-heal observe`, which names its dump; or a log of LAMMPS, of whose last run all thermo columns are
    taken. dump: with the columns of inputs/in.observe. Raises HealError for other files.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as reason:
        raise HealError(f'"{path}" cannot be read ({reason}): name counts of "lammps-heal observe --json", or a log') from reason
    title, steps, columns, about = _counts(path, text) if text.lstrip().startswith("{") else _thermo(path, text)
    if dump is None and "observed" in about:
        dump = path.parent / about["observed"]
    first, last = _snapshots(dump) if dump is not None else (None, None)
    return Run(title, steps, columns, first, last, about)


Table: TypeAlias = tuple[str, list[int], dict[str, list[float]], dict[str, str]]


def _counts(path: Path, text: str) -> Table:
    try:
        found = json.loads(text)
        about, frames = found["about"], found["frames"]
        steps = [int(frame["timestep"]) for frame in frames]
        columns = {name: [float(frame[name]) for frame in frames] for name in frames[0] if name != "timestep"}
        return Path(about["trajectory"]).name, steps, columns, about
    except (ValueError, KeyError, IndexError, TypeError) as reason:
        raise HealError(f'"{path}" holds no counts: name a file of "lammps-heal observe --json"') from reason


def _thermo(path: Path, text: str) -> Table:
    tables = thermo_tables(text)
    if not tables:
        raise HealError(f'"{path}" has no thermo table: name a log of LAMMPS, or counts of "lammps-heal observe --json"')
    columns = tables[-1]
    version = next((line for line in text.splitlines() if line.startswith("LAMMPS (")), "")
    return path.name, [int(step) for step in columns.pop("Step")], columns, {"log": str(path), "versions": version}


def _snapshots(path: Path) -> tuple[Snapshot, Snapshot]:
    dump = Dump(path)
    return _snapshot(dump, 0), _snapshot(dump, len(dump) - 1)


def _snapshot(dump: Dump, number: int) -> Snapshot:
    frame = dump.frame(number)
    structure = frame.structure
    columns = frame.header.columns
    missing = [name for name in NUMBERS if name not in columns]
    if missing:
        raise HealError(f"{structure.where}: there is no column {missing[0]}: write the dump as inputs/in.observe does")
    rows = np.array([line.split() for line in frame.rows], dtype=object)[structure.order]
    table = rows[:, [columns.index(name) for name in NUMBERS]].astype(float)
    labels, coordination = table[:, 7].astype(np.int64), table[:, 6].astype(np.int64)
    usual = np.bincount(coordination).argmax()
    wrapped = structure.positions
    healed = wrapped + (table[:, 3:6] - table[:, 0:3])
    regular = (coordination == usual) & (labels != OTHER)
    return Snapshot(structure.timestep, wrapped, healed, structure.cell, structure.origin, labels, coordination, regular)
