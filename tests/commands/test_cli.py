"""The command line: what is not understood is refused in one line with the nearest right word, and exit codes hold."""

import argparse
import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
from conftest import ROOT

from lammps_heal.commands import info
from lammps_heal.commands.main import COMMANDS, main, parser
from lammps_heal.errors import HealError


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("heal x.data --stpes 3", 'lammps-heal heal: there is no option "--stpes": did you mean "--steps"?'),
        ("heal x.data --step 3", 'lammps-heal heal: there is no option "--step": did you mean "--steps"?'),
        ("heal x.data --outptu=y", 'lammps-heal heal: there is no option "--outptu": did you mean "--output"?'),
        ("heal x.data -q", 'lammps-heal heal: there is no option "-q"'),
        ("evalute", 'lammps-heal: there is no command "evalute": did you mean "evaluate"?'),
        ("--versoin", 'lammps-heal: there is no option "--versoin": did you mean "--version"?'),
        ("heal x.data", "lammps-heal heal: the following arguments are required: -o/--output"),
        ("bench --sizes 0.5", "lammps-heal bench: argument --sizes: must be a whole number above 0, got 0.5"),
        ("bench --sizes many", "lammps-heal bench: argument --sizes: must be a whole number above 0, got many"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words.split())
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(message)
    assert said.count("\n") == 1


def test_values_that_look_like_options_are_values() -> None:
    options = parser().read(["heal", "--max", "-0.1", "-oout", "--boundary", "-s p p", "--", "--odd name"])
    assert (options.max, str(options.output), options.boundary, str(options.damaged)) == (-0.1, "out", "-s p p", "--odd name")


def test_counts_are_also_written_with_a_power_of_ten() -> None:
    assert parser().read(["bench", "--sizes", "4000", "1e6"]).sizes == [4000, 1_000_000]


def test_every_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    for command in COMMANDS:
        name = command.__name__.rsplit(".", 1)[1].replace("_", "-")
        assert re.search(rf"^    {name}\s", said, re.M)
    assert "exit code: 0 done; 1 not done" in " ".join(said.split())


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"lammps-heal {version('lammps-heal')}\n"


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [(HealError("bad: mend it"), 1, "lammps-heal: bad: mend it\n"), (KeyboardInterrupt(), 130, "lammps-heal: interrupted\n")],
)
def test_how_a_command_ends_is_the_exit_code(
    raised: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(options: argparse.Namespace) -> None:
        raise raised

    monkeypatch.setattr(info, "run", run)
    with pytest.raises(SystemExit) as end:
        main(["info"])
    assert end.value.code == code
    assert capsys.readouterr().err == said


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    code = "from lammps_heal.commands import info, main; info.run = lambda options: print('x' * 10**6); main.main(['info'])"
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 1


def test_the_command_line_is_there_without_torch() -> None:
    """Help, refusals and the version come at once: neither torch nor numpy is imported for them."""
    code = "import sys; from lammps_heal.commands.main import parser; parser(); print({'torch', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
