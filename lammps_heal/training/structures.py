"""What a training draws from: clean crystals, relaxed defects, thermal snapshots; and uneven noise."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from lammps_heal.analysis.sites import read_structures, vectors_to_sites
from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import Float64Array

CRYSTAL, DEFECT, THERMAL = "crystal", "defect", "thermal"
START = "start"  # name of the array of hot positions, (n, 3) Å, beside the quenched ones
SPHERE_RADII = (3.0, 8.0)  # Å, of uneven noise: from one atom and its neighbours to a collision cascade's core
LONGEST_SPLIT = 1.25  # Å, half the distance of the two atoms: from one spot to a dumbbell as EAM relaxes it
SPHERE_EDGE = 1.0  # Å, over which the noise falls off
HALF_WAY = (0.3, 0.5)  # of the way into the vacancy beside it; beyond a half, that is where an atom belongs
MISSING_ONE_TO_THREE = range(9, 12)  # nearest neighbours of fcc's 12; with more missing it is a surface to move on
TRIES = 40  # atoms that are looked at for a vacancy beside them
LARGEST_SHIFT = 0.2  # Å, of a smooth displacement


def read_training_structures(paths: Sequence[Path]) -> list[Atoms]:
    """All structures of the files; the hot frame that follows a relaxed one becomes that one's array `start`.

    in.defects tells them by their header: temperature=0 is relaxed, anything above is hot.
    """
    structures: list[Atoms] = []
    for path in paths:
        quenched: Atoms | None = None
        for atoms in read_structures(path):
            if atoms.info.get("temperature", 0) == 0:
                quenched = atoms
                structures.append(atoms)
            elif quenched is None or len(quenched) != len(atoms):
                raise HealError(f'"{path}": a hot frame must follow what it was quenched to: make it anew with "make data"')
            else:
                quenched.set_array(START, quenched.positions - vectors_to_sites(atoms.positions, quenched))
    return structures


def group_of(atoms: Atoms) -> str:
    """CRYSTAL (in.crystal: bulk and vacancies, no kind in the header), DEFECT or THERMAL."""
    if START in atoms.arrays:
        return THERMAL
    return DEFECT if "kind" in atoms.info else CRYSTAL


def frenkel_pair(atoms: Atoms, reach: float, rng: np.random.Generator) -> Float64Array:
    """(n, 3) Å: positions with one atom put into another's site, a tight dumbbell of any direction, up to `reach` Å away."""
    positions: Float64Array = atoms.positions.copy()
    while True:
        atom = int(rng.integers(len(atoms)))
        vectors, distances = find_mic(atoms.positions - atoms.positions[atom], atoms.cell, atoms.pbc)
        near = np.flatnonzero((distances > 0.1) & (distances < reach))
        if len(near):
            break
    host = int(rng.choice(near))
    split = rng.normal(size=3)
    split *= rng.uniform(0.0, LONGEST_SPLIT) / np.linalg.norm(split)
    positions[atom] += vectors[host] + split
    positions[host] -= split
    return positions


def half_way(atoms: Atoms, rng: np.random.Generator) -> Float64Array | None:
    """(n, 3) Å: positions with one atom on its way into a vacancy beside it, or None where no such atom is found.

    Fcc sites are centres of inversion: opposite a neighbour is another, or a vacancy.
    """
    positions: Float64Array = atoms.positions.copy()
    nearest = (np.sqrt(2.0) * atoms.get_volume() / len(atoms)) ** (1 / 3)
    for atom in rng.permutation(len(atoms))[:TRIES]:
        vectors, distances = find_mic(atoms.positions - atoms.positions[atom], atoms.cell, atoms.pbc)
        near = vectors[(distances > 0.1) & (distances < 1.2 * nearest)]
        if len(near) not in MISSING_ONE_TO_THREE:
            continue
        from_opposite = np.linalg.norm(near[:, None] + near, axis=2).min(1)
        vacant = -near[from_opposite > 0.5 * nearest]
        if len(vacant):
            positions[atom] += rng.uniform(*HALF_WAY) * vacant[int(rng.integers(len(vacant)))]
            return positions
    return None


def smooth_shifts(atoms: Atoms, rng: np.random.Generator) -> Float64Array:
    """(n, 3) Å, a displacement of each atom: a plane wave that fits the cell, in any direction and phase.

    It moves the grains beside a boundary, and the crystal around a defect, as a whole; independent noise hardly does.
    """
    direction = rng.normal(size=3)
    direction *= rng.uniform(0.0, LARGEST_SHIFT) / np.linalg.norm(direction)
    shifts: Float64Array = np.cos(phases_of_a_wave(atoms, rng))[:, None] * direction
    return shifts


def uneven_sigmas(atoms: Atoms, highest: float, rng: np.random.Generator) -> Float64Array:
    """(n,) Å, noise of each atom, 0 to `highest`: a hot sphere in a quieter crystal, or a wave, either as often."""
    profile = hot_sphere if rng.random() < 0.5 else wave
    return highest * profile(atoms, rng)


def hot_sphere(atoms: Atoms, rng: np.random.Generator) -> Float64Array:
    """(n,) 1 in a sphere around an atom, and up to a half elsewhere."""
    outside = rng.uniform(0.0, 0.5)
    centre = atoms.positions[int(rng.integers(len(atoms)))]
    _, distances = find_mic(atoms.positions - centre, atoms.cell, atoms.pbc)
    edge = (distances - rng.uniform(*SPHERE_RADII)) / SPHERE_EDGE
    result: Float64Array = outside + (1.0 - outside) * np.clip(0.5 - edge, 0.0, 1.0)
    return result


def wave(atoms: Atoms, rng: np.random.Generator) -> Float64Array:
    """(n,) 0 to 1, a plane wave that fits the periodic cell."""
    result: Float64Array = 0.5 * (1.0 + np.cos(phases_of_a_wave(atoms, rng)))
    return result


def phases_of_a_wave(atoms: Atoms, rng: np.random.Generator) -> Float64Array:
    """(n,) radians: one period along one, two or three of the cell's vectors, from any phase."""
    periods = np.zeros(3, np.int64)
    while not periods.any():
        periods = rng.integers(-1, 2, 3)
    phases: Float64Array = 2.0 * np.pi * atoms.get_scaled_positions() @ periods + rng.uniform(0.0, 2.0 * np.pi)
    return phases
