"""Text dumps of LAMMPS, in "custom" and "atom" style, as LAMMPS of any age and other programs write them.

A dump is indexed once, by the places of its frames, and each frame is parsed when it is wanted, so that memory stays flat.
What a frame may have: units and time; a box with or without boundary words, triclinic or general triclinic; ids or none;
type as number or label, element, mass; coordinates wrapped (x), scaled (xs), unwrapped (xu) or both (xsu); image flags;
any more columns; the same timestep as another.
"""

from dataclasses import dataclass
from pathlib import Path

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.dump_frame import Frame, item_of, parse_frame
from lammps_heal.hosts.formats.opening import opened

LENGTHS_IN_ANGSTROM = ("metal", "real")


@dataclass(frozen=True)
class Place:
    """Where a frame stands in a dump: bytes start to stop, unpacked; line: its first, from 1."""

    start: int
    stop: int
    line: int


class Dump:
    """A text dump and the places of its frames. Raises HealError where there is none, or lengths are not in Å.

    warning: that the last frame is cut short, if it is; it is then left out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warning: str | None = None
        self.places = _places(path)
        if not self.places:
            raise HealError(f'"{path}" is no LAMMPS text dump: it has no line "ITEM: TIMESTEP"')
        self.units = self._units()
        end = self._cut_at()
        if end is None:
            return
        cut = f'"{path}": the last frame, from line {self.places[-1].line} on, is cut short at line {end}'
        if len(self.places) == 1:
            raise HealError(f"{cut}, and there is no other: name a whole file (if it is whole, end its last line)")
        self.places = self.places[:-1]
        self.warning = f"{cut}, and left out"

    def __len__(self) -> int:
        return len(self.places)

    def frame(self, number: int) -> Frame:
        """Frame `number`, from 0. Raises HealError that names the line where it is not what LAMMPS writes."""
        return parse_frame(self._text(number).splitlines(), self.places[number].line, str(self.path))

    def _text(self, number: int) -> str:
        place = self.places[number]
        with opened(self.path) as file:
            file.seek(place.start)
            return file.read(place.stop - place.start).decode(errors="replace")

    def _units(self) -> str | None:
        """They stand before the first frame alone."""
        lines = self._text(0).splitlines()
        units = lines[1].strip() if len(lines) > 1 and item_of(lines[0]) == "UNITS" else None
        if units is not None and units not in LENGTHS_IN_ANGSTROM:
            raise HealError(f'"{self.path}", line 2: lengths must be in Å, got units {units}: write it in units metal or real')
        return units

    def _cut_at(self) -> int | None:
        """The line at which the last frame ends too early, as it does while LAMMPS writes it or where a job was killed."""
        text = self._text(len(self.places) - 1)
        lines = text.splitlines()
        items = {item_of(line): k for k, line in enumerate(lines) if line.startswith("ITEM:")}
        if None in items:
            return None  # it is wrong in another way
        end = self.places[-1].line + len(lines) - 1
        if "ATOMS" not in items or "NUMBER OF ATOMS" not in items:
            return end if "ATOMS" not in items else None
        number, rows = lines[items["NUMBER OF ATOMS"] + 1], lines[items["ATOMS"] + 1 :]
        if not number.strip().isdigit():
            return None
        n_atoms, n_columns = int(number), len(lines[items["ATOMS"]].split()) - 2
        has_rows = len(rows) >= n_atoms and (n_atoms == 0 or len(rows[n_atoms - 1].split()) >= n_columns)
        return None if has_rows and text.endswith("\n") else end


def _places(path: Path) -> list[Place]:
    """Frames begin with the first item after a frame's atoms, or with TIMESTEP where the atoms are missing."""
    starts: list[tuple[int, int]] = []
    offset, begins, has_timestep = 0, True, False
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            if line.startswith(b"ITEM:"):
                is_timestep = line.startswith(b"ITEM: TIMESTEP")
                if begins or (is_timestep and has_timestep):
                    starts.append((offset, number))
                    has_timestep = False
                has_timestep = has_timestep or is_timestep
                begins = line.startswith(b"ITEM: ATOMS")
            offset += len(line)
    stops = [start for start, _ in starts[1:]] + [offset]
    return [Place(start, stop, line) for (start, line), stop in zip(starts, stops, strict=True)]
