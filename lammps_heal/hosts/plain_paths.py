"""Names of files in letters that LAMMPS leaves as they are; others get a link with a plain name."""

import re
import tempfile
from pathlib import Path
from types import TracebackType

from lammps_heal.step.ranks import Ranks

PLAIN = re.compile(r"[\w/.+,=@:~^ -]+", re.ASCII)  # in quotes; LAMMPS takes others apart, or for other letters


class PlainPaths:
    """Makes links while it is entered; on the first rank, which is the one that reads files in LAMMPS."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._n_links = 0

    def __enter__(self) -> "PlainPaths":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def of(self, path: Path) -> Path:
        """The file's absolute path, or a link to it; a collective call."""
        absolute = path.resolve()
        if self._ranks.rank == 0 and not PLAIN.fullmatch(str(absolute)):
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory()
            self._n_links += 1
            link = Path(self._folder.name, f"file{self._n_links}")
            link.symlink_to(absolute)
            absolute = link
        return Path(self._ranks.share(absolute))
