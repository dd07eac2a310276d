"""Tables of figures and goals, as evaluation, benchmark and curve print them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Goal:
    """What a figure must be: at most, at least, or below a limit."""

    relation: Literal["<=", ">=", "<"]
    limit: float

    def __str__(self) -> str:
        limit = f"{int(self.limit):,}" if float(self.limit).is_integer() else f"{self.limit:g}"
        return f"{self.relation} {limit}"

    def reached(self, value: float) -> bool:
        """Whether a figure is as it must be; one that is no number never is."""
        if self.relation == ">=":
            return value >= self.limit
        return value <= self.limit if self.relation == "<=" else value < self.limit


def at_most(limit: float) -> Goal:
    return Goal("<=", limit)


def at_least(limit: float) -> Goal:
    return Goal(">=", limit)


def below(limit: float) -> Goal:
    return Goal("<", limit)


def verdict(reached: bool | None) -> str:
    """One word on whether a goal is reached; none where there is no goal or no figure."""
    return {True: "reached", False: "SHORT", None: ""}[reached]


def aligned(titles: Sequence[str], lines: Sequence[Sequence[str]], right: Collection[str] = ()) -> str:
    """A header and lines in columns, two blanks between them. right: titles of the columns that end alike, not begin."""
    rows = [titles, *lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(titles))]

    def padded(row: Sequence[str]) -> str:
        columns = zip(titles, row, widths, strict=True)
        return "  ".join(word.rjust(width) if title in right else word.ljust(width) for title, word, width in columns).rstrip()

    return "\n".join(padded(row) for row in rows)
