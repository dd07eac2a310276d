"""Which quantities share a chart, and what is said of lines that cannot be seen."""

import re

import pytest

from lammps_heal.report import chart_groups, charts
from lammps_heal.report.chart_groups import ESTIMATED, ON_SITES, WORTH, WORTH_BESIDE_SITES, figures_of
from lammps_heal.report.run import Run

SITES = {"empty_sites": [0.0, 2.0], "interstitials_on_sites": [0.0, 2.0], "frenkel_pairs": [0.0, 2.0], "antisites": [0.0, 0.0]}
ESTIMATES = {"vacancies": [0.1, 9.5], "interstitials": [0.0, 0.0]}


def texts(figure: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", figure)


def test_counts_on_sites_stand_apart_from_estimates() -> None:
    sites, estimates = figures_of(Run("", [0.0, 1.0], {**ESTIMATES, **SITES, "atoms": [5.0, 5.0]}))
    assert {ON_SITES, "empty sites", "interstitials on sites", "Frenkel pairs", "number"} <= set(texts(sites))
    assert "vacancies" not in texts(sites) and {ESTIMATED, "vacancies"} <= set(texts(estimates))
    assert WORTH_BESIDE_SITES in estimates and WORTH_BESIDE_SITES not in sites
    [alone] = figures_of(Run("", [0.0, 1.0], ESTIMATES))
    assert WORTH in alone and WORTH_BESIDE_SITES not in alone


def test_lines_that_cannot_be_seen_are_said() -> None:
    sites, estimates = figures_of(Run("", [0.0, 1.0], {**ESTIMATES, **SITES}))
    assert "empty sites = interstitials on sites = Frenkel pairs throughout." in sites
    assert "antisites: 0 throughout." in sites and "antisites" not in texts(sites)
    assert "interstitials: 0 throughout." in estimates
    [zero] = figures_of(Run("", [0.0, 1.0], {"doubtful": [0.0, 0.0]}))
    assert "<svg" not in zero and "doubtful: 0 throughout." in zero
    # Dashes upon a line that is wider, so that both are seen.
    assert len(set(re.findall(r"stroke-dasharray: ([\d. ,]+)", sites))) == 2


def test_axes_of_counts_begin_at_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {}
    monkeypatch.setattr(chart_groups, "chart", lambda title, *arguments: counts.setdefault(title, arguments[-1]) and "")
    columns = {"vacancies": [7.8, 8.2], "fcc_in_the_melt": [4.0, 5.0], "Temp": [300.0, 301.0], "ratio": [0.5, float("nan")]}
    figures_of(Run("", [0.0, 1.0], columns, units={"Temp": "K"}))
    assert counts == {ESTIMATED: True, "fcc_in_the_melt": True, "Temp": False, "ratio": False}
    text = charts.chart("", [0.0, 1.0], {"fcc": [1900.0, 1950.0]}, "timestep", "number", counts=True)
    assert "1900" not in texts(text) and texts(text).count("0") == 1
    assert "1900" in texts(charts.chart("", [0.0, 1.0], {"fcc": [1900.0, 1950.0]}, "timestep"))


def test_the_users_names_stay_and_units_stand_at_the_axis() -> None:
    columns = {"fcc_in_the_melt": [4.0, 5.0], "Press": [1.5, 2.5]}
    melt, pressure = figures_of(Run("", [0.0, 1.0], columns, units={"Press": "bar"}))
    assert "fcc_in_the_melt" in texts(melt) and "bar" in texts(pressure)
