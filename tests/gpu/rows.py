"""One line of a check: what was looked at, its figure, and whether that is as it should be. Standard library only."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HEADINGS = ("part", "what", "figure", "", "note")


@dataclass(frozen=True)
class Row:
    """passed: None where there is nothing to pass, as for a time."""

    part: str
    what: str
    figure: float | int | str | None
    unit: str = ""
    passed: bool | None = None
    note: str = ""


class Rows:
    """Rows of one part, each in the file as soon as it is known: a part that is killed keeps what it has found."""

    def __init__(self, part: str, path: Path) -> None:
        self.part, self.path = part, path

    def add(
        self, what: str, figure: float | int | str | None, unit: str = "", passed: bool | None = None, note: str = ""
    ) -> None:
        row = Row(self.part, what, figure, unit, None if passed is None else bool(passed), note)
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


def read_rows(path: Path) -> list[Row]:
    lines = path.read_text().splitlines() if path.is_file() else []
    return [Row(**json.loads(line)) for line in lines]


def table(rows: Iterable[Row]) -> str:
    """Columns, and under them how many rows passed."""
    rows = list(rows)
    cells = [HEADINGS, *((row.part, row.what, _figure(row), _mark(row.passed), row.note) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS) - 1)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]) for line in cells]
    return "\n".join([*(line.rstrip() for line in lines), "", summary(rows)])


def summary(rows: Sequence[Row]) -> str:
    failed = [f"{row.part}: {row.what}" for row in rows if row.passed is False]
    judged = sum(row.passed is not None for row in rows)
    return f"{judged - len(failed)} of {judged} passed" + (f"; not: {'; '.join(failed)}" if failed else "")


def _figure(row: Row) -> str:
    number = row.figure
    text = "" if number is None else f"{number:.4g}" if isinstance(number, float) else str(number)
    return f"{text} {row.unit}".strip()


def _mark(passed: bool | None) -> str:
    return {None: "", True: "ok", False: "FAILED"}[passed]
