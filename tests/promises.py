"""Reads promises.md: rows of a table, each with the tests that keep it."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("promises.md")


@dataclass(frozen=True)
class Promise:
    """section: heading of its table. tests: as pytest names them, below this folder."""

    section: str
    words: tuple[str, ...]
    tests: tuple[str, ...]


def promises(page: Path = PAGE) -> list[Promise]:
    found, section = [], ""
    for line in page.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("|") and "test_" in line:
            *words, tests = (cell.strip() for cell in line.strip("|").split("|"))
            found.append(Promise(section, tuple(words), tuple(_tests(tests))))
    return found


def _tests(cell: str) -> list[str]:
    """Of "`file`: test_a, test_b; `file`: test_c"."""
    files = (part.split(":") for part in cell.split(";"))
    return [f"{file.strip(' `')}::{name}" for file, names in files for name in re.findall(r"test_\w+", names)]
