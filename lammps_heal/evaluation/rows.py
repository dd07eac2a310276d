"""The rows of an evaluation: a measured figure each, beside what minimisation gives."""

from collections.abc import Sequence
from dataclasses import dataclass

from lammps_heal.tables import Goal, aligned, verdict

DECIMALS = 6  # of Å and meV/atom in the text: below is rounding
Figure = float | int | str | Sequence[float]


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
    passed = None if goal is None else goal.reached(healed)
    return Row(case, structure, figure, "" if goal is None else str(goal), healed, minimised, steps, passed)


def text(rows: Sequence[Row]) -> str:
    """The rows as an aligned table with a header."""
    titles = ("case", "structure", "figure", "goal", "healed", "minimised", "steps", "")
    return aligned(titles, [_words(r) for r in rows])


def _words(r: Row) -> list[str]:
    figures = (_written(r.healed), _written(r.minimised), _written(r.steps))
    return [r.case, r.structure, r.figure, r.goal, *figures, verdict(r.passed)]


def _written(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    if isinstance(figure, str):
        return figure
    if isinstance(figure, Sequence):
        return " ".join(_written(f) for f in figure)
    return str(figure) if isinstance(figure, int) else f"{round(figure, DECIMALS):.4g}"
