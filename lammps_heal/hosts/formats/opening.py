"""Opens structure files, also compressed ones, by what is in them and not by their names."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from lammps_heal.errors import HealError

COMPRESSIONS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked if it is compressed. Raises HealError, also within, where they cannot be read."""
    try:
        with path.open("rb") as raw:
            magic = raw.read(8)
        unpack = next((way for start, way in COMPRESSIONS.items() if magic.startswith(start)), None)
        with cast(IO[bytes], unpack(path, "rb")) if unpack else path.open("rb") as file:
            yield file
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as reason:
        explained = getattr(reason, "strerror", None) or reason
        raise HealError(f'structure file "{path}" cannot be read ({explained}): name another, or pack it anew') from reason


def is_compressed(path: Path) -> bool:
    """Whether the file is compressed in a way that `opened` knows."""
    with path.open("rb") as raw:
        magic = raw.read(8)
    return any(magic.startswith(start) for start in COMPRESSIONS)
