"""The unit cell as a potential has it: lengths relaxed, and a check that the potential holds the crystal at all."""

import numpy as np
from ase import Atoms

from lammps_heal.analysis.sites import count_defects
from lammps_heal.crystals.crystal import Crystal, guess
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.crystals.prototypes import CUBIC
from lammps_heal.errors import HealError
from lammps_heal.hosts.potential import Potential

SCAN_STEP = 0.02  # of all lengths, on the way downhill from the guessed ones
SCAN_STEPS = 25
SHAKE = 0.03  # nn: noise after which a crystal of this potential relaxes back
LARGE_ENOUGH = 3.0  # nn: least height of the crystal that is shaken
BACK = 1.0e-5  # eV/atom
LARGE_ALLOY = 6.0  # nn: least height of a piece of an alloy that stands for all of it
SEED = 4_711  # of the noise


def relaxed_crystal(
    structure: str,
    elements: tuple[str, ...],
    potential: Potential,
    lattice_constant: float | None = None,
    composition: tuple[float, ...] = (),
    spread: float = 0.0,
) -> Crystal:
    """The crystal with the lengths that the potential gives it at no pressure.

    structure: a name or a unit cell's file; lattice_constant: Å, to begin from. composition, spread: of an alloy. Raises
    HealError where the crystal is not one that this potential holds together.
    """
    work = LammpsWork(potential, elements)
    start = _downhill(work, guess(structure, elements, lattice_constant, composition, spread))
    box = "aniso" if start.prototype is not None else "tri"
    if composition and start.prototype is not None and start.prototype.shape == CUBIC:
        box = "iso"  # one piece of an alloy has unequal axes, their mean has not
    sample = _sample(start)
    relaxed, energy = work.relaxed(sample, box)
    cell = stretched_cell(start.cell, sample, relaxed) if composition else relaxed
    crystal = Crystal(start.structure, elements, _without_rounding(cell), composition, spread)
    if [shell.n_neighbours for shell in crystal.shells[:1]] != [shell.n_neighbours for shell in start.shells[:1]]:
        raise HealError(
            f'pair_style "{potential.pair_style}" takes {structure} {" ".join(elements)} to another structure '
            f"({crystal.shells[0].n_neighbours:g} nearest neighbours instead of {start.shells[0].n_neighbours:g}): "
            "name the structure that it holds"
        )
    _require_stable(work, crystal, energy)
    return crystal


def _downhill(work: LammpsWork, crystal: Crystal) -> Crystal:
    """All lengths times one factor, so that the energy is lowest, beginning at 1: a guess may be far off."""
    energies = {0: work.energy(_sample(crystal))}
    at = 0
    for _ in range(SCAN_STEPS):
        for step in (at - 1, at + 1):
            if step not in energies:
                energies[step] = work.energy(_sample(crystal.scaled((1.0 + SCAN_STEP) ** step)))
        lowest = min((at - 1, at, at + 1), key=energies.__getitem__)
        if lowest == at:
            return crystal.scaled((1.0 + SCAN_STEP) ** at)
        at = lowest
    raise HealError(
        f"no lattice constant of {crystal.structure} {' '.join(crystal.elements)} has a least energy with pair_style "
        f'"{work.potential.pair_style}" near {crystal.lattice_constant:.3f} Å: give one, or check the elements of pair_coeff'
    )


def _sample(crystal: Crystal) -> Atoms:
    """What shows energy and lengths: the unit cell, or a piece of an alloy."""
    return crystal.block(LARGE_ALLOY) if crystal.composition else crystal.cell


def stretched_cell(cell: Atoms, before: Atoms, after: Atoms) -> Atoms:
    """The unit cell with its lengths changed as those of a block of such cells."""
    changed: Atoms = cell.copy()
    changed.set_cell(cell.cell[:] @ np.linalg.inv(before.cell[:]) @ after.cell[:], scale_atoms=True)
    return changed


def _without_rounding(cell: Atoms) -> Atoms:
    """The cell with the first atom at the origin."""
    moved: Atoms = cell.copy()
    moved.positions -= moved.positions[0]
    moved.wrap(eps=1e-6)
    return moved


def _require_stable(work: LammpsWork, crystal: Crystal, energy: float) -> None:
    sites = crystal.block(LARGE_ENOUGH)
    if crystal.composition:  # whose atoms rest beside their sites
        sites, energy = work.relaxed(sites)
    shaken = sites.copy()
    shaken.positions += np.random.default_rng(SEED).normal(0.0, SHAKE * crystal.nn, sites.positions.shape)
    back, reached = work.relaxed(shaken)
    defects = count_defects(back.positions, sites)
    if defects.vacancies or abs(reached - energy) > BACK:
        raise HealError(
            f'{crystal.structure} {" ".join(crystal.elements)} is not stable with pair_style "{work.potential.pair_style}": '
            f"shaken by {SHAKE} nn it relaxes to {1000 * (reached - energy):+.3f} meV/atom; name the structure that it holds"
        )
