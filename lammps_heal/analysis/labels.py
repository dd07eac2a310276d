"""Structure of each atom's neighbourhood: template matching where OVITO is installed, else LAMMPS's own analysis."""

import importlib.util

import numpy as np
from ase import Atoms

from lammps_heal.analysis.energies import common_neighbours
from lammps_heal.analysis.local_structure import BCC, FCC, HCP, shells_of
from lammps_heal.analysis.sites import site_distances
from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import Int64Array

KNOWN = (FCC, HCP, BCC)  # the same numbers in both analyses

# Å. OVITO 3.17 fails to match about one atom in 10,000 of a crystal that is perfect to 1e-9 Å, where Voronoi
# cells touch in points; none of 10,240 did with this noise or with 100 times as much.
SHAKEN = 1.0e-4


def has_ovito() -> bool:
    return importlib.util.find_spec("ovito") is not None


def analysis() -> str:
    """Which analysis the labels are of."""
    return "OVITO polyhedral template matching" if has_ovito() else "LAMMPS compute cna/atom"


def labels(atoms: Atoms, structure: str = "fcc") -> Int64Array:
    """(n,) 1 where an atom's neighbours lie as in fcc, 2 hcp, 3 bcc; other numbers are other structures or none.

    structure: of the crystal, by name. Raises HealError for one that the analysis does not know.
    """
    if shells_of(structure).label not in KNOWN:
        raise HealError(f"{analysis()} labels fcc, hcp and bcc, got {structure}")
    return template_labels(atoms) if has_ovito() else neighbour_labels(atoms, structure)


def template_labels(atoms: Atoms, cutoff: float = 0.1) -> Int64Array:
    """(n,) OVITO's template matching: 0 none, 1 fcc, 2 hcp, 3 bcc. cutoff: of the RMSD, 0.1 by OVITO's default."""
    from ovito.io.ase import ase_to_ovito
    from ovito.modifiers import PolyhedralTemplateMatchingModifier

    shaken = atoms.copy()
    shaken.positions += np.random.default_rng(0).normal(0.0, SHAKEN, atoms.positions.shape)
    data = ase_to_ovito(shaken)
    data.apply(PolyhedralTemplateMatchingModifier(rmsd_cutoff=cutoff))
    return np.array(data.particles["Structure Type"], np.int64)


def neighbour_labels(atoms: Atoms, structure: str = "fcc") -> Int64Array:
    """(n,) LAMMPS's common-neighbour analysis: 1 fcc, 2 hcp, 3 bcc, 4 icosahedral, 5 none."""
    shells = shells_of(structure)
    # The nearest-neighbour distance from the neighbours of each, for a slab's volume tells nothing.
    distances = site_distances(atoms.positions, atoms, 1 + shells.coordination)[0][:, 1:]
    nearest = float(np.median(distances[np.isfinite(distances)]))
    return common_neighbours(atoms, shells.bond * nearest)


def labelled_fraction(atoms: Atoms, structure: str = "fcc") -> float:
    """Part of the atoms whose neighbourhood is that of the structure."""
    return float((labels(atoms, structure) == shells_of(structure).label).mean())
