"""The table of an evaluation: a row for each measured figure, as text and as JSON."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

DECIMALS = 6  # of Å and meV/atom in the text: below is rounding
Figure = float | int | str | Sequence[float]


@dataclass(frozen=True)
class Goal:
    """What a figure must be, in words, and the test of it."""

    text: str
    met: Callable[[float], bool]


def at_most(limit: float) -> Goal:
    return Goal(f"<= {limit:g}", lambda value: value <= limit)


def at_least(limit: float) -> Goal:
    return Goal(f">= {limit:g}", lambda value: value >= limit)


def below(limit: float) -> Goal:
    return Goal(f"< {limit:g}", lambda value: value < limit)


@dataclass(frozen=True)
class Row:
    """One measured figure, by healing and by CG minimisation of the same start, and whether the goal is reached.

    steps: of healing. passed: None where the figure is only reported.
    """

    case: str
    structure: str
    figure: str
    goal: str
    healed: Figure
    minimised: Figure | None
    steps: int | Sequence[int]
    passed: bool | None


def row(
    case: str,
    structure: str,
    figure: str,
    goal: Goal | None,
    healed: float | int,
    minimised: Figure | None,
    steps: int,
) -> Row:
    """A row whose goal, if any, is judged by the healed figure."""
    passed = None if goal is None else goal.met(healed)
    return Row(case, structure, figure, "" if goal is None else goal.text, healed, minimised, steps, passed)


def text(rows: Sequence[Row]) -> str:
    """The rows as an aligned table with a header."""
    titles = ("case", "structure", "figure", "goal", "healed", "minimised", "steps", "")
    lines = [titles, *(tuple(_words(r)) for r in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(titles))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def _words(r: Row) -> list[str]:
    verdict = {True: "pass", False: "SHORT", None: ""}[r.passed]
    return [r.case, r.structure, r.figure, r.goal, _written(r.healed), _written(r.minimised), _written(r.steps), verdict]


def _written(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    if isinstance(figure, str):
        return figure
    if isinstance(figure, Sequence):
        return " ".join(_written(f) for f in figure)
    return str(figure) if isinstance(figure, int) else f"{round(figure, DECIMALS):.4g}"
