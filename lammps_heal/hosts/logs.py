"""Reads what LAMMPS prints, in a log or as its output: thermo tables and timing."""

import re
from dataclasses import dataclass

from lammps_heal.errors import HealError

TAIL = 2000  # characters of an output shown where it has not what is looked for


def thermo_tables(log: str) -> list[dict[str, list[float]]]:
    """The columns of each run's thermo table by name, from the text of a log or of lmp's output.

    A run that broke off has its table too, as far as it came; a table has the columns of "thermo_style one" or custom,
    with names of one word. LAMMPS's own reader (lammps.formats) drops such a run.
    """
    tables: list[tuple[list[str], list[list[float]]]] = []
    reading = False
    for line in log.splitlines():
        words = line.split()
        if words[:1] == ["Step"]:
            tables.append((words, []))
            reading = True
        elif line.startswith("Loop time"):
            reading = False
        elif reading and words and words[0].isdigit() and len(words) == len(tables[-1][0]):
            tables[-1][1].append([float(word) for word in words])
    return [{name: [row[column] for row in rows] for column, name in enumerate(names)} for names, rows in tables]


@dataclass(frozen=True)
class LoopTime:
    """LAMMPS's timing of the last run. seconds: of its loop. sections: least, mean and greatest s over the ranks, by name
    (Pair, Neigh, Comm, Modify, ...). ghosts: mean over the ranks."""

    n_atoms: int
    steps: int
    seconds: float
    sections: dict[str, tuple[float, float, float]]
    ghosts: float


def loop_time(log: str) -> LoopTime:
    """The timing of the last run, from the text of a log or of lmp's output. Raises HealError where there is none."""
    loops = re.findall(r"^Loop time of (\S+) on \d+ procs for (\d+) steps with (\d+) atoms", log, re.MULTILINE)
    if not loops:
        raise HealError(f"LAMMPS ended without a timing table: {log.strip()[-TAIL:]}")
    sections = {}
    for name, *columns in re.findall(r"^(\w+) +\|([^|]*)\|([^|]*)\|([^|]*)\|", log, re.MULTILINE):
        if columns[1].strip() and name != "Section":
            mean = float(columns[1])
            low, high = (float(c) if c.strip() else mean for c in (columns[0], columns[2]))
            sections[name] = (low, mean, high)
    seconds, steps, n_atoms = loops[-1]
    return LoopTime(int(n_atoms), int(steps), float(seconds), sections, printed_number("Nghost:", log))


def printed_number(word: str, log: str) -> float:
    """The first number that follows this word at the begin of a line. Raises HealError where there is none."""
    found = re.search(rf"^{re.escape(word)} +(\S+)", log, re.MULTILINE)
    if found is None:
        raise HealError(f'LAMMPS printed nothing after "{word}", but at its end: {log.strip()[-TAIL:]}')
    return float(found[1])
