"""The check of a GPU, without one: it runs, finds what is wrong, and all that it carries fits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

CHECK = ROOT / "tests/gpu/check.py"
DRY = ("--device", "cpu", "--quick")


def check(
    folder: Path, *words: object, timeout: float = 120.0, environment: dict[str, str] | None = None
) -> tuple[int, list[dict[str, object]]]:
    """Exit code, and the rows of its table. environment: changes to this process's own."""
    command = [sys.executable, CHECK, *DRY, "--folder", folder, *words]
    settings = {**os.environ, **(environment or {})}
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, env=settings, capture_output=True, text=True, timeout=timeout
    )
    assert (folder / "table.txt").read_text().strip() in done.stdout, done.stdout + done.stderr
    return done.returncode, json.loads((folder / "results.json").read_text())


def test_parts_run_here(tmp_path: Path, fake_cuda: dict[str, str]) -> None:
    """The CUDA kernel on an emulated card."""
    code, rows = check(tmp_path, "--here", "--parts", "agreement", "full_card", environment=fake_cuda)
    assert code == 0, rows
    assert {row["part"] for row in rows if row["passed"]} == {"agreement", "full_card"}
    assert any(str(row["what"]).startswith("CUDA kernel: difference") for row in rows if row["passed"])


def test_what_is_wrong_is_in_the_table_and_the_other_parts_run(tmp_path: Path) -> None:
    code, rows = check(tmp_path, "--here", "--limit", 5.5, "--parts", "profile", "agreement")
    assert code == 1
    failed = {(row["part"], row["what"]) for row in rows if row["passed"] is False}
    # Without a card, or out of time on a slow machine, the first fails; nothing is left for the second.
    of_profile = {("profile", "ended by its time limit"), ("profile", "ended early")}
    assert {("agreement", "not begun")} <= failed <= {("agreement", "not begun"), *of_profile}


@pytest.mark.install
@pytest.mark.mpi
def test_all_of_it_in_an_environment_of_its_own(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tar.xz"
    subprocess.run([sys.executable, ROOT / "tests/gpu/bundle.py", "--output", bundle], cwd=ROOT, check=True)
    code, rows = check(tmp_path / "check", "--bundle", bundle, "--limit", 1500, timeout=1600.0)
    assert code == 0, rows
    parts = {"preparation", "agreement", "fix_heal", "speed", "hosts", "full_card", "training", "profile"}
    assert {row["part"] for row in rows} == parts
