"""Each promise is kept by tests that are there, and `make faults` tells a fault that is lost from one that is not."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import faults
from conftest import ROOT
from promises import PAGE, Promise, promises


def test_the_tests_that_are_named_are_there() -> None:
    found = promises()
    assert len(found) > 30
    for test in {test for promise in found for test in promise.tests}:
        file, _, name = test.partition("::")
        assert re.search(rf"^def {name}\(", (PAGE.parent / file).read_text(), re.M), test


def test_no_row_is_left_out() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not re.search(r"\| tests \|$", line)]
    assert len(rows) == len(promises())
    assert {promise.section for promise in promises()} == set(re.findall(r"^## (.*)$", PAGE.read_text(), re.M))


# Of a test that is in its place, one that the process does not survive, and what else becomes of tests.
TESTS = """
import os, pytest
@pytest.mark.parametrize("n", [1, 2])
def test_kept(n): pass
@pytest.mark.parametrize("n", [1, 2])
def test_broken(n): assert n == 1
def test_left_out(): pytest.skip()
def test_crashed(): os.abort()
"""
TRIED = """
import json, sys, faults
faults.FOLDER = faults.Path(sys.argv[1])
rows = {name: faults.Promise("Faults", (name,), (f"test_them.py::test_{name}",)) for name in sys.argv[2:]}
reports = faults.tried(list(rows.values()))
print()
print(json.dumps({name: reports.of(row)[:2] for name, row in rows.items()}))
"""


def test_what_became_of_faults(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text(TESTS)
    names = ["kept", "broken", "left_out", "crashed"]
    paths = os.pathsep.join([str(PAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    words = [sys.executable, "-c", TRIED, tmp_path, *names]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, env=environment | {"PYTHONPATH": paths})
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "kept": ["as promised", "2 of 2"],
        "broken": ["lost", "1 of 2"],
        "left_out": ["lost", "0 of 1"],
        "crashed": ["lost", "0 of 1"],
    }, done.stdout + done.stderr


def test_a_fault_whose_tests_have_not_ended_hangs() -> None:
    fault = Promise("Faults", ("a",), ("test_one.py::test_it",))
    reports = faults.Reports()
    assert reports.of(fault)[:2] == ("hung", "0 of 0")
    for _ in ("setup", "call"):
        reports.pytest_runtest_logreport(SimpleNamespace(nodeid="tests/test_one.py::test_it", outcome="passed", duration=1.0))
    assert reports.of(fault) == ("hung", "0 of 1", 2.0)


def test_make_knows_it() -> None:
    assert "tests/faults.py" in (ROOT / "Makefile").read_text()
