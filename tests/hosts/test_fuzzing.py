"""A part of the mutated files and option strings of `fuzzing.py`, which says what they are."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

pytestmark = pytest.mark.lammps
N_CASES = 150  # a quarter of a second each


def test_mutated_files_and_options_do_no_harm(tmp_path: Path) -> None:
    words = [sys.executable, ROOT / "tests" / "hosts" / "fuzzing.py", "--cases", str(N_CASES), "--keep", tmp_path / "failures"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{N_CASES} cases from 0 on" in done.stdout and " with exit code 0" in done.stdout
