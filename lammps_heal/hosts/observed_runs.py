"""What `lammps-heal observe` or a run with `fix heal … observe` wrote, as a report takes it."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lammps_heal.analysis.joint_structure import regular_by_label
from lammps_heal.analysis.observation import NAMES_OF_LABELS
from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.dump import Dump
from lammps_heal.hosts.formats.table import Table
from lammps_heal.hosts.observed_log import observed_log
from lammps_heal.hosts.thermo_units import thermo_units
from lammps_heal.model.model_file import load
from lammps_heal.report.run import Run, Snapshot

POSITIONS = ("xu", "yu", "zu", "healed_x", "healed_y", "healed_z")
SEEN = ("label", "coordination")


def read_run(path: Path, dump: Path | None = None) -> Run:
    """The counts of one run, and the first and last frame of its dump, where there is one.

    path: JSON of `lammps-heal observe`, which names its dump; or a log of LAMMPS, see `observed_log`. dump: with the columns of
    inputs/in.observe. Raises HealError for other files.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as reason:
        raise HealError(f'"{path}" cannot be read ({reason}): name counts of "lammps-heal observe --json", or a log') from reason
    run, structures = _counts(path, text) if text.lstrip().startswith("{") else _log(path, text)
    if dump is not None:
        return _with_frames(run, dump, structures, {"dump": str(dump)})
    if "observed" not in run.about:
        return run
    dump = path.parent / run.about["observed"]
    if not dump.is_file():
        raise HealError(f'"{path}" is of the dump "{dump}", which is not there: name it where it is, by --dump')
    return _with_frames(run, dump, structures, {})


def _with_frames(run: Run, path: Path, structures: Sequence[str], named: dict[str, str]) -> Run:
    """named: what the user named, to be kept with the run."""
    dump = Dump(path)
    first = _snapshot(dump, 0, structures)
    last = _snapshot(dump, len(dump) - 1, structures) if len(dump) > 1 else None
    about = {"atoms": str(len((last or first).labels)), **run.about, **named}
    notes = [*run.notes, *filter(None, [dump.warning])]
    return replace(run, first=first, last=last, about=about, notes=notes, files=[*run.files, path])


def _counts(path: Path, text: str) -> tuple[Run, tuple[str, ...]]:
    """The run, and the structures of its model, as far as they are known."""
    try:
        found = json.loads(text)
        about, frames = found["about"], found["frames"]
        steps = [float(frame["timestep"]) for frame in frames]
        columns = {name: [float(frame[name]) for frame in frames] for name in frames[0] if name != "timestep"}
        about = {"atoms": f"{columns['atoms'][-1]:.0f}", **about}
        run = Run(Path(about["trajectory"]).name, steps, columns, about=about, units=thermo_units(None), files=[path])
        named = re.match(r"Model ([^(]+) \(", about.get("model", ""))
        return run, tuple(named[1].split(", ")) if named else ()
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as reason:
        raise HealError(f'"{path}" holds no counts: name a file of "lammps-heal observe --json"') from reason


def _log(path: Path, text: str) -> tuple[Run, tuple[str, ...]]:
    log = observed_log(text, str(path))
    version = next((line for line in text.splitlines() if line.startswith("LAMMPS (")), "")
    about = {**log.about, "log": str(path), "versions": version}
    run = Run(path.name, log.x, log.columns, about=about, x_title=log.x_title, units=log.units, notes=log.notes, files=[path])
    return run, _structures(log.model)


def _structures(model: str | None) -> tuple[str, ...]:
    """Of a model by name or file; none where the file is not there any more: each atom is judged by its label then."""
    try:
        return load(model).structures if model else ()
    except HealError:
        return ()


def _snapshot(dump: Dump, number: int, structures: Sequence[str]) -> Snapshot:
    frame = dump.frame(number)
    structure = frame.structure
    columns = frame.header.columns
    missing = [name for name in (*POSITIONS, *SEEN) if name not in columns]
    if missing:
        raise HealError(f"{structure.where}: there is no column {missing[0]}: write the dump as inputs/in.observe does")
    start = dump.places[number].line + frame.header.n_lines
    rows = Table(columns, frame.rows, str(dump.path), range(start, start + len(frame.rows)))
    table = rows.numbers(*POSITIONS)[structure.order]
    labels, coordination = (rows.integers(name)[structure.order] for name in SEEN)
    if not set(labels.tolist()) <= {0, *NAMES_OF_LABELS}:
        known = f"0 to {max(NAMES_OF_LABELS)}"
        raise HealError(f"{structure.where}: label {labels.max()}, needed {known}: write the dump as inputs/in.observe does")
    wrapped = structure.positions
    # All columns of the fix are zero outside its group: there is no copy.
    healed = np.where(labels[:, None] != 0, wrapped + (table[:, 3:6] - table[:, 0:3]), wrapped)
    regular = regular_by_label(coordination, labels, structures)
    return Snapshot(structure.timestep, wrapped, healed, structure.cell, structure.origin, labels, coordination, regular)
