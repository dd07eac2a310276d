"""The file that healed structures go to, in the format that its name says, written whole or not at all.

NAME.data, NAME.lmp             LAMMPS data file, of the last frame
what ASE both writes and reads  in that format (.xyz, POSCAR, .cif, .traj, ...)
any other                       LAMMPS text dump
.gz, .bz2, .xz                  after these: compressed
"""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ase.io.formats import ioformats

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.ase_file import ase_output_format
from lammps_heal.hosts.formats.ase_writer import ONE_BY_ONE, AseWriter, healed_atoms
from lammps_heal.hosts.formats.data_writer import data_text
from lammps_heal.hosts.formats.dump_writer import DumpWriter
from lammps_heal.hosts.formats.healed import Healed
from lammps_heal.hosts.snapshot import Snapshot, gathered
from lammps_heal.step.ranks import Ranks
from lammps_heal.whole_files import WholeFile

ONE_STRUCTURE = ("data", "cif")  # ASE would write many structures to one CIF
DATA_SUFFIXES = (".data", ".lmp")
COMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def output_format(path: Path) -> str:
    """dump, data, or ASE's name of a format. Raises HealError where the name asks for what cannot be."""
    plain = path.with_suffix("") if path.suffix in COMPRESS else path
    if plain.suffix in DATA_SUFFIXES:
        return "data"
    name = ase_output_format(plain.name)
    if name is None:
        return "dump"
    if plain != path and (name == "traj" or not ioformats[name].acceptsfd):
        raise HealError(f'cannot write "{path}": {name} files are not compressed; leave {path.suffix} out')
    return name


def holds_many(format: str) -> bool:
    """Whether a file of this format holds more frames than one."""
    return format == "dump" or (format not in ONE_STRUCTURE and not ioformats[format].single)


def is_resumable(format: str) -> bool:
    """Whether another process can go on with a file that is not finished."""
    return format in ("dump", *ONE_BY_ONE)


class Output:
    """Collective calls. They raise HealError on all ranks where writing fails; an earlier file of the name then stays.

    format: see `output_format`, which tells it by default. keeps_columns: of frames that were read from a dump. resume_at:
    bytes of an unfinished file to go on after.
    """

    def __init__(
        self,
        path: Path,
        ranks: Ranks,
        format: str | None = None,
        keeps_columns: bool = False,
        resume_at: int | None = None,
    ) -> None:
        self.path, self._ranks = path, ranks
        self.format = format or output_format(path)
        self._compress = COMPRESS.get(path.suffix, bytes)
        self._dump = DumpWriter(ranks, keeps_columns, says_units=resume_at is None)
        self._whole: WholeFile | None = None
        self._file: BinaryIO | None = None
        self._ase: AseWriter | None = None
        ranks.first(lambda: self._explained(lambda: self._open(resume_at)))

    @property
    def n_bytes(self) -> int:
        """Written so far, on the first rank."""
        return self._file.tell() if self._file else 0

    @property
    def unfinished(self) -> Path | None:
        """Where it stands until it is finished, on the first rank."""
        return self._whole.unfinished if self._whole else None

    def write(self, healed: Healed) -> None:
        """Add a frame."""
        if self.format == "dump":
            encode = self._dump.frame(healed)
        else:
            everything = gathered(healed.snapshot, self._ranks)
            encode = self._encoder(healed, everything) if everything is not None else bytes
        self._ranks.first(lambda: self._explained(lambda: self._append(encode())))

    def finish(self) -> None:
        """Give the file its name."""
        self._ranks.first(lambda: self._explained(self._finish))

    def leave(self) -> None:
        """Leave what is written as it is, under its unfinished name."""
        if self._file:
            self._file.close()

    def discard(self) -> None:
        """Remove what is written; an earlier file of the name stays."""
        self.leave()
        if self._whole:
            self._whole.discard()

    def _open(self, resume_at: int | None) -> None:
        self._whole = WholeFile(self.path, keeps=resume_at is not None)
        self._file = self._whole.unfinished.open("ab" if resume_at is not None else "wb", buffering=0)
        if resume_at is not None:
            self._file.truncate(resume_at)
            self._file.seek(resume_at)
        if self.format not in ("dump", "data"):
            self._ase = AseWriter(self._whole.unfinished, self.format, holds_many(self.format))

    def _encoder(self, healed: Healed, everything: Snapshot) -> Callable[[], bytes]:
        if self._ase is None:
            return lambda: data_text(healed, everything).encode()
        writer = self._ase
        return lambda: writer.frame(healed_atoms(healed, everything))

    def _append(self, text: bytes) -> None:
        if self._file and text:
            rest = memoryview(self._compress(text))
            while rest:  # an unbuffered file may take a part
                rest = rest[self._file.write(rest) :]

    def _finish(self) -> None:
        if self._whole is None or self._file is None:
            return
        if self._ase is not None:
            self._append(self._ase.finish())
        self._file.close()
        self._whole.finish()

    def _explained(self, work: Callable[[], None]) -> None:
        """Whatever goes wrong in writing becomes a HealError; ASE's writers raise many kinds."""
        try:
            work()
        except HealError:
            raise
        except Exception as reason:
            explained = self._whole.explained(reason) if self._whole else reason
            if isinstance(explained, HealError):
                raise explained from reason
            raise HealError(f'cannot write "{self.path}" ({type(reason).__name__}: {reason}): name another format') from reason
