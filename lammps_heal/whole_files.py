"""Files that are written whole or not at all: model, weights, checkpoint, figures, picture, trajectory.

What is written goes to NAME.unfinished beside the file, reaches the disk, is checked, and only then takes the name.
Where that fails, an earlier file of that name stays as it was.
"""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lammps_heal.errors import HealError

SUFFIX = ".unfinished"
FULL = 1_000_000  # bytes: with less free space the disk is taken for full where a writer does not say why it failed


class WholeFile:
    """A file being written: to `unfinished` first, a path in the same folder, which `finish` gives the file's name.

    Links are followed. What is no regular file, such as /dev/null or a pipe, is written to directly. Of several
    ranks only one makes a WholeFile. keeps: what is in an unfinished file stays, to be gone on with. Raises HealError at
    once where the file could never be written.
    """

    def __init__(self, path: str | Path, keeps: bool = False) -> None:
        self.path = Path(path)
        self._target = self.path.resolve()
        self._direct = self._target.exists() and not self._target.is_file()
        self.unfinished = self._target if self._direct else self._target.with_name(self._target.name + SUFFIX)
        if self._target.is_dir():
            raise HealError(f'cannot write "{self.path}": it is a folder; name a file')
        if not self._target.parent.is_dir():
            raise HealError(f'cannot write "{self.path}": folder "{self.path.parent}" does not exist; make it')
        if self._target.exists() and not os.access(self._target, os.W_OK):
            raise HealError(f'cannot write "{self.path}": it is write-protected; name another file, or unprotect it')
        if not self._direct:
            try:
                with self.unfinished.open("ab" if keeps else "wb"):
                    pass
            except OSError as reason:
                raise self._refusal(reason) from reason

    def finish(self, check: Callable[[Path], object] | None = None) -> None:
        """Bring what was written to the disk, check it, and give it the file's name.

        check: reads the unfinished file, and raises what is wrong with it. Raises HealError where nothing was
        written or the disk is full; what was written is then removed.
        """
        if self._direct:
            return
        try:
            if self.unfinished.stat().st_size == 0:
                raise HealError(f'cannot write "{self.path}": nothing was written')
            _to_disk(self.unfinished)
            if check is not None:
                check(self.unfinished)
            if self._target.exists():
                shutil.copymode(self._target, self.unfinished)
            os.replace(self.unfinished, self._target)
            _to_disk(self._target.parent)
        except OSError as reason:
            self.discard()
            raise self._refusal(reason) from reason
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove what was written so far; an earlier file of that name stays."""
        if not self._direct:
            # Where it cannot be removed, the error that led here is the one to be seen; the next try overwrites it.
            with contextlib.suppress(OSError):
                self.unfinished.unlink(missing_ok=True)

    def explained(self, reason: BaseException) -> BaseException:
        """`reason`, or the HealError to raise in its place if it says, or it is likely, that writing failed."""
        if isinstance(reason, HealError):
            return reason
        of_this_file = isinstance(reason, OSError) and reason.filename in (None, str(self.unfinished), self.unfinished)
        if isinstance(reason, OSError) and of_this_file and not isinstance(reason, ConnectionError):
            return self._refusal(reason)
        # TorchScript's writer and LAMMPS raise RuntimeError and Exception, and do not say that the disk is full.
        if isinstance(reason, Exception) and self._is_disk_full():
            return self._refusal(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        return reason

    def _is_disk_full(self) -> bool:
        return shutil.disk_usage(self._target.parent).free < FULL

    def _refusal(self, reason: OSError) -> HealError:
        remedy = {
            errno.ENOSPC: "make room, or name a file on another disk",
            errno.EDQUOT: "make room, or name a file on another disk",
            errno.EFBIG: "raise the limit on file sizes (ulimit -f), or name a file on another disk",
        }.get(reason.errno or 0, "name a file in a folder that you can write to")
        kept = "; the earlier file is as it was" if self._target.is_file() else ""
        return HealError(f'cannot write "{self.path}": {reason.strerror or reason}{kept}; {remedy}')


@contextlib.contextmanager
def whole_file(path: str | Path, check: Callable[[Path], object] | None = None) -> Iterator[Path]:
    """The path to write to instead of `path`, which takes its name at the end of the block if all went well.

    check: reads the unfinished file, and raises what is wrong with it. Where the block, the disk or the check fails,
    what was written is removed, an earlier file stays as it was, and a full disk is a HealError.
    """
    file = WholeFile(path)
    try:
        yield file.unfinished
    except BaseException as reason:
        explained = file.explained(reason)
        file.discard()
        if explained is reason:
            raise
        raise explained from reason
    file.finish(check)


def require_other_files(written: Sequence[Path], read: Iterable[Path | None]) -> None:
    """Raise HealError where a file that is written is one that is read, also by its unfinished name, or is named twice."""
    sources = [source for source in read if source is not None]
    for number, path in enumerate(written):
        for source in sources:
            if any(_is_same(name, source) for name in (path, path.with_name(path.name + SUFFIX))):
                raise HealError(f'"{path}" would be written over "{source}", which is read: name another file for the output')
        if any(path.resolve() == other.resolve() for other in written[:number]):
            raise HealError(f'"{path}" is named for two outputs: give one of them another name')


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all. Raises HealError."""
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write a value as JSON, indented, in UTF-8, whole or not at all. Raises HealError."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """Of a dataclass that was written as JSON, which knows lists alone."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _to_disk(path: Path) -> None:
    """Wait until a file's or folder's content is on the disk: some file systems find only then that it is full."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
