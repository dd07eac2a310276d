"""The frames that are to be healed, one by one on all ranks; and which of them an earlier run has healed already."""

from collections.abc import Iterator
from dataclasses import asdict

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.source import InputFrame, Original, Source
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.frame_choice import parse_frames
from lammps_heal.hosts.heal_options import HealOptions
from lammps_heal.hosts.model_choice import Choice
from lammps_heal.hosts.output import is_resumable, output_format
from lammps_heal.hosts.resuming import Progress, ProgressFile
from lammps_heal.step.ranks import Ranks


class FrameReader:
    """Reads on the first rank and gives structures to all. Collective calls; they raise HealError on all ranks.

    original: of the last frame, on the first rank. warnings: about the file, and frames of a trajectory that are broken.
    resumed: frames healed by an earlier run with the same options, to which the output is appended after resume_at bytes; choice:
    of that run's model, if it was chosen.
    """

    def __init__(self, options: HealOptions, model: str, ranks: Ranks) -> None:
        """model: its hash, or how it is chosen; a run with another one begins anew."""
        self._options, self._model, self._ranks = options, model, ranks
        self._chosen = parse_frames(options.frames)
        self._source: Source | None = None
        self._frames: Iterator[InputFrame | HealError] = iter(())
        self._progress: ProgressFile | None = None
        self.original: Original | None = None
        self.kind, warning, progress, self.n_frames = ranks.first(self._open)
        self.warnings = [warning] if warning else []
        self.resumed = progress.healed if progress else 0
        self._taken = progress.taken if progress else 0
        self.resume_at = progress.n_bytes if progress else None
        self.choice = Choice(**progress.choice) if progress and progress.choice else None

    @property
    def is_trajectory(self) -> bool:
        """Frames are healed one after the other, and of each the end is written."""
        return self._chosen is not None

    @property
    def is_resumable(self) -> bool:
        """Whether an unfinished output can be gone on with."""
        return is_resumable(output_format(self._options.healed))

    def structures(self) -> Iterator[Structure]:
        """Those to be healed. Raises HealError where there is none that is not broken."""
        is_any = self.resumed > 0
        while True:
            structure, broken = self._ranks.first(self._next)
            if structure is None and broken and not is_any:
                raise HealError(broken[0])
            self.warnings += [f"{line}; the frame is left out" for line in broken]
            if structure is None:
                return
            is_any = True
            yield structure

    def note_progress(self, healed: int, n_bytes: int, choice: Choice | None) -> None:
        """So many frames are healed and written, in so many bytes, by a model that was chosen so; on the first rank."""
        if self._progress is not None:
            self._progress.write(Progress(self._taken, healed, n_bytes, asdict(choice) if choice else None))

    def finish(self) -> None:
        """All is done; on the first rank."""
        if self._progress is not None:
            self._progress.remove()

    def _open(self) -> tuple[str, str | None, Progress | None, int | None]:
        options = self._options
        source = self._source = Source(options.damaged, options.boundary_words, options.atom_style)
        if self._chosen is None:
            self._frames = iter([source.last()])
            return source.kind, source.warning, None, 1
        found = None
        if self.is_resumable:
            self._progress = ProgressFile(options.healed, options.damaged, self._settings())
            found = self._progress.read()
        self._frames = source.frames_or_errors(self._chosen, found.taken if found else 0)
        n_frames = source.n_frames()
        return source.kind, source.warning, found, None if n_frames is None else len(range(n_frames)[self._chosen])

    def _next(self) -> tuple[Structure | None, list[str]]:
        """The next frame that is whole, and what is wrong with those before it."""
        broken: list[str] = []
        for frame in self._frames:
            self._taken += 1
            if isinstance(frame, InputFrame):
                self.original = frame.original
                return frame.structure, broken
            broken.append(str(frame))
        return None, broken

    def _settings(self) -> dict[str, str]:
        """What decides on what is written."""
        options = self._options
        names = ("steps", "stop", "frames", "lattice", "auto_lattice", "elements", "boundary", "atom_style")
        settings = {name: repr(getattr(options, name)) for name in names}
        return {**settings, "max": repr(options.host.max_displacement), "model": self._model}
