"""What a log says of the runs that `fix heal … observe` watched: their counts against time, and what belongs to them.

The log echoes the commands, which tell what is in a column of any name. Where it does not, the columns' names do.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lammps_heal.analysis.observation import NAMES_OF_LABELS
from lammps_heal.errors import HealError
from lammps_heal.hosts.logs import thermo_tables
from lammps_heal.hosts.thermo_units import thermo_units

ON_SITES = ("empty_sites", "interstitials_on_sites", "frenkel_pairs", "antisites")
# The fix's vector, by the names that the JSON of `lammps-heal observe` has, too.
VECTOR = (
    "rms_displacement",
    *NAMES_OF_LABELS.values(),
    "irregular",
    "vacancies",
    "interstitials",
    "doubtful",
    *ON_SITES,
)
SITES_BY_NAME = {"vacancies": "empty_sites", "interstitials": "interstitials_on_sites"}  # beside Frenkel pairs
STEPS = 3  # healing steps of "observe" without a number
TIMES = ("ps", "Time")  # columns, the first that there is
TIMESTEP = "Step"


@dataclass(frozen=True)
class ObservedLog:
    """x, x_title, columns, units, notes: see Run. about: of the fix, and how many atoms. model: of the fix, as its command
    names it; None where the log has no such command."""

    x: list[float]
    x_title: str
    columns: dict[str, list[float]]
    units: dict[str, str]
    notes: list[str]
    about: dict[str, str]
    model: str | None


def observed_log(text: str, path: str) -> ObservedLog:
    """Of the last series of runs whose timesteps follow each other, of those that were observed if any were.

    path: of the log, for messages. Raises HealError where there is no row of a thermo table.
    """
    commands = _commands(text)
    printed = thermo_tables(text)
    if not printed:
        raise HealError(f'"{path}" has no thermo table: name a log of LAMMPS, or counts of "lammps-heal observe --json"')
    tables = [commands.renamed(table) for table in printed if table[TIMESTEP]]
    if not tables:
        raise HealError(f'"{path}" has a thermo table without a row, for its run broke off at once: name a log of a run')
    observed = [table for table in tables if _observed(table)]
    series = _last_series(observed or tables)
    columns = _joined(series)
    units = thermo_units(commands.units)
    steps = columns.pop(TIMESTEP)
    times = {name: columns.pop(name) for name in TIMES if name in columns and _is_time(columns[name])}
    name, x = next(iter(times.items()), ("", steps))
    unit = f", {units[name]}" if name in units else ""
    fix = commands.used(printed)
    about = {"atoms": _atoms(text)} | ({"fix": fix.command, "model": fix.model, "healing steps": fix.steps} if fix else {})
    about = {key: value for key, value in about.items() if value}
    notes = _notes(path, tables, series)
    return ObservedLog(x, f"time{unit}" if times else "timestep", columns, units, notes, about, fix.model if fix else None)


Columns = dict[str, list[float]]


@dataclass(frozen=True)
class _Fix:
    command: str
    model: str
    steps: str


@dataclass
class _Commands:
    """fixes: those that observe, by ID. names: what is in a column, by its name; fix_of: of which fix. units: their style."""

    fixes: dict[str, _Fix] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    fix_of: dict[str, str] = field(default_factory=dict)
    units: str | None = None

    def renamed(self, table: Columns) -> Columns:
        """The table with VECTOR's names. Of the first fix in it: columns of others keep their own beside them."""
        main = next((self.fix_of[column] for column in table if column in self.fix_of), None)
        has_pairs = any(_plain(column) in ("frenkel_pairs", "antisites") for column in table)
        found: Columns = {}
        for column, values in table.items():
            name = self.names.get(column)
            if name is None and _plain(column) in VECTOR:
                plain = _plain(column)
                name = SITES_BY_NAME.get(plain, plain) if has_pairs else plain
            name = name or column
            is_other = self.fix_of.get(column, main) != main or name in found
            found[f"{name}, {column}" if is_other else name] = values
        return found

    def used(self, tables: Sequence[Columns]) -> _Fix | None:
        """The fix whose numbers the last tables have, else the last one."""
        names = (self.fix_of.get(column) for table in reversed(tables) for column in table)
        last = next(reversed(self.fixes), None)
        name = next(filter(None, names), last)
        return self.fixes[name] if name else None


def _commands(text: str) -> _Commands:
    """As they were run, with variables replaced, which the log shows last."""
    found = _Commands()
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if "$" in line or not words:
            continue
        if words[0] == "units" and len(words) == 2:
            found.units = words[1]
        elif words[0] == "fix" and words[3:4] == ["heal"] and "observe" in words:
            number = words[words.index("observe") + 1 :][:1]
            steps = number[0] if number and number[0].isdigit() else str(STEPS)
            found.fixes[words[1]] = _Fix(" ".join(words), words[4], steps)
            columns = {f"f_{words[1]}": VECTOR[0]} | {f"f_{words[1]}[{k}]": name for k, name in enumerate(VECTOR, 1)}
            found.names |= columns
            found.fix_of |= dict.fromkeys(columns, words[1])
        elif words[0] == "thermo_modify":
            for word, column, name in zip(words, words[1:], words[2:], strict=False):
                if word == "colname" and column in found.names:
                    found.names[name], found.fix_of[name] = found.names[column], found.fix_of[column]
    return found


def _plain(column: str) -> str:
    return column if column in VECTOR else column.lower()


def _observed(table: Columns) -> set[str]:
    return {name for name in table if name.split(",")[0] in VECTOR}


def _last_series(tables: Sequence[Columns]) -> list[Columns]:
    """The last tables, as long as their timesteps follow each other and the same is observed in them."""
    series = [tables[-1]]
    for table in reversed(tables[:-1]):
        same = _observed(table) == _observed(series[0]) and (_observed(table) or set(table) == set(series[0]))
        if not same or table[TIMESTEP][-1] > series[0][TIMESTEP][0]:
            break
        series.insert(0, table)
    return series


def _joined(series: Sequence[Columns]) -> Columns:
    """The columns that all have. A run begins with the row that the one before it ended with: it is taken once."""
    names = [name for name in series[-1] if all(name in table for table in series)]
    joined: Columns = {name: [] for name in names}
    for table in series:
        if joined[TIMESTEP] and joined[TIMESTEP][-1] == table[TIMESTEP][0]:
            joined = {name: values[:-1] for name, values in joined.items()}
        joined = {name: values + table[name] for name, values in joined.items()}
    return joined


def _is_time(values: Sequence[float]) -> bool:
    return all(one <= other for one, other in pairwise(values))


def _notes(path: str, tables: Sequence[Columns], series: Sequence[Columns]) -> list[str]:
    left = [table for table in tables if not any(table is one for one in series)]
    is_observed = any(map(_observed, series))
    unobserved = [table for table in left if is_observed and not _observed(table)]
    earlier = [table for table in left if not any(table is one for one in unobserved)]
    notes = []
    for what, those in (("where nothing was observed", unobserved), ("runs before the last series of timesteps", earlier)):
        if those:
            spans = ", ".join(dict.fromkeys(_span(table[TIMESTEP]) for table in those))
            notes.append(f"{path}: left out are timesteps {spans}, {what}")
    return notes


def _span(steps: Sequence[float]) -> str:
    return f"{steps[0]:.0f} to {steps[-1]:.0f}" if len(steps) > 1 else f"{steps[0]:.0f}"


def _atoms(text: str) -> str:
    """Of the last run that ended; "" where none did."""
    found = re.findall(r"^Loop time of \S+ on \d+ procs for \d+ steps with (\d+) atoms", text, re.MULTILINE)
    return found[-1] if found else ""
