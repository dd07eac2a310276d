"""What the user sees while files are healed: warnings, steps, how far a trajectory is. On the first rank alone."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lammps_heal.hosts.healing_run import StepResult
from lammps_heal.hosts.progress import ProgressLine


class Reporter:
    """speaks: False on all ranks but the first. quiet: warnings and errors alone. verbose: a line for each step.

    Where nobody reads any more ("lammps-heal heal -v ... | head"), it goes silent, and healing goes on.
    """

    def __init__(self, speaks: bool, quiet: bool = False, verbose: bool = False) -> None:
        self._speaks, self._quiet, self._verbose = speaks, quiet, verbose and not quiet
        self._progress = ProgressLine("healed", "frames", speaks and not quiet and sys.stderr.isatty())
        self._said: set[str] = set()

    @contextmanager
    def takes_warnings(self) -> Iterator[None]:
        """What modules warn of becomes a line for the user, once."""

        def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
            if issubclass(category, UserWarning):
                self.warn(str(message))

        with warnings.catch_warnings():
            warnings.showwarning = show
            yield

    def warn(self, text: str) -> None:
        """One line on standard error, once."""
        if self._speaks and text not in self._said:
            self._said.add(text)
            self._progress.end()
            print(f"lammps-heal: warning: {text}", file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        """The same of what is no cause for worry; not where the user wants it quiet."""
        if self._speaks and not self._quiet:
            self._progress.end()
            print(f"lammps-heal: {text}", file=sys.stderr, flush=True)

    def step(self, result: StepResult) -> None:
        """A row of the table of steps."""
        if not (self._speaks and self._verbose):
            return
        has_energy = result.energy is not None
        if result.number == 0:
            kinds = f"{'PotEng (eV)' if has_energy else '':>16} {'RMS move (Å)':>14} {'Largest (Å)':>12} {'Capped':>7}"
            self._print(f"{'Step':>6} {kinds}")
        energy = f"{result.energy:.6f}" if has_energy else ""
        self._print(f"{result.number:6d} {energy:>16} {result.rms:14.6g} {result.largest:12.6g} {result.n_capped:7d}")

    def _print(self, line: str) -> None:
        try:
            print(line, flush=True)
        except BrokenPipeError:
            self._verbose = False

    def frames(self, done: int, total: int | None) -> None:
        """A line that is written over and over."""
        self._progress.show(done, total)

    def close(self) -> None:
        self._progress.end()
