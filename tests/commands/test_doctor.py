from pathlib import Path

import pytest
from conftest import MODEL, POTENTIAL, Run

from lammps_heal.commands.doctor import examine

pytestmark = pytest.mark.lammps


def test_all_is_right_here(run: Run) -> None:
    done = run("lammps-heal", "doctor")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    for what in ("Python", "torch", "LAMMPS", "kernel", "fix heal", "MPI", "mpirun", "model", "potential"):
        assert any(line.startswith(f"ok      {what}:") for line in lines), done.stdout


def test_what_is_missing_is_named_with_a_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not examine(tmp_path / "none.pt", POTENTIAL)
    said = capsys.readouterr().out
    assert "MISSING model" in said and "make train" in said


def test_a_missing_potential_is_only_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert examine(MODEL, tmp_path / "none.eam")
    assert "note    potential" in capsys.readouterr().out


@pytest.mark.mpi
def test_the_mpirun_of_another_mpi_is_noticed(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a process sees that a foreign mpirun started: many were launched, and MPI finds itself alone.
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    done = run("lammps-heal", "heal", "any.data", "-o", tmp_path / "out.lammpstrj")
    assert done.returncode == 1
    assert "mpirun started 4 processes, but each of them is alone" in done.stderr
