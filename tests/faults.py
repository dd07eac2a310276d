"""A program: tries each fault of promises.md and prints what became of it; exit code 1 where one was lost or hung.

python tests/faults.py [WORD]: all faults, or those with this word in their row.
"""

import re
import sys
import time
from pathlib import Path

from promises import Promise, promises

from lammps_heal.hosts.runs import run
from lammps_heal.tables import aligned

TIME_LIMIT = 900.0  # s, of all tests of a fault; each has a shorter one of its own
WIDTH = 70  # characters of a fault's words
FOLDER = Path(__file__).parent


def outcome(fault: Promise) -> tuple[str, str, float]:
    """What became of it, of how many tests, and s."""
    begin = time.monotonic()
    nodes = [str(FOLDER / test) for test in fault.tests]
    done = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *nodes], FOLDER.parent, None, TIME_LIMIT)
    seconds = time.monotonic() - begin
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|error)", done.output)}
    n_tests = f"{counts.get('passed', 0)} of {sum(counts.values())}"
    if seconds >= TIME_LIMIT:
        return "hung", n_tests, seconds
    if done.exit_code == 0 and counts.get("passed", 0) == sum(counts.values()) > 0:
        return "as promised", n_tests, seconds
    sys.stderr.write(done.output)
    return "lost", n_tests, seconds


def main(word: str = "") -> int:
    faults = [fault for fault in promises() if fault.section == "Faults" and word in " ".join(fault.words)]
    lines, n_lost = [], 0
    for fault in faults:
        came, n_tests, seconds = outcome(fault)
        n_lost += came != "as promised"
        lines.append([*map(shortened, fault.words), n_tests, came, f"{seconds:.0f}"])
        print(f"{came}: {fault.words[0]}", file=sys.stderr, flush=True)
    print(aligned(["what is done", "what is to come of it", "tests", "outcome", "s"], lines, right=["tests", "s"]))
    print(f"{len(faults)} faults tried, {n_lost} lost or hung")
    return int(n_lost > 0)


def shortened(words: str) -> str:
    return words if len(words) <= WIDTH else words[: WIDTH - 1] + "…"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
