"""A week in minutes: memory and descriptors of one process stay as they are, however long it heals and observes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from scipy.stats import theilslopes

pytestmark = pytest.mark.lammps

PROGRAM = ROOT / "tests" / "hosts" / "soak.py"
WARM_UP = 0.1  # of the work
GROWTH = 0.01  # of the memory after it
SMALLEST_BLOCK = 32  # bytes, of glibc's malloc on machines of 64 bits
TIME_LIMIT = 3600.0  # s
# Freed blocks that glibc keeps for the next request count as allocated; and UCX, which MPICH from PyPI brings, notes each
# unmapping of memory until it sends a message, 75 bytes each: one rank sends none.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0", "UCX_MEM_EVENTS": "no"}


def require_flat(kind: str, n: int, folder: Path) -> None:
    """Memory within a per cent; and no block is allocated in each hundredth of the work that is not freed."""
    ended = subprocess.run(
        [sys.executable, PROGRAM, kind, str(n)],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
    )
    assert ended.returncode == 0, ended.stderr
    samples = [tuple(map(int, line.split())) for line in ended.stdout.splitlines() if line[:1].isdigit()]
    memory, allocated, descriptors = zip(*samples[int(WARM_UP * len(samples)) :], strict=True)
    growth = float(theilslopes(allocated).slope)
    print(f"{n} {kind}: memory {memory[0]} to {memory[-1]} bytes, allocated {allocated[0]} + {growth} a sample")
    assert memory[-1] < (1.0 + GROWTH) * memory[0]
    assert growth < 0.5 * SMALLEST_BLOCK
    assert len(set(descriptors)) == 1


@pytest.mark.parametrize("kind, n", [("steps", 2_000), ("reloads", 100), ("runs", 300)])
def test_an_hour(tmp_path: Path, kind: str, n: int) -> None:
    require_flat(kind, n, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("kind, n", [("steps", 100_000), ("reloads", 500), ("runs", 1_000)])
def test_a_week(tmp_path: Path, kind: str, n: int) -> None:
    require_flat(kind, n, tmp_path)
