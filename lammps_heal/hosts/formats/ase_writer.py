"""Writes structures in ASE's formats: as the Atoms that were read, with other positions, or new ones."""

import io
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.io.formats import ioformats
from ase.io.trajectory import Trajectory

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.healed import Healed, in_axes_of_file
from lammps_heal.hosts.snapshot import Snapshot

ONE_BY_ONE = ("extxyz", "xyz")  # formats whose frames, written one by one, make a file


def healed_atoms(healed: Healed, everything: Snapshot) -> Atoms:
    """Atoms at their healed positions. everything: snapshot of all atoms. Raises HealError where elements are not known."""
    structure, original = healed.structure, healed.original
    rotation = structure.rotation
    if isinstance(original, Atoms):
        atoms: Atoms = original.copy()  # energies and forces of the input are not copied, and are no longer true
        restored = everything.restored[np.argsort(structure.order)]
        atoms.positions += restored if rotation is None else restored @ rotation
        return atoms
    if not all(healed.elements):
        raise HealError("this format needs elements, which the input does not tell: name them, as --elements Pt")
    cell = everything.cell if rotation is None else everything.cell @ rotation
    return Atoms(
        [str(healed.elements[number - 1]) for number in structure.types.tolist()],
        positions=in_axes_of_file(structure, everything.positions) - structure.origin,
        cell=cell,
        pbc=structure.periodic,
        info={"timestep": healed.timestep},
    )


class AseWriter:
    """Frames in one of ASE's formats, as bytes to be written; where ASE insists, it writes to `path` itself.

    holds_many: all frames go to the file, otherwise the last.
    """

    def __init__(self, path: Path, name: str, holds_many: bool) -> None:
        self._path, self._name = path, name
        self._kept: list[Atoms] = []
        self._holds_many = holds_many
        self._trajectory = Trajectory(str(path), "w") if name == "traj" else None

    def frame(self, atoms: Atoms) -> bytes:
        """What is to be written of this frame now."""
        if self._trajectory is not None:
            self._trajectory.write(atoms)
        elif self._name in ONE_BY_ONE:
            return _text(atoms, self._name)
        else:
            self._kept = [*self._kept, atoms] if self._holds_many else [atoms]
        return b""

    def finish(self) -> bytes:
        """What is to be written at the end."""
        if self._trajectory is not None:
            self._trajectory.close()
        if not self._kept:
            return b""
        frames = self._kept if self._holds_many else self._kept[-1]
        if ioformats[self._name].acceptsfd:
            return _text(frames, self._name)
        ase.io.write(str(self._path), frames, format=self._name, parallel=False)
        return b""


def _text(frames: "Atoms | list[Atoms]", name: str) -> bytes:
    if ioformats[name].isbinary:
        binary = io.BytesIO()
        ase.io.write(binary, frames, format=name, parallel=False)
        return binary.getvalue()
    text = io.StringIO()
    ase.io.write(text, frames, format=name, parallel=False)
    return text.getvalue().encode()
