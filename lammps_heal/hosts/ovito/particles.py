"""OVITO's particles as a structure, and back. Nothing here imports OVITO: it gives the objects."""

from typing import Any

import numpy as np

from lammps_heal.hosts.formats.structure import Structure, make_structure
from lammps_heal.step.neighbours import Float64Array, Int64Array


def structure_of_particles(data: Any, where: str) -> Structure:
    """From an OVITO DataCollection. where: for messages. Raises HealError where there is no crystal in it."""
    particles, cell = data.particles, data.cell
    positions = np.array(particles.positions, np.float64)
    vectors = np.zeros((3, 3)) if cell is None else np.array(cell[:, :3], np.float64).T
    periodic = np.zeros(3, bool) if cell is None else np.array(cell.pbc)
    numbers, elements, masses = _types(particles)
    x, y, z = ("pp" if p else "mm" for p in periodic)
    origin = np.zeros(3) if cell is None else np.array(cell[:, 3], np.float64)
    return make_structure(where, vectors, origin, (x, y, z), None, numbers, positions, elements, masses)


def _types(particles: Any) -> tuple[Int64Array, tuple[str | None, ...], tuple[float, ...]]:
    """Type of each particle, from 1, and name and mass of each type. OVITO's own may have any number."""
    if particles.particle_types is None:
        return np.ones(particles.count, np.int64), (None,), (0.0,)
    ids, numbers = np.unique(np.array(particles.particle_types), return_inverse=True)
    types = [particles.particle_types.type_by_id(int(number), require=False) for number in ids]
    names = tuple(None if kind is None or not kind.name else str(kind.name) for kind in types)
    return numbers.astype(np.int64) + 1, names, tuple(0.0 if kind is None else float(kind.mass) for kind in types)


def to_particles(
    structure: Structure, healed: Float64Array, displacement: Float64Array
) -> tuple[Float64Array, Float64Array, Int64Array]:
    """Healed positions and displacement, Å, of each particle in OVITO's axes and order, and each one's row in the structure.

    healed: (n, 3), of the structure's atoms, in its axes, from its origin. displacement: (n, 3), likewise.
    """
    row = np.argsort(structure.order)
    rotation = np.eye(3) if structure.rotation is None else structure.rotation
    return healed[row] @ rotation + structure.origin, displacement[row] @ rotation, row
