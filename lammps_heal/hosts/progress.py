"""A line on the terminal that is written over and over while something long goes on."""

import sys
import time
from types import TracebackType

SECONDS_BETWEEN = 0.2
WIDTH = 30  # characters of the bar


class ProgressLine:
    """As "healed 3 of 10 steps [#########                     ]". shown: False is silent."""

    def __init__(self, done: str, things: str, shown: bool) -> None:
        self._done, self._things, self._shown = done, things, shown
        self._shown_at, self._has_line = -SECONDS_BETWEEN, False

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def show(self, number: int, total: int | None) -> None:
        """So many of total are done, or of None where nobody knows. Not shown each time, but at the end."""
        now = time.monotonic()
        if not self._shown or (now - self._shown_at < SECONDS_BETWEEN and number != total):
            return
        self._shown_at, self._has_line = now, True
        bar = f" of {total} {self._things} [{'#' * (WIDTH * number // total):{WIDTH}}]" if total else f" {self._things}"
        print(f"\r{self._done} {number}{bar}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Other lines may follow."""
        if self._has_line:
            print(file=sys.stderr)
            self._has_line = False
