"""A potential as LAMMPS takes it: the pair style and coefficients that a user would write."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lammps_heal.errors import HealError

SETFL_COMMENTS = 3  # lines before the elements, of eam/alloy and eam/fs
NEARLY = 0.01  # of a table: NiO.eam.fs of LAMMPS has one value less than it says, and is read
KINDS = "EAM files are taken: of eam (funcfl), eam/alloy or eam/fs (setfl)"


@dataclass(frozen=True)
class Potential:
    """Lines of a LAMMPS input in units metal.

    pair_style, pair_coeff: what follows these words in an input. settings: further lines after them, as
    "kspace_style pppm 1e-5" or "set type 1 charge 1.0". atom_style: atomic, or charge where the pair style wants it.
    """

    pair_style: str
    pair_coeff: tuple[str, ...]
    settings: tuple[str, ...] = ()
    atom_style: str = "atomic"

    @classmethod
    def from_file(cls, path: str | Path, elements: Sequence[str] = ("Pt",)) -> "Potential":
        """The potential of an EAM file: eam, eam/alloy or eam/fs, by what the file holds.

        elements: of LAMMPS's atom types, in their order, "NULL" where the potential leaves a type out; only eam/alloy and
        eam/fs need them. Raises HealError where the file is missing, is none of these, or lacks an element.
        """
        path = Path(path)
        lines = _lines(path)
        if _is_funcfl(lines):
            return cls("eam", (f'* * "{path}"',))
        style, known = _setfl(path, lines)
        missing = [element for element in elements if element not in (*known, "NULL")]
        if missing:
            raise HealError(f'potential file "{path}" has no {missing[0]}, only {", ".join(known)}: name another potential')
        return cls(style, (f'* * "{path}" {" ".join(elements)}',))

    def commands(self) -> list[str]:
        """Lines that follow the definition of the box and the masses."""
        return [f"pair_style {self.pair_style}", *(f"pair_coeff {line}" for line in self.pair_coeff), *self.settings]


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise HealError(f'potential file "{path}" does not exist: name an EAM file, such as potentials/Pt_u3.eam')
    try:
        return path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as reason:
        raise HealError(f'potential file "{path}" is not readable ({reason}): {KINDS}') from reason


def _is_funcfl(lines: list[str]) -> bool:
    """A comment, then atomic number, mass, lattice constant and lattice; then nrho, drho, nr, dr, cutoff."""
    return len(lines) > 3 and _are_numbers(lines[1].split()[:3], 3) and _are_numbers(lines[2].split(), 5)


def _setfl(path: Path, lines: list[str]) -> tuple[str, list[str]]:
    """Style and elements of a setfl file: each element has one density function, or in eam/fs one for each element.

    Of one element the two are alike.
    """
    header = lines[SETFL_COMMENTS].split() if len(lines) > SETFL_COMMENTS + 2 else []
    grid = lines[SETFL_COMMENTS + 1].split() if header else []
    is_setfl = len(header) > 1 and header[0] == str(len(header) - 1) and _are_numbers(grid, 5) and not _are_numbers(grid, 6)
    if not is_setfl:
        raise HealError(f'potential file "{path}" is of no known kind: {KINDS}')
    n, n_rho, n_r = int(header[0]), int(grid[0]), int(grid[2])
    values = sum(len(line.split()) for line in lines[SETFL_COMMENTS + 2 :]) - 4 * n  # less a line of four for each element
    pairs = n * (n + 1) // 2 * n_r
    needed = {"eam/alloy": n * (n_rho + n_r) + pairs, "eam/fs": n * (n_rho + n * n_r) + pairs}
    style = min(needed, key=lambda name: abs(needed[name] - values))
    if not 0 <= needed[style] - values <= NEARLY * n_r:
        expected = " or ".join(f"{count} ({name})" for name, count in needed.items())
        raise HealError(f'potential file "{path}" has {values} tabulated values, needed {expected}: {KINDS}')
    return style, header[1:]


def _are_numbers(words: Iterable[str], n: int) -> bool:
    words = list(words)
    try:
        return len(words) >= n and all(float(word.replace("D", "E")) is not None for word in words[:n])
    except ValueError:
        return False
