"""What a training draws from: clean crystals, relaxed defects, thermal snapshots; what it validates on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from lammps_heal.analysis.sites import read_structures, vectors_to_sites
from lammps_heal.errors import HealError
from lammps_heal.training.augmentations import VACANCIES
from lammps_heal.training.mixture import Fractions
from lammps_heal.training.recipe import Crystal, Recipe

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


def training_set(recipe: Recipe) -> tuple[list[Atoms], "Lattice"]:
    """The structures of a recipe and the lattice that lengths are of.

    Of a joint model each crystal's structures are scaled, so that all have the first one's nearest-neighbour distance, and
    the strains are those of all. Raises HealError as `read_training_structures` and `lattice_of`.
    """
    if not recipe.others:
        structures = read_training_structures(recipe.data)
        return structures, lattice_of(structures, recipe.crystal)
    read = [read_training_structures([path]) for path in recipe.data]
    lattices = [lattice_of(structures, crystal) for structures, crystal in zip(read, recipe.crystals, strict=True)]
    first = lattices[0]
    joint = replace(
        first,
        smallest=first.constant * min(lattice.smallest / lattice.constant for lattice in lattices),
        largest=first.constant * max(lattice.largest / lattice.constant for lattice in lattices),
        elements=tuple(dict.fromkeys(element for lattice in lattices for element in lattice.elements)),
    )
    scales = [first.nearest_neighbour / lattice.nearest_neighbour for lattice in lattices]
    return [_scaled(a, scale) for structures, scale in zip(read, scales, strict=True) for a in structures], joint


def _scaled(atoms: Atoms, scale: float) -> Atoms:
    """A copy with all lengths times a factor, those that its training uses."""
    scaled: Atoms = atoms.copy()
    scaled.set_cell(scale * atoms.cell[:], scale_atoms=True)
    if START in atoms.arrays:
        scaled.arrays[START] = scale * atoms.arrays[START]
    if VACANCIES in atoms.info:
        scaled.info[VACANCIES] = scale * np.asarray(atoms.info[VACANCIES], np.float64)
    return scaled


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
    """Of the perfect crystals among the structures, Å: lattice constant of the relaxed one, and of all of them.

    elements: of all structures, in the order of their species.
    """

    constant: float
    smallest: float
    largest: float
    nearest_neighbour: float
    elements: tuple[str, ...] = ("Pt",)

    def species(self, atoms: Atoms) -> NDArray[np.int64]:
        """(n,) number of each atom's element."""
        return np.array([self.elements.index(symbol) for symbol in atoms.get_chemical_symbols()], np.int64)


def lattice_of(structures: Sequence[Atoms], crystal: Crystal) -> Lattice:
    """Lattice constants of the perfect crystals, from the volume of an atom.

    Headers name structure and lengths of the relaxed crystal (crystals/structures.py); without them the crystals are fcc,
    and the first perfect one is relaxed. Raises HealError where there is none, or the structures are of others than the
    recipe names.
    """
    elements = {symbol for atoms in structures for symbol in atoms.get_chemical_symbols()}
    if elements != set(crystal.elements):
        raise HealError(
            f"structures must be of the elements that the recipe names, needed {', '.join(crystal.elements)}, "
            f"got {', '.join(sorted(elements))}: mend elements in [crystal], or files in [data]"
        )
    crystals = [atoms for atoms in structures if group_of(atoms) == CRYSTAL]
    found = {atoms.info.get("structure", "fcc") for atoms in structures}
    name = Path(crystal.structure).stem  # of a unit cell's file too
    if found != {name}:
        raise HealError(
            f"structures must be {name} as the recipe names, got {', '.join(sorted(found))}: mend [crystal] or [data]"
        )
    described = [atoms for atoms in crystals if "sites" in atoms.info]
    if not described:
        return _fcc_lattice(crystals, crystal.elements)
    constant, nearest = (float(described[0].info[key]) for key in ("lattice_constant", "nn"))
    volumes = [atoms.get_volume() / atoms.info["sites"] for atoms in described]
    relaxed = next((v for atoms, v in zip(described, volumes, strict=True) if "vacancies" not in atoms.info), None)
    if relaxed is None:
        raise HealError("structures must include a perfect crystal, the relaxed one first")
    constants = [constant * float((volume / relaxed) ** (1 / 3)) for volume in volumes]
    return Lattice(constant, min(constants), max(constants), nearest, crystal.elements)


def _fcc_lattice(crystals: Sequence[Atoms], elements: tuple[str, ...]) -> Lattice:
    """Perfect cells are crystals of 4 n^3 atoms; the first of them is the relaxed one."""
    perfect = [atoms for atoms in crystals if round((len(atoms) / 4) ** (1 / 3)) ** 3 * 4 == len(atoms)]
    if not perfect:
        raise HealError("structures must include perfect cubic cells of 4 n^3 atoms, which tell the lattice constants")
    constants = [float((4.0 * atoms.get_volume() / len(atoms)) ** (1 / 3)) for atoms in perfect]
    return Lattice(constants[0], min(constants), max(constants), constants[0] / math.sqrt(2.0), elements)
