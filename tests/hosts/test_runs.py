"""LAMMPS as a program and as a library: what it says goes wrong is said once, in its own words."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lammps_heal.errors import HealError
from lammps_heal.hosts.runs import find_program, library, lmp_command, program, require_success, run, run_script

pytestmark = pytest.mark.lammps

PYTHON_HANGS = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"


def test_the_program_beside_python_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lmp", "other"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program("lmp") == str(Path(sys.executable).with_name("lmp"))
    assert program("other") == str(tmp_path / "other")
    assert find_program("none") is None
    with pytest.raises(HealError, match=r"there is no none beside .* or on PATH: install it"):
        program("none")


def test_a_script_gets_its_variables_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    script = tmp_path / "in.print"
    script.write_text('variable a index none\nvariable b index none\nprint "a is $a, b is $b"\n')
    assert "a is 2.5, b is none" in run_script(script, {"a": 2.5, "b": ""}).output


def test_an_error_is_told_in_lammps_own_words(tmp_path: Path) -> None:
    script = tmp_path / "in.wrong"
    script.write_text("units metal\npair_style nonsense\n")
    with pytest.raises(HealError, match=r"lmp -in .*in.wrong .* failed: ERROR: Unrecognized pair style 'nonsense'") as error:
        run_script(script)
    assert "\n" not in str(error.value)


@pytest.mark.mpi
def test_ranks_are_those_asked_for(tmp_path: Path) -> None:
    script = tmp_path / "in.ranks"
    script.write_text('variable n equal extract_setting(world_size)\nprint "ranks $n"\n')
    done = require_success(run(lmp_command(script, ranks=2)))
    assert "ranks 2" in done.output


def test_time_and_memory_are_those_of_the_program() -> None:
    # From a process of its own: Linux counts the memory of the one that starts another, and this one may be large.
    program = (
        "import sys; from lammps_heal.hosts.runs import run; "
        "done = run([sys.executable, '-c', 'import time; x = bytes(200_000_000) + bytes(1); time.sleep(0.3)']); "
        "print(done.exit_code, done.seconds, done.peak)"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    exit_code, seconds, peak = (float(word) for word in printed.split())
    assert exit_code == 0 and seconds > 0.3
    assert 200e6 < peak < 700e6


def test_what_hangs_is_killed_with_its_children() -> None:
    started = time.monotonic()
    done = run([sys.executable, "-c", PYTHON_HANGS], time_limit=1.0)
    assert done.exit_code == -9
    assert time.monotonic() - started < 30
    with pytest.raises(HealError, match="failed: exit code -9"):
        require_success(done)


def test_a_failed_library_call_is_an_error_and_leaves_the_process_alive(tmp_path: Path) -> None:
    """LAMMPS crashes when it is closed after it could not read an EAM file."""
    wrong = tmp_path / "wrong.eam"
    wrong.write_text("comment\ncomment\ncomment\nno number here\n")
    box = ["units metal", "region b block 0 4 0 4 0 4", "create_box 1 b", "mass 1 195.084", "pair_style eam"]
    for _ in range(2):
        with pytest.raises(HealError, match=r"LAMMPS stopped: ERROR.* Not a valid"), library() as lmp:
            lmp.commands_list([*box, f"pair_coeff * * {wrong}"])
    with library() as lmp:
        lmp.commands_list([*box[:4], "create_atoms 1 single 1 2 3"])
        np.testing.assert_allclose(np.array(lmp.gather_atoms("x", 1, 3)), [1.0, 2.0, 3.0])


def test_other_errors_within_a_library_block_stay_what_they_are() -> None:
    with pytest.raises(KeyError), library():
        raise KeyError("own")
