"""Which quantities share a chart, and what is said of those that a chart would not show."""

import html
import math
from collections.abc import Mapping, Sequence

from lammps_heal.report.charts import chart
from lammps_heal.report.run import Run

ON_SITES, ESTIMATED = "Defects on reference sites", "Defects, estimated from coordination"
# What is drawn together, by the names of columns; a column that is in no group is drawn alone.
GROUPS = {
    ON_SITES: ("empty_sites", "interstitials_on_sites", "frenkel_pairs", "antisites"),
    ESTIMATED: ("vacancies", "interstitials"),
    "Atoms by label": ("fcc", "hcp", "bcc", "icosahedral", "other", "diamond", "hexagonal diamond"),
    "Atoms that are irregular or doubtful": ("irregular", "doubtful"),
}
OURS = {"rms_displacement", *(name for names in GROUPS.values() for name in names)}
WORTH = (
    "The estimates hold in the bulk of a crystal, with defects that do not touch; "
    "atoms of surfaces and boundaries are counted as parts of vacancies."
)
WORTH_BESIDE_SITES = f"Where they differ, believe the counts on reference sites. {WORTH}"
LEFT_OUT = ("atoms",)  # in the table below


def figures_of(run: Run) -> list[str]:
    """A figure for each group of columns, and for each other column, as HTML."""
    left = {name: values for name, values in run.columns.items() if name not in LEFT_OUT}
    has_sites = any(name in left for name in GROUPS[ON_SITES])
    figures = []
    for title, names in GROUPS.items():
        lines = {title_of(name): left.pop(name) for name in names if name in left}
        more = (WORTH_BESIDE_SITES if has_sites else WORTH) if title == ESTIMATED else ""
        if lines:
            figures.append(_figure(run, title, lines, "number", True, more))
    for name, values in left.items():
        unit = run.units.get(name, "")
        figures.append(_figure(run, title_of(name), {title_of(name): values}, unit, not unit and _are_counts(values)))
    return figures


def title_of(name: str) -> str:
    """A column's name as it stands at its line; those that the user gave stay as they are."""
    return name.replace("_", " ").replace("frenkel", "Frenkel") if name in OURS else name


def _figure(run: Run, title: str, lines: Mapping[str, Sequence[float]], y_title: str, counts: bool, more: str = "") -> str:
    shown = {name: values for name, values in lines.items() if any(values)}
    zero = [name for name in lines if name not in shown]
    said = [f"{', '.join(zero)}: 0 throughout."] if zero else []
    said += [f"{' = '.join(names)} throughout." for names in _coinciding(shown)]
    said += [more] if more else []
    drawn = chart(title, run.x, shown, run.x_title, y_title, counts) if shown else f"<b>{html.escape(title)}</b>"
    caption = f"<figcaption>{html.escape(' '.join(said))}</figcaption>" if said else ""
    return f"<figure>{drawn}{caption}</figure>\n"


def _coinciding(lines: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """Names of lines with the same values."""
    found: dict[tuple[float, ...], list[str]] = {}
    for name, values in lines.items():
        found.setdefault(tuple(values), []).append(name)
    return [names for names in found.values() if len(names) > 1]


def _are_counts(values: Sequence[float]) -> bool:
    return all(math.isfinite(value) and value >= 0.0 and value == int(value) for value in values)
