"""What a writer gets: a healed structure, beside what it was read from."""

from collections.abc import Sequence
from dataclasses import dataclass

from lammps_heal.hosts.formats.source import Original
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.snapshot import Snapshot
from lammps_heal.step.neighbours import Float64Array


@dataclass(frozen=True)
class Healed:
    """elements, masses: of each type; None and 0 where they are not known. original: on the first rank only.

    snapshot: this rank's share of the atoms. timestep: of the frame that is written.
    """

    structure: Structure
    elements: Sequence[str | None]
    masses: Sequence[float]
    original: Original | None
    snapshot: Snapshot
    timestep: int


def in_axes_of_file(structure: Structure, positions: Float64Array) -> Float64Array:
    """Positions, (n, 3) Å, as LAMMPS has them, in the axes of the file that was read."""
    if structure.rotation is None:
        return positions
    result: Float64Array = (positions - structure.origin) @ structure.rotation + structure.origin
    return result
