"""Rows of atoms as text, of a dump's frame or of a section of a data file: columns of numbers and words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import Float64Array, Int64Array

EXACT = 2.0**53  # whole numbers below are exact in float64


class Table:
    """Columns are parsed when they are asked for. columns: their names. file: for messages; lines: number of each row's."""

    def __init__(self, columns: Sequence[str], rows: list[str], file: str, lines: Sequence[int]) -> None:
        self.columns, self.rows, self.file, self._lines = tuple(columns), rows, file, lines

    def where(self, row: int = 0) -> str:
        return f'"{self.file}", line {self._lines[row]}'

    def numbers(self, *names: str) -> Float64Array:
        """(n, k) float64. Raises HealError that names the line where one is none."""
        wanted = [self.columns.index(name) for name in names]
        try:
            return np.loadtxt(self.rows, dtype=np.float64, comments=None, usecols=wanted, ndmin=2)
        except ValueError:
            raise self._wrong(wanted) from None

    def integers(self, name: str) -> Int64Array:
        """(n,), of numbers that may be written as 1.0. Raises HealError that names the line where one is none."""
        values = self.numbers(name)[:, 0]
        bad = np.flatnonzero(~((np.abs(values) < EXACT) & (values == np.round(values))))
        if bad.size:
            raise HealError(f"{self.where(bad[0])}: {name} is {values[bad[0]]:g}, needed a whole number: mend the file")
        return values.astype(np.int64)

    def words(self, name: str) -> NDArray[np.str_]:
        """(n,)"""
        at = self.columns.index(name)
        found = [row.split() for row in self.rows]
        if any(len(row) <= at for row in found):
            raise self._wrong([at])
        return np.array([row[at] for row in found])

    def is_numeric(self, name: str) -> bool:
        """Whether the first row has a number in this column, or nothing."""
        words = self.rows[0].split()
        at = self.columns.index(name)
        return len(words) <= at or _is_number(words[at])

    def _wrong(self, wanted: list[int]) -> HealError:
        for k, row in enumerate(self.rows):
            words = row.split()
            if len(words) <= max(wanted):
                return HealError(f"{self.where(k)}: {len(words)} columns, needed {len(self.columns)}: mend the file")
            bad = [words[at] for at in wanted if not _is_number(words[at])]
            if bad:
                return HealError(f'{self.where(k)}: "{bad[0][:40]}" where a number is needed: mend the file')
        return HealError(f"{self.where()}: the rows from here on are not all rows of atoms: mend the file")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word
