"""Observes trajectories of any MD code: each frame is seen on a healed copy, and its counts make one row of a table."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

from lammps_heal.analysis.observation import Observation
from lammps_heal.errors import HealError
from lammps_heal.hosts.ase_atoms import observe
from lammps_heal.hosts.fitting_model import atoms_of, fitting_model
from lammps_heal.hosts.formats.dump_writer import box_text
from lammps_heal.hosts.formats.source import InputFrame, Source
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.interruption import Interrupted, Interruption
from lammps_heal.model.model_file import Model, load
from lammps_heal.step.ranks import Ranks
from lammps_heal.whole_files import WholeFile, write_text

# After where the atom is, unwrapped: where its healed copy is, how far that is (Å), and what is seen there.
SEEN = ("healed_x", "healed_y", "healed_z", "displaced", "coordination", "label", "residual")
COLUMNS = ("id", "type", "xu", "yu", "zu", *SEEN)
ROW = "%d %d %.8f %.8f %.8f %.8f %.8f %.8f %.6f %d %d %.6f\n"


@dataclass(frozen=True)
class ObserveOptions:
    """See `lammps-heal observe --help`. observed: dump to write, or None. wanted: frames. follow: wait for more frames until
    there were none for so many seconds; None: end with the file's last. counts: JSON file that the counts go to."""

    trajectory: Path
    observed: Path | None = None
    model: str = "fcc"
    steps: int = 3
    wanted: slice = field(default_factory=lambda: slice(None))
    lattice: float | None = None
    elements: tuple[str, ...] = ()
    boundary: tuple[str, str, str] = ("pp", "pp", "pp")
    atom_style: str | None = None
    threads: int = 1
    follow: float | None = None
    counts: Path | None = None


@dataclass
class Observed:
    """What was seen: `frames`, one mapping of counts for each, and what belongs to them; plain values for JSON."""

    about: dict[str, str]
    frames: list[dict[str, float]] = field(default_factory=list)

    def as_json(self) -> str:
        return json.dumps({"about": self.about, "frames": self.frames}, indent=1, ensure_ascii=False) + "\n"


def observe_file(options: ObserveOptions, command: str, show: Callable[[dict[str, float]], None]) -> Observed:
    """Observe the frames of a file, one after the other, each shown when it is seen, and write what the options name.

    command: line that the user typed, which is kept with the counts. Raises HealError, and Interrupted where a signal ends it:
    what is seen until then is written, too.
    """
    model = load(options.model)
    found = Observed({"command": command, "model": repr(model), "trajectory": str(options.trajectory), **_versions()})
    whole = WholeFile(options.observed) if options.observed is not None else None
    with Interruption(Ranks()) as interruption:
        try:
            for frame in _frames(options, interruption):
                if not found.frames:
                    model = fitting_model(frame.structure, model, options.lattice, options.elements, options.threads)
                    found.about["model"] = repr(model)
                show(_observe(frame.structure, model, options, found, whole))
        except Interrupted as interrupted:
            _finish(options, found, whole)
            raise Interrupted(interrupted.number, f"{len(found.frames)} frames are observed") from None
        except BaseException:
            _finish(options, found, whole)
            raise
        _finish(options, found, whole)
    if not found.frames:
        raise HealError(f'"{options.trajectory}": there are no such frames in it: choose others')
    return found


def _observe(
    structure: Structure, model: Model, options: ObserveOptions, found: Observed, whole: WholeFile | None
) -> dict[str, float]:
    """The frame's row, which is added to what was found, as its atoms are to the dump."""
    seen = observe(atoms_of(structure, model, options.elements), model, options.steps, threads=options.threads)
    found.frames.append({"timestep": structure.timestep, **seen.table()})
    if whole is not None:
        with whole.unfinished.open("a") as file:
            file.write(_frame_text(structure, seen))
    return found.frames[-1]


def _finish(options: ObserveOptions, found: Observed, whole: WholeFile | None) -> None:
    """Give the files their names; a dump has whole frames alone. Without any frame nothing is left."""
    if whole is not None and not found.frames:
        whole.discard()
    elif whole is not None:
        whole.finish()
        found.about["observed"] = os.path.relpath(whole.path, (options.counts or Path()).absolute().parent)
    if options.counts is not None and found.frames:
        write_text(options.counts, found.as_json())


def _frames(options: ObserveOptions, interruption: Interruption) -> Iterator[InputFrame]:
    """Those wanted; of a file that grows also those to come. Raises Interrupted between two frames."""
    done, since = 0, time.monotonic()
    while True:
        if options.trajectory.exists() or options.follow is None:
            source = Source(options.trajectory, options.boundary, options.atom_style)
            for frame in source.frames(options.wanted, done):
                yield frame
                interruption.require_none()
                done, since = done + 1, time.monotonic()
        if options.follow is None or time.monotonic() - since > options.follow:
            return
        interruption.require_none()
        time.sleep(min(1.0, options.follow / 10))


def _frame_text(structure: Structure, seen: Observation) -> str:
    healed = seen.positions + structure.origin
    lengths = np.linalg.norm(seen.displacement, axis=1)
    integers = structure.ids, structure.types
    table = np.column_stack([*integers, structure.unwrapped, healed, lengths, seen.coordination, seen.labels, seen.residual])
    header = (
        f"ITEM: TIMESTEP\n{structure.timestep}\nITEM: NUMBER OF ATOMS\n{len(table)}\n"
        f"{box_text(structure.boundary, structure.cell, structure.origin)}ITEM: ATOMS {' '.join(COLUMNS)}\n"
    )
    return header + "".join(ROW % tuple(row) for row in table.tolist())


def _versions() -> dict[str, str]:
    return {"versions": f"lammps-heal {version('lammps-heal')}, numpy {version('numpy')}", "folder": str(Path.cwd())}
