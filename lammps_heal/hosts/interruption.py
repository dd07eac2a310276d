"""Ctrl-C and SIGTERM: healing ends after the step at hand, on all ranks, and what is written so far is kept."""

import signal
import time
from types import FrameType, TracebackType
from typing import Any

from lammps_heal.errors import Interrupted
from lammps_heal.step.ranks import Ranks

SIGNALS = (signal.SIGINT, signal.SIGTERM)
TWICE = 1.0  # s; a launcher and the terminal may both send a signal that was meant once


class Interruption:
    """While it is entered, the first signal is kept until `require_none`; another one later ends this process at once.

    Where a launcher has started several ranks, the signal may reach some of them only, or come twice.
    """

    def __init__(self, ranks: Ranks) -> None:
        self._ranks, self._number, self._since = ranks, 0, 0.0
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        self._handlers = {number: signal.signal(number, self._keep) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def require_none(self) -> None:
        """Raise Interrupted on all ranks where a signal has reached any; a collective call."""
        number = max(self._ranks.all(self._number))
        if number:
            raise Interrupted(number)

    def _keep(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self._number and now - self._since > TWICE:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        if not self._number:
            self._number, self._since = number, now
