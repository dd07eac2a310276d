"""Observes trajectories of any MD code: each frame is seen on a healed copy, and its counts make one row of a table."""

import json
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from lammps_heal.analysis.observation import Observation
from lammps_heal.errors import HealError, Interrupted
from lammps_heal.hosts.ase_atoms import observe
from lammps_heal.hosts.fitting_model import atoms_of
from lammps_heal.hosts.formats.dump_writer import MASS, box_text
from lammps_heal.hosts.formats.source import Source
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.frames_to_come import frames_to_come
from lammps_heal.hosts.interruption import Interruption
from lammps_heal.hosts.model_choice import Fitted, NoCrystal, fitted, is_auto
from lammps_heal.hosts.observed_sites import Reference, on_sites, read_sites, sites_text
from lammps_heal.hosts.output import COMPRESS
from lammps_heal.hosts.type_elements import type_elements
from lammps_heal.model.model_file import Model, load
from lammps_heal.model.names import AUTO
from lammps_heal.step.ranks import Ranks
from lammps_heal.whole_files import WholeFile, require_other_files, write_text

# After where the atom is, unwrapped: where its healed copy is, how far that is (Å), and what is seen there.
SEEN = ("healed_x", "healed_y", "healed_z", "displaced", "coordination", "label", "residual")
COLUMNS = ("id", "type", "xu", "yu", "zu", *SEEN)
ROW = "%d %d %.8f %.8f %.8f %.8f %.8f %.8f %.6f %d %d %.6f"


@dataclass(frozen=True)
class ObserveOptions:
    """See `lammps-heal observe --help`. observed: dump to write, or None. wanted: frames. follow: wait for more frames until
    there were none for so many seconds; None: end with the file's last. counts: JSON file that the counts go to. sites: file of
    a reference crystal. defects: dump to write of its empty, double and antisites."""

    trajectory: Path
    observed: Path | None = None
    model: str = AUTO
    steps: int = 3
    wanted: slice = field(default_factory=lambda: slice(None))
    lattice: float | None = None
    elements: tuple[str, ...] = ()
    boundary: tuple[str, str, str] = ("pp", "pp", "pp")
    atom_style: str | None = None
    threads: int = 1
    follow: float | None = None
    counts: Path | None = None
    sites: Path | None = None
    defects: Path | None = None
    auto_lattice: bool = False


@dataclass
class Observed:
    """What was seen: `frames`, one mapping of counts for each, and what belongs to them; plain values for JSON."""

    about: dict[str, str]
    frames: list[dict[str, float]] = field(default_factory=list)

    def as_json(self) -> str:
        return json.dumps({"about": self.about, "frames": self.frames}, indent=1, ensure_ascii=False) + "\n"


def observe_file(
    options: ObserveOptions, command: str, show: Callable[[dict[str, float]], None], note: Callable[[str], None] = lambda _: None
) -> Observed:
    """Observe the frames of a file, one after the other, each shown when it is seen, and write what the options name.

    command: line that the user typed, which is kept with the counts. note: told which model is chosen. Raises HealError, and
    Interrupted where a signal ends it: what is seen until then is written, too.
    """
    model = options.model if is_auto(options.model) else load(options.model)
    found = Observed({"command": command, "model": options.model, "trajectory": str(options.trajectory), **_versions()})
    _require_usable(options)
    sites = read_sites(options.sites, options.atom_style) if options.sites is not None else None
    dumps = _Dumps(options)
    with Interruption(Ranks()) as interruption:
        try:
            source_of = partial(Source, boundary=options.boundary, atom_style=options.atom_style)
            for frame in frames_to_come(options.trajectory, source_of, options.wanted, options.follow, interruption):
                if not found.frames:
                    dumps.fitted = _fitted_to_first(frame.structure, model, options, note)
                    found.about |= {"model": repr(dumps.fitted.model), "healing steps": str(options.steps)}
                    _warn_of_surfaces(frame.structure, options)
                show(_observe(frame.structure, dumps.fitted.model, options, sites, found, dumps))
        except Interrupted as interrupted:
            _finish(options, found, dumps)
            raise Interrupted(interrupted.number, f"{len(found.frames)} frames are observed") from None
        except BaseException:
            _finish(options, found, dumps)
            raise
        _finish(options, found, dumps)
    if not found.frames:
        raise HealError(f'"{options.trajectory}": there are no such frames in it: choose others')
    return found


def _require_usable(options: ObserveOptions) -> None:
    if options.defects is not None and options.sites is None:
        raise HealError("a dump of empty and double sites needs a reference crystal: name it with --sites")
    if options.follow is not None and not options.follow > 0.0:
        raise HealError(f"--follow must be a time above 0 s, got {options.follow:g}")
    written = [path for path in (options.observed, options.counts, options.defects) if path is not None]
    require_other_files(written, (options.trajectory, options.sites, Path(options.model)))


def _warn_of_surfaces(structure: Structure, options: ObserveOptions) -> None:
    is_open = ", ".join(axis for axis, periodic in zip("xyz", structure.periodic, strict=True) if not periodic)
    if is_open and options.sites is None:
        warnings.warn(
            f"the box is open along {is_open}: atoms of surfaces lack neighbours, and the estimates count them as parts of "
            "vacancies; --sites FILE counts on the sites of a reference crystal",
            stacklevel=2,
        )


def _fitted_to_first(structure: Structure, model: Model | str, options: ObserveOptions, note: Callable[[str], None]) -> Fitted:
    """The model for the first frame, or, where that shows no crystal, for the first that does: what grows from a melt."""
    try:
        return _fitted(structure, model, options, note)
    except NoCrystal:
        for frame in Source(options.trajectory, options.boundary, options.atom_style).frames(options.wanted, 1):
            with suppress(NoCrystal):
                return _fitted(frame.structure, model, options, note)
        raise


def _fitted(structure: Structure, model: Model | str, options: ObserveOptions, note: Callable[[str], None]) -> Fitted:
    found = fitted(structure, model, options.lattice, options.elements, options.threads, options.auto_lattice)
    if found.choice is not None and not found.choice.is_of_elements:
        note(str(found.choice))
    if options.lattice is None and found.model.length_scale != 1.0:
        note(f"lattice constant {found.model.lattice_constant:g} Å, found by the atoms' distances (--lattice to name another)")
    return found


class _Dumps:
    """The dumps that the options name, of atoms and of sites, written frame by frame. fitted: to be set before the first."""

    fitted: Fitted

    def __init__(self, options: ObserveOptions) -> None:
        self._options = options
        self.atoms, self.sites = (WholeFile(path) if path is not None else None for path in (options.observed, options.defects))
        self._all = [file for file in (self.atoms, self.sites) if file is not None]

    def add(self, structure: Structure, seen: Observation) -> None:
        if self.atoms is not None:
            needs_them = self._options.lattice is None and not self.fitted.finds
            types = type_elements(structure, self.fitted.own, self._options.elements, "dump", needs_them)
            _append(self.atoms, _frame_text(structure, seen, types.masses if all(types.elements) else ()))
        if self.sites is not None and seen.sites is not None:
            _append(self.sites, sites_text(structure, seen.sites))

    def finish(self) -> None:
        for file in self._all:
            file.finish()

    def discard(self) -> None:
        for file in self._all:
            file.discard()


def _append(file: WholeFile, text: str) -> None:
    """Where the name asks for it each frame is compressed by itself, and they are one file all the same."""
    compress = COMPRESS.get(file.path.suffix, bytes)
    with file.unfinished.open("ab") as stream:
        stream.write(compress(text.encode()))


def _observe(
    structure: Structure, model: Model, options: ObserveOptions, sites: Reference | None, found: Observed, dumps: _Dumps
) -> dict[str, float]:
    """The frame's row, which is added to what was found, as its atoms are to the dump."""
    seen = observe(atoms_of(structure, model, options.elements), model, options.steps, threads=options.threads)
    if sites is not None:
        seen = on_sites(structure, seen, sites, model, options.elements)
    found.frames.append({"timestep": structure.timestep, **seen.table()})
    dumps.add(structure, seen)
    return found.frames[-1]


def _finish(options: ObserveOptions, found: Observed, dumps: _Dumps) -> None:
    """Give the files their names; a dump has whole frames alone. Without any frame nothing is left."""
    if not found.frames:
        dumps.discard()
        return
    dumps.finish()
    if options.observed is not None:
        found.about["observed"] = os.path.relpath(options.observed, (options.counts or Path()).absolute().parent)
    if options.counts is not None:
        write_text(options.counts, found.as_json())


def _frame_text(structure: Structure, seen: Observation, masses: Sequence[float]) -> str:
    """masses: of each type, g/mol, by which other programs know the elements; empty where these are not known."""
    healed = seen.positions + structure.origin
    lengths = np.linalg.norm(seen.displacement, axis=1)
    integers = structure.ids, structure.types
    columns = [*integers, structure.unwrapped, healed, lengths, seen.coordination, seen.labels, seen.residual]
    names = (*COLUMNS, MASS) if masses else COLUMNS
    row = f"{ROW} %.8g" if masses else ROW
    if masses:
        columns.append(np.array(masses)[structure.types - 1])
    table = np.column_stack(columns)
    header = (
        f"ITEM: TIMESTEP\n{structure.timestep}\nITEM: NUMBER OF ATOMS\n{len(table)}\n"
        f"{box_text(structure.boundary, structure.cell, structure.origin)}ITEM: ATOMS {' '.join(names)}\n"
    )
    return header + "".join(f"{row}\n" % tuple(values) for values in table.tolist())


def _versions() -> dict[str, str]:
    return {"versions": f"lammps-heal {version('lammps-heal')}, numpy {version('numpy')}", "folder": str(Path.cwd())}
