"""What a training draws from: clean crystals, relaxed defects, thermal snapshots; what it validates on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from lammps_heal.analysis.sites import read_structures, vectors_to_sites
from lammps_heal.errors import HealError
from lammps_heal.training.lengths import PARTS_OF_LATTICE_CONSTANT
from lammps_heal.training.mixture import Fractions
from lammps_heal.training.recipe import Crystal

CRYSTAL, DEFECT, THERMAL = "crystal", "defect", "thermal"
START = "start"  # name of the array of hot positions, (n, 3) Å, beside the quenched ones
HELD_OUT = 0.1  # part of each group of structures, drawn at random, that validates and is not trained on
VALIDATION_SEED = 918273


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


@dataclass(frozen=True)
class Split:
    """Structures to train on and to validate on. groups: rows of `training` that are of each group."""

    training: list[Atoms]
    validation: list[Atoms]
    groups: dict[str, list[int]]


def split(structures: Sequence[Atoms], fractions: Fractions) -> Split:
    """Hold out a part of each group. Raises HealError where a group that is to be drawn from is too small for that."""
    result = Split([], [], {})
    for group, fraction in ((CRYSTAL, 1.0), (DEFECT, fractions.defect), (THERMAL, fractions.thermal)):
        members = [atoms for atoms in structures if group_of(atoms) == group]
        n_held_out = int(HELD_OUT * len(members))
        if n_held_out == 0 and fraction > 0.0:
            needed = math.ceil(1 / HELD_OUT)
            raise HealError(f"training needs at least {needed} structures ({group}), got {len(members)}: run make data")
        order = np.random.default_rng(VALIDATION_SEED).permutation(len(members))
        result.validation.extend(members[i] for i in order[:n_held_out])
        n_before, n_trained = len(result.training), len(members) - n_held_out
        result.groups[group] = list(range(n_before, n_before + n_trained))
        result.training.extend(members[i] for i in order[n_held_out:])
    return result


@dataclass(frozen=True)
class Lattice:
    """Of the perfect crystals among the structures, Å: lattice constant of the relaxed one, and of all of them."""

    constant: float
    smallest: float
    largest: float
    nearest_neighbour: float


def lattice_of(structures: Sequence[Atoms], crystal: Crystal) -> Lattice:
    """Lattice constants of fcc structures, from the volume of an atom in the perfect ones.

    Perfect cells are crystals of 4 n^3 atoms; the first of them is the relaxed one. Raises HealError where there is
    none, or the structures are of other elements than the recipe names.
    """
    elements = {symbol for atoms in structures for symbol in atoms.get_chemical_symbols()}
    if elements != set(crystal.elements) or len(elements) != 1:
        raise HealError(
            f"structures must be of the one element that the recipe names, needed {', '.join(crystal.elements)}, "
            f"got {', '.join(sorted(elements))}: mend elements in [crystal], or files in [data]"
        )
    crystals = [atoms for atoms in structures if group_of(atoms) == CRYSTAL]
    perfect = [atoms for atoms in crystals if round((len(atoms) / 4) ** (1 / 3)) ** 3 * 4 == len(atoms)]
    if not perfect:
        raise HealError("structures must include perfect cubic cells of 4 n^3 atoms, which tell the lattice constants")
    constants = [float((4.0 * atoms.get_volume() / len(atoms)) ** (1 / 3)) for atoms in perfect]
    nearest = constants[0] * PARTS_OF_LATTICE_CONSTANT[crystal.structure]
    return Lattice(constants[0], min(constants), max(constants), nearest)
