"""Damage that is put on clean structures: Frenkel pairs, hop configurations, long waves, inhomogeneous noise."""

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from lammps_heal.step.neighbours import Float64Array
from lammps_heal.training.lengths import Lengths

HOP = (0.3, 0.5)  # of the way into the vacancy beside an atom; beyond a half, that is where the atom belongs
MISSING_ONE_TO_THREE = range(9, 12)  # nearest neighbours of fcc's 12; with more missing it is a surface to move on
VACANCIES = "vacancies"  # key of a structure's header: (n, 3) Å, the empty sites
HOPS = 1.12  # nn, from a vacancy to the atoms that may hop into it: nearest neighbours, in a strained crystal too
TRIES = 40  # atoms that are looked at for a vacancy beside them


def frenkel_pair(atoms: Atoms, reach: float, lengths: Lengths, rng: np.random.Generator) -> Float64Array:
    """(n, 3) Å: positions with one atom put into another's site, a tight dumbbell of any direction, up to `reach` Å away.

    Both are of one species: whichever of them fills the empty site, no antisite comes of it.
    """
    positions: Float64Array = atoms.positions.copy()
    while True:
        atom = int(rng.integers(len(atoms)))
        vectors, distances = find_mic(atoms.positions - atoms.positions[atom], atoms.cell, atoms.pbc)
        alike = atoms.numbers == atoms.numbers[atom]
        near = np.flatnonzero((distances > lengths.same_atom) & (distances < reach) & alike)
        if len(near):
            break
    host = int(rng.choice(near))
    split = rng.normal(size=3)
    split *= rng.uniform(0.0, lengths.longest_split) / np.linalg.norm(split)
    positions[atom] += vectors[host] + split
    positions[host] -= split
    return positions


def hop_configuration(atoms: Atoms, lengths: Lengths, rng: np.random.Generator) -> Float64Array | None:
    """(n, 3) Å: positions with one atom on its way into a vacancy beside it, or None where no such atom is found.

    A header that names the vacancies serves any crystal. Without it the crystal is fcc, where sites are centres of
    inversion: opposite a neighbour is another, or a vacancy.
    """
    if VACANCIES in atoms.info:
        return _hop_into(np.reshape(atoms.info[VACANCIES], (-1, 3)), atoms, lengths, rng)
    positions: Float64Array = atoms.positions.copy()
    nearest = (np.sqrt(2.0) * atoms.get_volume() / len(atoms)) ** (1 / 3)
    for atom in rng.permutation(len(atoms))[:TRIES]:
        vectors, distances = find_mic(atoms.positions - atoms.positions[atom], atoms.cell, atoms.pbc)
        near = vectors[(distances > lengths.same_atom) & (distances < 1.2 * nearest)]
        if len(near) not in MISSING_ONE_TO_THREE:
            continue
        from_opposite = np.linalg.norm(near[:, None] + near, axis=2).min(1)
        vacant = -near[from_opposite > 0.5 * nearest]
        if len(vacant):
            positions[atom] += rng.uniform(*HOP) * vacant[int(rng.integers(len(vacant)))]
            return positions
    return None


def _hop_into(vacancies: Float64Array, atoms: Atoms, lengths: Lengths, rng: np.random.Generator) -> Float64Array | None:
    """The same, of the vacant sites, (n, 3) Å."""
    positions: Float64Array = atoms.positions.copy()
    vectors, distances = find_mic(vacancies[int(rng.integers(len(vacancies)))] - positions, atoms.cell, atoms.pbc)
    beside = np.flatnonzero(distances < HOPS * lengths.nearest_neighbour)
    if len(beside) == 0:
        return None
    atom = int(rng.choice(beside))
    positions[atom] += rng.uniform(*HOP) * vectors[atom]
    return positions


def long_wavelength_displacement(atoms: Atoms, lengths: Lengths, rng: np.random.Generator) -> Float64Array:
    """(n, 3) Å, a displacement of each atom: a plane wave that fits the cell, in any direction and phase.

    It moves the grains beside a boundary, and the crystal around a defect, as a whole; independent noise hardly does.
    """
    direction = rng.normal(size=3)
    direction *= rng.uniform(0.0, lengths.largest_shift) / np.linalg.norm(direction)
    shifts: Float64Array = np.cos(phases_of_a_wave(atoms, rng))[:, None] * direction
    return shifts


def inhomogeneous_sigmas(atoms: Atoms, highest: float, lengths: Lengths, rng: np.random.Generator) -> Float64Array:
    """(n,) Å, noise of each atom, 0 to `highest`: a hot sphere in a quieter crystal, or a wave, either as often."""
    profile = hot_sphere(atoms, lengths, rng) if rng.random() < 0.5 else wave(atoms, rng)
    return highest * profile


def hot_sphere(atoms: Atoms, lengths: Lengths, rng: np.random.Generator) -> Float64Array:
    """(n,) 1 in a sphere around an atom, and up to a half elsewhere."""
    outside = rng.uniform(0.0, 0.5)
    centre = atoms.positions[int(rng.integers(len(atoms)))]
    _, distances = find_mic(atoms.positions - centre, atoms.cell, atoms.pbc)
    edge = (distances - rng.uniform(*lengths.sphere_radii)) / lengths.sphere_edge
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
