"""Each promise is kept by tests that are there, and `make faults` tells a fault that is lost from one that is not."""

import re
from pathlib import Path

import faults
import pytest
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


@pytest.mark.parametrize(
    "body, came, counted",
    [("pass", "as promised", "1 of 1"), ("assert False", "lost", "0 of 1"), ("import pytest; pytest.skip()", "lost", "0 of 1")],
)
def test_what_became_of_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, came: str, counted: str) -> None:
    (tmp_path / "test_one.py").write_text(f"def test_it():\n    {body}\n")
    monkeypatch.setattr(faults, "FOLDER", tmp_path)
    assert faults.outcome(Promise("Faults", ("a", "b"), ("test_one.py::test_it",)))[:2] == (came, counted)


def test_make_knows_it() -> None:
    assert "tests/faults.py" in (ROOT / "Makefile").read_text()
