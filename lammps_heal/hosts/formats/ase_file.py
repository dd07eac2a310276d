"""Structure files of other programs, read and written by ASE: extended XYZ, POSCAR, CIF, trajectories and more."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import ase.io
import numpy as np
from ase import Atoms
from ase.io.formats import UnknownFileTypeError, filetype, ioformats

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.opening import opened
from lammps_heal.hosts.formats.structure import Structure, make_structure

# Databases, which hold more than a structure file; and what may run code that stands in the file.
REFUSED = {"db", "json", "mysql", "postgresql", "bundletrajectory", "python", "py", "gpaw-out", "gpw"}
# Damaged, or without what tells the kind, where our own readers do not know it.
OURS = {"lammps-data", "lammps-dump-text", "lammps-dump-binary"}
COMMON = "such as .xyz, POSCAR, .cif, .traj"


def ase_format(path: Path) -> str | None:
    """ASE's name of a file's format, by its content and name; None where ASE knows none that can be read."""
    try:
        name = filetype(str(path))
    except (UnknownFileTypeError, OSError, EOFError, ValueError, UnicodeError):
        return None
    return name if name in ioformats and name not in REFUSED | OURS and ioformats[name].can_read else None


def ase_output_format(name: str) -> str | None:
    """The same for a file to be written, by its name alone; None where ASE does not both write and read it."""
    try:
        found = filetype(name, read=False)
    except (UnknownFileTypeError, ValueError):
        return None
    known = found in ioformats and found not in REFUSED and found != "runnerdata"
    return found if known and ioformats[found].can_write and ioformats[found].can_read else None


def read_frames(path: Path, name: str, index: int | slice) -> Iterator[Atoms]:
    """Frames of a file of the format of this name, one by one. Raises HealError with ASE's reason."""
    wanted = slice(index, (index + 1) or None) if isinstance(index, int) else index
    try:
        with opened(path) as file:
            source: str | IO[Any] = str(path)
            if ioformats[name].acceptsfd:
                source = file if ioformats[name].isbinary else io.TextIOWrapper(file, errors="replace")
            # parallel: ASE would have all ranks read together, and this one may be alone.
            frames = ase.io.iread(source, index=wanted, format=name, parallel=False, do_not_split_by_at_sign=True)
            while (atoms := _next_without_warnings(frames)) is not None:
                yield atoms
    except HealError:
        raise
    except Exception as reason:  # readers raise many kinds on a damaged file
        said = str(reason).strip().splitlines()
        explained = f"{type(reason).__name__}: {said[0][:200]}" if said else type(reason).__name__
        raise HealError(f'"{path}" cannot be read as {name} ({explained}): mend it, or name another file') from reason


def _next_without_warnings(frames: Iterator[Atoms]) -> Atoms | None:
    """The readers' own warnings; those of whoever takes the frames are to be seen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return next(frames, None)


def structure_of(atoms: Atoms, where: str, number: int) -> Structure:
    """Atoms as LAMMPS takes them, in their order. number: of the frame, which becomes the timestep."""
    symbols, of_atoms = np.unique(atoms.get_chemical_symbols(), return_inverse=True)
    masses = atoms.get_masses()
    cell = np.array(atoms.cell[:], np.float64)
    periodic = np.asarray(atoms.pbc) & (np.linalg.norm(cell, axis=1) > 0.0)
    x, y, z = ("pp" if p else "mm" for p in periodic)
    return make_structure(
        where,
        cell,
        np.zeros(3),
        (x, y, z),
        None,
        of_atoms.astype(np.int64) + 1,
        np.array(atoms.positions, np.float64),
        tuple(str(symbol) for symbol in symbols),
        tuple(float(np.median(masses[of_atoms == k])) for k in range(len(symbols))),
        timestep=number,
    )
