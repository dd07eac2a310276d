"""Reads the structures that LAMMPS writes: text dumps and data files, as ASE Atoms."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import ase.io
from ase import Atoms
from ase.data import atomic_numbers


def dump_frames(path: Path) -> Iterator[Atoms]:
    """The frames of a text dump, one after the other, atoms in order of id."""
    frames: Iterator[Atoms] = ase.io.iread(path, index=":", format="lammps-dump-text")
    return frames


def read_data(path: Path, elements: Sequence[str] = ("Pt",)) -> Atoms:
    """A LAMMPS data file with the element of each type, atoms in order of id; where the box's corner lies is lost."""
    numbers = {number: atomic_numbers[element] for number, element in enumerate(elements, 1)}
    [atoms] = ase.io.iread(path, format="lammps-data", units="metal", atom_style="atomic", Z_of_type=numbers)
    return atoms
