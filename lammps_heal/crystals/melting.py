"""About where a crystal melts, when nobody says: by Lindemann's rule, from how far its atoms swing when it is cold."""

import numpy as np

from lammps_heal.crystals.acceptance import moves
from lammps_heal.crystals.crystal import Crystal
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.crystals.structures import random_seed

COLD = 20.0  # K: so cold that every crystal is harmonic, argon too
SNAPSHOTS = 3
PS = 1.0  # of a heating
EDGE = 4.0  # nn, least height of the crystal
SEED = 1_910  # of the velocities
# RMS displacement of an atom, per component, that a crystal melts at, in nn.
LINDEMANN = 0.054  # fits potentials of which it is known (Pt, Cu, Al, Fe, Mg, Zr, Si, Ge, Ta, Ni3Al) to 25 %


def mean_square_displacement(crystal: Crystal, work: LammpsWork) -> float:
    """Per component and K, in nn², of the harmonic crystal."""
    rng = np.random.default_rng(SEED)
    sites = work.relaxed(crystal.block(EDGE))[0] if crystal.composition else crystal.block(EDGE)
    squares = [(moves(work.heated(sites, COLD, PS, random_seed(rng)), sites) ** 2).mean() for _ in range(SNAPSHOTS)]
    return float(np.mean(squares)) / COLD / crystal.nn**2


def estimated_melting_point(crystal: Crystal, work: LammpsWork) -> float:
    """K, to some 25 %."""
    return LINDEMANN**2 / mean_square_displacement(crystal, work)
