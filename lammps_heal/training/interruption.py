"""Ctrl-C and SIGTERM in a training: noted, so that it stops between two steps, when its state can be saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from lammps_heal.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """A context in which both signals are noted in `signal`. A second one, while the first waits, ends at once.

    Signals can be caught in a program's main thread alone; in another the context does nothing.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._at_once = False
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        is_second, self.signal = self.signal is not None, number
        if self._at_once or is_second:
            raise Interrupted(number)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Work in which nothing changes that is to be saved: a signal raises Interrupted in the midst of it."""
        self._at_once = True
        try:
            if self.signal is not None:
                raise Interrupted(self.signal)
            yield
        finally:
            self._at_once = False
