"""About where a crystal melts, when nobody says: by what two rules of thumb say of its energies at rest.

Lindemann's rule: a crystal melts where its atoms swing by a certain part of the nearest-neighbour distance; here of
Einstein's crystal, each atom on the springs that its neighbours at rest are (F. A. Lindemann, Phys. Z. 11, 609 (1910)). In
bcc crystals that are soft, as vanadium, it says far too little; so for close-packed crystals of one element, of which a
vacancy costs some 10 k_B T_m, the geometric mean with that is taken. Where a vacancy costs nothing, as in a crystal that goes
over to one of lower energy around it, springs alone say it.
"""

import numpy as np
from ase import Atoms
from ase.units import kB

from lammps_heal.crystals.crystal import Crystal
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import Int64Array

EDGE = 4.0  # nn, least height of the crystal
MOVE = 0.005  # nn
MOST_ATOMS = 8  # that are moved, of an alloy or an unnamed structure
# RMS displacement of an atom of Einstein's crystal, per component, that it melts at, in nn; and formation energy of a
# vacancy in k_B T_m. Medians over close-packed potentials whose melting point is known (README.md); of open structures, which
# differ more, rather less than the median, since what is heated too far melts.
LINDEMANN, LINDEMANN_OF_OPEN = 0.0488, 0.042
VACANCY = 10.9


def estimated_melting_point(crystal: Crystal, work: LammpsWork) -> float:
    """K, to some 25 %. Raises HealError where an atom rests on no spring."""
    sites = crystal.block(EDGE)
    if crystal.composition:  # atoms of an alloy rest beside its sites
        sites = work.relaxed(sites)[0]
    largest = (LINDEMANN_OF_OPEN if crystal.is_open else LINDEMANN) * crystal.nn
    by_springs = largest**2 / _mean_compliance(sites, crystal, work) / kB
    if crystal.is_open or len(crystal.elements) > 1:
        return by_springs
    by_vacancy = _vacancy_energy(sites, work) / VACANCY / kB
    return float(np.sqrt(by_springs * by_vacancy)) if by_vacancy > 0.0 else by_springs


def _mean_compliance(sites: Atoms, crystal: Crystal, work: LammpsWork) -> float:
    """Å²/eV: mean over atoms and directions of 1 / spring constant of an atom whose neighbours rest."""
    at_rest, step = work.energy(sites), MOVE * crystal.nn
    found = []
    for atom in _different_atoms(sites, crystal):
        for direction in np.eye(3):
            moved = sites.copy()
            moved.positions[atom] += step * direction
            cost = (work.energy(moved) - at_rest) * len(sites)
            if not cost > 0.0:
                raise HealError(
                    f"the melting point cannot be estimated: an atom of {crystal.structure} {' '.join(crystal.elements)} that is "
                    f"moved by {step:.3f} Å costs {cost:.2g} eV: give --melting-point, if this is the structure that the "
                    "potential holds"
                )
            found.append(0.5 * step**2 / cost)
    return float(np.mean(found))


def _different_atoms(sites: Atoms, crystal: Crystal) -> Int64Array:
    """Rows of one atom of each element where the structure says which is where; else of some."""
    if crystal.prototype is not None and not crystal.composition:
        return np.unique(sites.numbers, return_index=True)[1]
    n_atoms = len(sites) if crystal.composition else len(crystal.cell)
    return np.unique(np.linspace(0, n_atoms - 1, MOST_ATOMS).round().astype(np.int64))


def _vacancy_energy(sites: Atoms, work: LammpsWork) -> float:
    """eV, at the volume of the crystal."""
    vacant = sites.copy()
    del vacant[0]
    return (work.relaxed(vacant)[1] - work.energy(sites)) * len(vacant)
