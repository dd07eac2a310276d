"""Has healing done what it should? Looked at when it has ended: steps that do not get smaller, atoms too near to each other,
and, where the healed crystal tells its lattice, the sites that are empty or double.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lammps_heal.analysis.local_structure import has_shells, shells_of
from lammps_heal.analysis.neighbour_shells import close_pairs, surroundings
from lammps_heal.analysis.own_lattice import Occupation, own_lattice
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.snapshot import Snapshot
from lammps_heal.model.model_file import Model

TOO_NEAR = 0.7  # nearest-neighbour distances; no atoms of a crystal, hot or with interstitials, are nearer
WINDOW = 5  # steps that are compared with as many before
SMALLER = 0.7  # times the ones before; steps of a crystal that heals get smaller by a half or more
MOVING = 0.005  # of the nearest-neighbour distance: healing that is to go on until atoms rest has not ended
RESTING = 0.02  # of the nearest-neighbour distance: atoms that move less are at rest but for long waves


@dataclass(frozen=True)
class EndChecks:
    """too_near: pairs nearer than TOO_NEAR that were not so in the input; distance: what that is, Å. converging: steps got
    smaller, as far as is known. at_rest: the last was small, or need not be. before, after: sites of the healed crystal's
    lattice as the input and the healed atoms occupy them; None where they are not known: see `own_lattice`."""

    too_near: int
    distance: float
    converging: bool
    at_rest: bool
    largest: float
    before: Occupation | None = None
    after: Occupation | None = None

    @property
    def problems(self) -> list[str]:
        """Lines for the user; none where all is well."""
        lines = []
        if self.too_near:
            lines.append(f"{self.too_near} pairs of atoms are nearer than {self.distance:.3g} Å that were not so in the input")
        if not self.converging:
            lines.append(f"steps do not get smaller, the last moved an atom by {self.largest:.3g} Å")
        elif not self.at_rest:
            remedy = "give more --steps; --lattice auto if the crystal is strained"
            lines.append(f"the last step still moved an atom by {self.largest:.3g} Å: {remedy}")
        return lines


def check_end(
    structure: Structure, healed: Snapshot | None, model: Model, largest_steps: Sequence[float], stop: float | None = None
) -> EndChecks:
    """healed: of all atoms, as the first rank has it. model: as it healed. largest_steps: largest displacement of each, Å.
    stop: it was to go on until no atom moves farther, Å; None: for a number of steps."""
    nearest = shells_of(model.structure).nearest * model.lattice_constant if has_shells(model.structure) else 0.0
    assert healed is not None
    last = largest_steps[-1] if largest_steps else 0.0
    converging = is_converging(largest_steps, RESTING * nearest)
    if not nearest:
        return EndChecks(0, 0.0, converging, True, last)
    at_rest = stop is None or last <= max(stop, MOVING * nearest)
    distance = TOO_NEAR * nearest
    before = surroundings(structure.positions - structure.origin, structure.cell, structure.periodic)
    after = surroundings(healed.positions - healed.origin, healed.cell, structure.periodic)
    too_near = len(close_pairs(after, distance) - close_pairs(before, distance))
    lattice = own_lattice(after, healed.cell, nearest) if structure.periodic.all() else None
    if lattice is None:
        return EndChecks(too_near, distance, converging, at_rest, last)
    n_atoms = len(structure.ids)
    occupied = [lattice.occupation(atoms.points[:n_atoms]) for atoms in (before, after)]
    return EndChecks(too_near, distance, converging, at_rest, last, *occupied)


def is_converging(largest_steps: Sequence[float], resting: float) -> bool:
    """Whether steps get smaller; True where there are too few to tell, or atoms move less than `resting`, Å."""
    if len(largest_steps) < 2 * WINDOW:
        return True
    last, before = max(largest_steps[-WINDOW:]), max(largest_steps[-2 * WINDOW : -WINDOW])
    return bool(np.isfinite(last)) and (last <= resting or last < SMALLER * before)
