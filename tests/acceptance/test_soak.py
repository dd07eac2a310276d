"""A week in minutes: memory and descriptors of one process stay as they are, however long it heals and observes."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

pytestmark = pytest.mark.lammps

PROGRAM = ROOT / "tests" / "hosts" / "soak.py"
WARM_UP = 0.1  # of the work
GROWTH = 0.01  # of the memory after it
TIME_LIMIT = 3600.0  # s


def require_flat(kind: str, n: int, folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, PROGRAM, kind, str(n)], cwd=folder, capture_output=True, text=True, timeout=TIME_LIMIT
    )
    assert ended.returncode == 0, ended.stderr
    samples = [tuple(map(int, line.split())) for line in ended.stdout.splitlines() if line[:1].isdigit()]
    memory, descriptors = zip(*samples[int(WARM_UP * len(samples)) :], strict=True)
    print(f"{n} {kind}: {memory[0] / 1e6:.1f} to {memory[-1] / 1e6:.1f} MB, {descriptors[0]} to {descriptors[-1]} descriptors")
    assert memory[-1] < (1.0 + GROWTH) * memory[0]
    assert len(set(descriptors)) == 1


@pytest.mark.parametrize("kind, n", [("steps", 2_000), ("reloads", 100), ("runs", 300)])
def test_an_hour(tmp_path: Path, kind: str, n: int) -> None:
    require_flat(kind, n, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("kind, n", [("steps", 100_000), ("reloads", 500), ("runs", 1_000)])
def test_a_week(tmp_path: Path, kind: str, n: int) -> None:
    require_flat(kind, n, tmp_path)
