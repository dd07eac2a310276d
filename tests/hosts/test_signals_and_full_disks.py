"""Signals, full disks and failures of one rank alone: all ranks end within seconds with one message, and nothing is lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest
from conftest import BIN, ROOT, fcc, noisy
from file_healing import dump_frames
from formats.structure_files import dump_text, noisy_crystal

pytestmark = [pytest.mark.lammps, pytest.mark.mpi]
TIME_LIMIT = 60.0  # s; what hangs is killed
HOSTS = ["fix", "python"]

# What goes wrong comes in argv[1]: a statement that is executed on the last rank, before the command runs.
PROGRAM = """
import sys
from mpi4py import MPI
import lammps
from lammps_heal.commands.main import main

def after(n_calls, action):
    run = lammps.lammps.command
    calls = [0]
    def command(self, line):
        calls[0] += line.startswith("run 1")
        if calls[0] > n_calls:
            action()
        return run(self, line)
    lammps.lammps.command = command

def fail(error):
    raise error

def limit_files():
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

if MPI.COMM_WORLD.rank == MPI.COMM_WORLD.size - 1 or "limit" in sys.argv[1]:
    exec(sys.argv[1])
main(["heal", *sys.argv[2:]])
"""


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "damaged.xyz"
    ase.io.write(path, noisy(fcc(6), 0.2, np.random.default_rng(4)))
    return path


def command(ranks: int, *words: object) -> list[str]:
    launcher = [str(BIN / "mpirun"), "-np", str(ranks)] if ranks > 1 else []
    return [*launcher, *map(str, words)]


def ended(words: list[str]) -> tuple[int, str]:
    """Exit code and standard error."""
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        _, said = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("host", HOSTS)
def test_a_signal_ends_all_ranks_after_the_step_at_hand(damaged: Path, number: int, ranks: int, host: str) -> None:
    out = damaged.with_name("o.lammpstrj")
    unfinished = out.with_name("o.lammpstrj.unfinished")
    words = command(ranks, sys.executable, "-m", "lammps_heal", "heal", damaged, "-o", out, "--steps", 100_000, "--host", host)
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + TIME_LIMIT
    while not (unfinished.exists() and unfinished.stat().st_size > 500_000):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode == 128 + number
    messages = [line for line in said.splitlines() if line.startswith("lammps-heal:")]
    assert len(messages) == 1 and str(unfinished) in messages[0] and "Traceback" not in said
    assert not out.exists()
    assert len({len(atoms) for atoms in dump_frames(unfinished)}) == 1  # whole frames alone


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    "failure",
    [
        "after(3, lambda: fail(lammps.MPIAbortException('ERROR on proc 1: out of memory (src/memory.cpp:66)')))",
        "after(3, lambda: fail(RuntimeError('out of memory')))",
        "after(0, lambda: fail(MemoryError('out of memory')))",
    ],
)
def test_what_fails_on_one_rank_ends_all(damaged: Path, failure: str, ranks: int) -> None:
    out = damaged.with_name("o.lammpstrj")
    out.write_text("an earlier trajectory")
    code, said = ended(command(ranks, sys.executable, "-c", PROGRAM, failure, damaged, "-o", out))
    assert code == 1
    messages = [line for line in said.splitlines() if line.startswith("lammps-heal:")]
    assert len(messages) == 1 and "out of memory" in messages[0] and ".cpp" not in messages[0], said
    assert "Traceback" not in said
    assert out.read_text() == "an earlier trajectory"


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    "words", [["-o", "{out}"], ["-o", "{other}", "--steps", "0", "--write-data", "{out}"], ["-o", "{out}.gz"]]
)
def test_a_full_disk_costs_no_earlier_file(tmp_path: Path, ranks: int, words: list[str]) -> None:
    atoms = noisy(fcc(10), 0.2, np.random.default_rng(4))
    ase.io.write(tmp_path / "a.traj", atoms)
    out, other = tmp_path / "o", tmp_path / "small.xyz.gz"
    for path in (out, tmp_path / "o.gz"):
        path.write_text("an earlier file")
    placed = [word.format(out=out, other=other) for word in words]
    code, said = ended(command(ranks, sys.executable, "-c", PROGRAM, "limit_files()", tmp_path / "a.traj", *placed))
    assert code == 1
    messages = [line for line in said.splitlines() if line.startswith("lammps-heal:")]
    assert len(messages) == 1 and "cannot write" in messages[0] and "File too large" in messages[0], said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.traj", "o", "o.gz"]
    assert out.read_text() == (tmp_path / "o.gz").read_text() == "an earlier file"


def test_a_trajectory_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    source, out = tmp_path / "md.dump", tmp_path / "o.dump"
    source.write_text("".join(dump_text(noisy_crystal(), timestep=k) for k in range(30)))
    words = [source, "-o", out, "--frames", "all", "--steps", 2]
    code, said = ended(command(1, sys.executable, "-c", PROGRAM, "limit_files()", *words))
    assert code == 1 and "goes on from there" in said and not out.exists()
    code, said = ended(command(1, sys.executable, "-m", "lammps_heal", "heal", *words))
    assert code == 0, said
    assert [atoms.info["timestep"] for atoms in dump_frames(out)] == list(range(30))
