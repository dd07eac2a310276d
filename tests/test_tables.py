"""Goals are judged and written in one place, and tables line up."""

import math

import pytest

from lammps_heal.tables import Goal, aligned, at_least, at_most, below, verdict


@pytest.mark.parametrize(
    ("goal", "written", "reached", "short"),
    [
        (at_most(0.1), "<= 0.1", 0.1, 0.11),
        (at_least(3), ">= 3", 3, 2),
        (below(0.02), "< 0.02", 0.019, 0.02),
        (at_least(10_000_000), ">= 10,000,000", 1e7, 9_999_999),
    ],
)
def test_a_goal_is_its_limit_and_the_test_of_it(goal: Goal, written: str, reached: float, short: float) -> None:
    assert str(goal) == written
    assert goal.reached(reached) and not goal.reached(short)
    assert not goal.reached(math.nan)


def test_columns_line_up() -> None:
    lines = [["σ", "1.5", verdict(True)], ["longer", "12", verdict(False)], ["", "3", verdict(None)]]
    assert aligned(["name", "value", ""], lines, right=["value"]).splitlines() == [
        "name    value",
        "σ         1.5  reached",
        "longer     12  SHORT",
        "            3",
    ]
