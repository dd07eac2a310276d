"""The frames of a trajectory one by one, and of one that grows also those to come.

Of a file that is being written the last frame may be cut anywhere, and the first may be missing: both are waited for. A frame
that is broken, with whole ones behind it or in a file that grows no more, is left out with a warning.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.source import InputFrame, Source
from lammps_heal.hosts.interruption import Interruption

PAUSE = 1.0  # s at the most, between two looks at a file that grows


def frames_to_come(
    path: Path, source_of: Callable[[Path], Source], wanted: slice, follow: float | None, interruption: Interruption
) -> Iterator[InputFrame]:
    """Those wanted. follow: s without a new frame after which a file that grows is taken to be finished; None: it does not grow.

    Raises HealError where no frame is whole, and Interrupted between two frames.
    """
    taken, is_any, since = 0, False, time.monotonic()
    while True:
        broken: list[HealError] = []  # behind the last whole frame
        for frame in _frames_or_errors(path, source_of, wanted, taken, follow is not None):
            if isinstance(frame, HealError):
                broken.append(frame)
                continue
            _leave_out(broken)
            taken, is_any, since = taken + len(broken) + 1, True, time.monotonic()
            broken.clear()
            yield frame
            interruption.require_none()
        if follow is None or time.monotonic() - since > follow:
            if broken and not is_any:
                raise broken[0]
            _leave_out(broken)
            return
        interruption.require_none()
        time.sleep(min(PAUSE, follow / 10))


def _frames_or_errors(
    path: Path, source_of: Callable[[Path], Source], wanted: slice, taken: int, grows: bool
) -> Iterator[InputFrame | HealError]:
    """What the file has now, but for the first `taken`; of one that grows an error is what is to be waited for."""
    if grows and not path.exists():
        return
    try:
        source = source_of(path)
        yield from source.frames_or_errors(wanted, taken)
    except HealError as error:
        if not grows:
            raise
        yield error
        return
    if source.warning:
        yield HealError(source.warning)


def _leave_out(broken: list[HealError]) -> None:
    for error in broken:
        text = str(error)
        warnings.warn(text if text.endswith("left out") else f"{text}; the frame is left out", stacklevel=3)
