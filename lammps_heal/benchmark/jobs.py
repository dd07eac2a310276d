"""Runs inputs/in.bench in the real `lmp` and reads what it took: seconds, bytes, instructions."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lammps_heal.errors import HealError

INPUT = Path("inputs/in.bench")
ATOMS_PER_CELL = 4  # fcc
BYTES = 1024  # in the unit of ru_maxrss (Linux)
TAIL = 2000  # characters of LAMMPS's output shown when it fails


@dataclass(frozen=True)
class Timing:
    """What LAMMPS says of one job.

    elapsed: s, of the job with its start, lists included. loop: s, without the start. sections: least, mean
    and greatest s over the ranks, by LAMMPS's names (Pair, Neigh, Comm, Modify, ...). whole: s, of the process.
    peak: bytes, of one rank.
    """

    n_atoms: int
    steps: int
    elapsed: float
    loop: float
    sections: dict[str, tuple[float, float, float]]
    ghosts: float
    whole: float
    peak: int
    output: str

    def section(self, name: str) -> float:
        """Mean over the ranks, s."""
        _, mean, _ = self.sections[name]
        return mean

    def printed(self, word: str) -> float:
        """The number that in.bench prints after this word."""
        return _number(rf"^{word} (\S+)$", self.output)

    def warnings(self) -> list[str]:
        """What fix heal warns of, such as a kernel that failed its check."""
        return [line for line in self.output.splitlines() if line.startswith("WARNING") and "heal" in line]


def cells(n_atoms: int) -> int:
    """Cells along each side of the smallest cube with so many atoms: 10 for 4,000, 63 for 1,000,000 (1,000,188)."""
    n: int = max(1, round((n_atoms / ATOMS_PER_CELL) ** (1 / 3)))
    return n if ATOMS_PER_CELL * n**3 >= n_atoms else n + 1


def run(job: str, n_atoms: int, ranks: int = 1, **variables: object) -> Timing:
    """Run one job of in.bench on one core for each rank. Raises HealError where it fails."""
    command = _command(job, n_atoms, variables)
    if ranks > 1:
        command = [_program("mpirun"), "-np", str(ranks), *command]
    with tempfile.TemporaryFile("w+") as file:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=_environment())
        # Unlike process.wait() this tells the peak memory: that of the largest child, and Linux counts this very
        # process as one, until it becomes `lmp`. So it must stay small: no torch here.
        _, status, usage = os.wait4(process.pid, 0)
        whole = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        file.seek(0)
        output = file.read()
    if process.returncode != 0:
        raise HealError(f"{' '.join(command)} failed:\n{_reason(output)}")
    return _read(output, whole, usage.ru_maxrss * BYTES)


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

    def count(job: tuple[str, int, dict[str, object]]) -> int:
        name, n_atoms, variables = job
        counting = [_program("valgrind"), "--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=/dev/null"]
        command = [*counting, *_command(name, n_atoms, variables)]
        done = subprocess.run(command, capture_output=True, text=True, env=_environment())
        collected = [int(number) for number in re.findall(r"Collected : (\d+)", done.stderr)]
        if done.returncode != 0 or not collected:
            raise HealError(f"{' '.join(command)} failed:\n{_reason(done.stdout + done.stderr)}")
        return sum(collected)

    # Counts do not suffer from a busy machine.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(count, jobs))


def _command(job: str, n_atoms: int, variables: dict[str, object]) -> list[str]:
    if not INPUT.is_file():
        raise HealError(f'"{INPUT}" is not here: run the benchmark in the root of the repository')
    words = [_program("lmp"), "-in", str(INPUT), "-log", "none", "-var", "job", job, "-var", "n", str(cells(n_atoms))]
    for name, value in variables.items():
        # An empty value would leave -var without one; in.bench has the default.
        words += ["-var", name, str(value)] if str(value) else []
    return words


def _program(name: str) -> str:
    """The one of this Python's environment first."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise HealError(f"there is no {name} in this environment or on the PATH: install it")
    return found


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


def _read(output: str, whole: float, peak: int) -> Timing:
    table = re.findall(r"^(\w+) +\|([^|]*)\|([^|]*)\|([^|]*)\|", output, re.MULTILINE)
    sections = {}
    for name, *columns in table:
        if columns[1].strip() and name != "Section":
            mean = float(columns[1])
            low, high = (float(c) if c.strip() else mean for c in (columns[0], columns[2]))
            sections[name] = (low, mean, high)
    # The last of its kind: in.bench may compute the ground state's energy before.
    loops = re.findall(r"^Loop time of (\S+) on \d+ procs for (\d+) steps with (\d+) atoms", output, re.MULTILINE)
    if not loops:
        raise HealError(f"LAMMPS ended without a timing table:\n{output[-TAIL:]}")
    loop, steps, n_atoms = loops[-1]
    ghosts = _number(r"^Nghost: +(\S+) ave", output)
    elapsed = _number(r"^elapsed (\S+)$", output)
    return Timing(int(n_atoms), int(steps), elapsed, float(loop), sections, ghosts, whole, peak, output)


def _reason(output: str) -> str:
    """LAMMPS's error message, or else its last words."""
    return "\n".join(line for line in output.splitlines() if line.startswith("ERROR")) or output[-TAIL:]


def _number(pattern: str, output: str) -> float:
    found = re.search(pattern, output, re.MULTILINE)
    if found is None:
        raise HealError(f'LAMMPS\'s output has no "{pattern}":\n{output[-TAIL:]}')
    return float(found[1])
