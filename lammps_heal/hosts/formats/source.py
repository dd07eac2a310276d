"""The structure file that a user names: what kind it is, how many frames it has, and its frames one by one."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ase import Atoms

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.ase_file import COMMON, ase_format, read_frames, structure_of
from lammps_heal.hosts.formats.data_file import DataFile, is_data_file, read_data_file
from lammps_heal.hosts.formats.dump import Dump
from lammps_heal.hosts.formats.dump_frame import Frame
from lammps_heal.hosts.formats.opening import opened
from lammps_heal.hosts.formats.restart import MAGIC, restart_to_data
from lammps_heal.hosts.formats.structure import Structure

START = 1 << 16  # bytes by which a file's kind is told

# What a frame was read from, to be written again with other positions.
Original: TypeAlias = Frame | DataFile | Atoms


@dataclass(frozen=True)
class InputFrame:
    """One frame of a source. number: its place in the file, from 0."""

    number: int
    structure: Structure
    original: Original


class Source:
    """A structure file. boundary: of a data file, which does not say; atom_style: where its Atoms line names none.

    kind: dump, data, restart, or ASE's name of the format. warning: what the user should know of it, if anything.
    Raises HealError that says what is wrong and what to do.
    """

    def __init__(self, path: Path, boundary: tuple[str, str, str] = ("pp", "pp", "pp"), atom_style: str | None = None) -> None:
        self.path, self._boundary, self._atom_style = path, boundary, atom_style
        self.kind = _kind(path)
        self._dump = Dump(path) if self.kind == "dump" else None
        self.warning = self._dump.warning if self._dump else None

    def last(self) -> InputFrame:
        """The last frame, or the only one."""
        if self._dump:
            number = len(self._dump) - 1
            return self._of_dump(self._dump, number)
        if self.kind in ("data", "restart"):
            return self._of_data()
        return self._last_of_atoms()

    def n_frames(self) -> int | None:
        """Frames in the file; None where that takes reading all of them."""
        if self._dump:
            return len(self._dump)
        return 1 if self.kind in ("data", "restart") else None

    def frames(self, chosen: slice, skip: int = 0) -> Iterator[InputFrame]:
        """The frames chosen, but for the first `skip` of these, one by one."""
        for frame in self.frames_or_errors(chosen, skip):
            if isinstance(frame, HealError):
                raise frame
            yield frame

    def frames_or_errors(self, chosen: slice, skip: int = 0) -> Iterator[InputFrame | HealError]:
        """The same; in place of a frame that is broken, what is wrong with it. After one dumps alone go on."""
        if self._dump:
            for number in range(len(self._dump))[chosen][skip:]:
                try:
                    yield self._of_dump(self._dump, number)
                except HealError as error:
                    yield error
        elif self.kind in ("data", "restart"):
            for _ in range(1)[chosen][skip:]:
                yield self._of_data()
        else:
            yield from self._atoms_or_error(chosen, skip)

    def _atoms_or_error(self, chosen: slice, skip: int) -> Iterator[InputFrame | HealError]:
        start, step = chosen.start or 0, chosen.step or 1
        k = -1
        try:
            for k, atoms in enumerate(read_frames(self.path, self.kind, chosen)):
                if k >= skip:
                    # Counted from the end, a frame's place is not known before all are read.
                    yield self._of_atoms(atoms, start + k * step if start >= 0 and step > 0 else k)
        except HealError as error:
            if k < 0:
                raise
            yield error

    def _last_of_atoms(self) -> InputFrame:
        """The last frame; where it is broken, the last that is whole, with a warning."""
        try:
            found = [self._of_atoms(atoms, 0) for atoms in read_frames(self.path, self.kind, -1)]
        except HealError as error:
            whole = None
            for frame in self._atoms_or_error(slice(None), 0):
                whole = frame if isinstance(frame, InputFrame) else whole
            if whole is None:
                raise
            self.warning = f"{error}; the last that is whole is taken, frame {whole.number}"
            return whole
        if not found:
            raise HealError(f'"{self.path}": there is no structure in it: name a file with atoms')
        return found[-1]

    def _of_dump(self, dump: Dump, number: int) -> InputFrame:
        frame = dump.frame(number)
        return InputFrame(number, frame.structure, frame)

    def _of_data(self) -> InputFrame:
        if self.kind == "data":
            data = read_data_file(self.path, self._boundary, self._atom_style)
            return InputFrame(0, data.structure, data)
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder, "restart.data")
            boundary = restart_to_data(self.path, written)
            try:
                data = read_data_file(written, boundary)
            except HealError as error:
                raise HealError(str(error).replace(str(written), str(self.path))) from None
        return InputFrame(0, data.structure, data)

    def _of_atoms(self, atoms: Atoms, number: int) -> InputFrame:
        return InputFrame(number, structure_of(atoms, f'"{self.path}", frame {number}', number), atoms)


def _kind(path: Path) -> str:
    if not path.exists():
        raise HealError(
            f'structure file "{path}" does not exist: name a LAMMPS data, dump or restart file, or one that ASE reads'
        )
    if not path.is_file():
        raise HealError(f'"{path}" is no file: name a LAMMPS data, dump or restart file, or one that ASE reads')
    with opened(path) as file:
        start = file.read(START)
    if not start.strip(b" \t\r\n\0"):
        raise HealError(f'"{path}" is empty, or blank: there are no atoms in it')
    if start.startswith(MAGIC):
        return "restart"
    if start.lstrip().startswith(b"ITEM:") or b"\nITEM: TIMESTEP" in start:
        return "dump"
    if is_data_file(start):
        return "data"
    found = ase_format(path)
    if found is None:
        raise HealError(
            f'"{path}" is neither a LAMMPS data, dump or restart file nor of a format that ASE reads, {COMMON}: '
            "convert it to one of these"
        )
    return found
