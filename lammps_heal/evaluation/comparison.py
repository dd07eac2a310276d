"""Comparison of two structures of the same atoms: how far they are apart, and which sites they fill differently."""

import numpy as np
from ase import Atoms

from lammps_heal.analysis.sites import occupation, remove_mean, site_distances, vectors_to_sites
from lammps_heal.step.neighbours import Float64Array, Int64Array


def different_sites(atoms: Atoms, reference: Atoms, sites: Atoms) -> int:
    """Number of lattice sites that do not hold as many atoms in both; a shift of one as a whole is none.

    Rows of atoms and reference are the same atoms.
    """
    counts = [occupation(a.positions, sites) for a in (without_drift(atoms, reference), reference)]
    return int((counts[0] != counts[1]).sum())


def moves(atoms: Atoms, reference: Atoms) -> Float64Array:
    """(n, 3) Å from reference to atoms, nearest images, less their mean."""
    cell = reference.cell[:]
    parts = (atoms.positions - reference.positions) @ np.linalg.inv(cell)
    return remove_mean((parts - np.round(parts)) @ cell)


def without_drift(atoms: Atoms, reference: Atoms) -> Atoms:
    """A copy of atoms whose mean move from the reference is nothing."""
    still: Atoms = atoms.copy()
    still.positions = reference.positions + moves(atoms, reference)
    return still


def rms_length(vectors: Float64Array) -> float:
    """RMS over atoms of the length of (n, 3) vectors: over three components, √3 times that per component."""
    return float(np.sqrt((vectors**2).sum(1).mean()))


def nearest_sites(atoms: Atoms, sites: Atoms) -> Int64Array:
    """(n,) row of the site that each atom is nearest to."""
    return site_distances(atoms.positions, sites, 1)[1][:, 0]


def rmsd_to_sites(atoms: Atoms, sites: Atoms) -> float:
    """RMSD over three components, Å, to the sites of a crystal of as many, less the mean."""
    return rms_length(remove_mean(vectors_to_sites(atoms.positions, sites)))


def longest_move(atoms: Atoms, reference: Atoms) -> float:
    """Length of the longest move, Å."""
    return float(np.linalg.norm(moves(atoms, reference), axis=1).max())
