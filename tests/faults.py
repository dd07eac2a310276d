"""A program: tries each fault of promises.md and prints what became of it; exit code 1 where one was lost or hung.

python tests/faults.py [WORD]: all faults, or those with this word in their row.
"""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import pytest
from promises import Promise, promises

from lammps_heal.tables import aligned

TIME_LIMIT = 1800  # s, of all tests together; each has a shorter one of its own
WIDTH = 70  # characters of a fault's words
FOLDER = Path(__file__).parent


class Reports:
    """Of the tests of a session, as a plugin of pytest: outcomes of the phases of each, and s."""

    def __init__(self) -> None:
        self.phases: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.phases.setdefault(report.nodeid, []).append(report.outcome)
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration

    def of(self, fault: Promise) -> tuple[str, str, float]:
        """What became of it, of how many tests, and s. A test whose last phase is not reported has not ended."""
        ids = [node for node in self.phases if any(_is_of(node, test) for test in fault.tests)]
        n_passed = sum(self.phases[node] == ["passed"] * 3 for node in ids)
        seconds = sum(self.seconds[node] for node in ids)
        counted = f"{n_passed} of {len(ids)}"
        all_tried = all(any(_is_of(node, test) for node in ids) for test in fault.tests)
        if any(outcome != "passed" for node in ids for outcome in self.phases[node]):
            return "lost", counted, seconds
        return ("as promised" if all_tried and n_passed == len(ids) else "hung"), counted, seconds


def _is_of(node: str, test: str) -> bool:
    """Whether a test as pytest names it is one, with whatever parameters, of a promise."""
    return node.partition("[")[0].endswith(f"{FOLDER.name}/{test}")


def tried(faults: Sequence[Promise], *options: str) -> Reports:
    """All their tests in one session of two processes: one that crashes takes nothing with it but the test."""
    reports = Reports()
    tests = dict.fromkeys(str(FOLDER / test) for fault in faults for test in fault.tests)
    # Tests are named from rootdir on, which pytest otherwise guesses from where it is called.
    words = ["-q", "-p", "no:cacheprovider", f"--rootdir={FOLDER.parent}", "-n", "2", "--dist", "loadscope", *options]
    before = signal.signal(signal.SIGALRM, _interrupt)
    signal.alarm(TIME_LIMIT)
    try:
        pytest.main([*words, *tests], plugins=[reports])
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return reports


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(f"not ended after {TIME_LIMIT} s")


def main(word: str = "") -> int:
    faults = [fault for fault in promises() if fault.section == "Faults" and word in " ".join(fault.words)]
    if not faults:  # pytest would run all tests there are
        print(f'no fault has "{word}" in its row')
        return 1
    reports = tried(faults)
    lines, n_lost = [], 0
    for fault in faults:
        came, n_tests, seconds = reports.of(fault)
        n_lost += came != "as promised"
        lines.append([*map(shortened, fault.words), n_tests, came, f"{seconds:.0f}"])
    print(aligned(["what is done", "what is to come of it", "tests", "outcome", "s"], lines, right=["tests", "s"]))
    print(f"{len(faults)} faults tried, {n_lost} lost or hung")
    return int(n_lost > 0)


def shortened(words: str) -> str:
    return words if len(words) <= WIDTH else words[: WIDTH - 1] + "…"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
