"""The figures of a benchmark: medians with their spread beside the goals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from lammps_heal.tables import Goal, aligned, verdict


@dataclass(frozen=True)
class Figure:
    """A measured quantity: one value of each round, in `unit`; none where it was not measured, and `note` says why."""

    part: str
    name: str
    unit: str
    values: tuple[float, ...] = ()
    goal: Goal | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """NaN where there is no value."""
        return median(self.values) if self.values else math.nan

    def reached(self) -> bool | None:
        """None without a goal or a value."""
        return None if self.goal is None or not self.values else self.goal.reached(self.median)

    def as_json(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "name": self.name,
            "unit": self.unit,
            "median": self.median if self.values else None,
            "low": min(self.values, default=None),
            "high": max(self.values, default=None),
            "values": list(self.values),
            "goal": None if self.goal is None else str(self.goal),
            "reached": self.reached(),
            "note": self.note,
        }


def ratio(part: str, name: str, top: Figure, bottom: Figure, goal: Goal | None = None, note: str = "") -> Figure:
    """top ÷ bottom, value by value of the same round, so that a drift of the machine cancels.

    The first rounds only, where one of the two was measured in fewer.
    """
    missing = next((figure.note for figure in (top, bottom) if not figure.values), "")
    values = tuple(a / b for a, b in zip(top.values, bottom.values, strict=False))
    return Figure(part, name, "", values, goal, note or missing)


def text(figures: Sequence[Figure]) -> str:
    """The figures as an aligned table with a header."""
    titles = ("", "figure", "median", "min - max", "unit", "goal", "", "")
    return aligned(titles, [_words(figure) for figure in figures], right=["median"])


def _words(figure: Figure) -> tuple[str, ...]:
    spread = f"{_number(min(figure.values))} - {_number(max(figure.values))}" if len(figure.values) > 1 else ""
    goal = "" if figure.goal is None else str(figure.goal)
    return figure.part, figure.name, _number(figure.median), spread, figure.unit, goal, verdict(figure.reached()), figure.note


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
