"""Does a crystal stay the phase that it is? Asked of a joint model: of each of its crystals, and of layers of two."""

from collections.abc import Iterator

import numpy as np
from ase import Atoms

from lammps_heal.analysis.local_structure import shells_of
from lammps_heal.crystals.acceptance import MEV, NOISE, STEPS, Acceptance, with_noise
from lammps_heal.crystals.crystal import Crystal
from lammps_heal.crystals.thorough import labels
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.tables import at_least

STRONG = 0.18  # nn; 0.5 Å in platinum
KEPT = 0.99  # of the atoms
# Close-packed layers by where they lie over the first: half of them as in fcc, half as in hcp.
LAYERS = "ABCABCABCABC" + "ABABABABABAB"


def phases(acceptance: Acceptance) -> Iterator[Row]:
    """Labels after strong noise; of fcc also those of layers of fcc on hcp, beside their own at rest."""
    crystal = acceptance.crystal
    label = shells_of(crystal.structure).label
    sites = crystal.block(acceptance.size.edge)
    start = with_noise(sites, STRONG * crystal.nn, acceptance.rng(10))
    healed, minimised = acceptance.heal(start, STEPS), acceptance.work.relaxed(start)[0]
    parts = [float((labels(atoms, crystal) == label).mean()) for atoms in (healed, minimised)]
    structure = f"σ {STRONG:g} nn, {len(sites):,} atoms"
    yield row("phases", structure, f"atoms that are {crystal.structure}", at_least(KEPT), parts[0], parts[1], STEPS)
    if crystal.structure == "fcc":
        yield from _layers(acceptance)


def _layers(acceptance: Acceptance) -> Iterator[Row]:
    crystal, work = acceptance.crystal, acceptance.work
    sites, energy = work.relaxed(fcc_on_hcp(crystal, acceptance.size.edge))
    own = labels(sites, crystal)
    start = with_noise(sites, NOISE * crystal.nn, acceptance.rng(11))
    healed, (minimised, reached) = acceptance.heal(start, STEPS), work.relaxed(start)
    parts = [float((labels(atoms, crystal) == own).mean()) for atoms in (healed, minimised)]
    structure = f"{(own == 1).sum():,} atoms fcc on {(own == 2).sum():,} hcp, σ {NOISE:g} nn"
    yield row("phases", structure, "labels as at rest", at_least(KEPT), parts[0], parts[1], STEPS)
    excess = MEV * (work.energy(healed) - energy)
    yield row("phases", structure, "excess, meV/atom", None, excess, MEV * (reached - energy), STEPS)


def fcc_on_hcp(crystal: Crystal, edge: float) -> Atoms:
    """Layers of both, of the crystal's element, at its nearest-neighbour distance. edge: nn, of their box, at least."""
    n_x, n_y = (int(np.ceil(edge / length)) for length in (1.0, np.sqrt(3.0)))
    layer = np.array([[0.0, 0.0, 0.0], [0.5, np.sqrt(0.75), 0.0]])
    spacing = np.sqrt(2.0 / 3.0)
    shifts = [[0.0, "ABC".index(name) / np.sqrt(3.0), number * spacing] for number, name in enumerate(LAYERS)]
    positions = crystal.nn * np.concatenate([layer + shift for shift in shifts])
    cell = crystal.nn * np.array([1.0, np.sqrt(3.0), len(LAYERS) * spacing])
    stack: Atoms = Atoms([crystal.elements[0]] * len(positions), positions=positions, cell=cell, pbc=True).repeat((n_x, n_y, 1))
    return stack
