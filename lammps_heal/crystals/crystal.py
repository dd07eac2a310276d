"""One crystal, described once: its unit cell, elements and neighbour shells. Everything else asks it.

Lengths that depend on the crystal are in nearest-neighbour distances (nn) wherever another crystal could come.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii, reference_states
from ase.neighborlist import neighbor_list

from lammps_heal.crystals.prototypes import PROTOTYPES, Prototype
from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import Float64Array, Int64Array

SHELL_REACH = 2.5  # nn: shells farther out are beyond every cutoff
BLOCK_SEED = 5_050  # of the elements of an alloy in a block; what it is made for may draw them anew
WITHIN = 1.0e-6  # rounding, in parts of a cell
SAME_SHELL = 0.04  # nn: a smaller step from one distance to the next is within a shell (hcp away from the ideal c/a)


@dataclass(frozen=True)
class Shell:
    """Neighbours at one distance. distance: nn. n_neighbours: of an atom, a mean where atoms differ."""

    distance: float
    n_neighbours: float


@dataclass(frozen=True)
class Crystal:
    """A crystal structure with its elements and lengths.

    structure: a name of PROTOTYPES, or the name of the file that the unit cell came from. elements: in the order of
    LAMMPS's types. cell: the conventional unit cell, lower triangular as LAMMPS has it, lengths in Å. composition: of an
    alloy, mean shares of the elements, which are at random on all sites; its unit cell shows the first alone. spread: of
    the shares from structure to structure, either way.
    """

    structure: str
    elements: tuple[str, ...]
    cell: Atoms
    composition: tuple[float, ...] = ()
    spread: float = 0.0

    @property
    def prototype(self) -> Prototype | None:
        """What is typical of the structure; None where it has no name."""
        return PROTOTYPES.get(self.structure)

    @cached_property
    def nn(self) -> float:
        """Nearest-neighbour distance, Å: the shortest in the crystal."""
        reach = 2.0 * float((self.cell.get_volume() / len(self.cell)) ** (1 / 3))
        return float(neighbor_list("d", self.cell, reach).min())

    @property
    def lattice_constant(self) -> float:
        """Length of the conventional cell's first vector, Å: a of every named structure."""
        return float(self.cell.cell.lengths()[0])

    @property
    def volume_per_atom(self) -> float:
        """Å³."""
        return float(self.cell.get_volume() / len(self.cell))

    @cached_property
    def shells(self) -> list[Shell]:
        """Neighbour shells within SHELL_REACH, nearest first."""
        distances = np.sort(neighbor_list("d", self.cell, SHELL_REACH * self.nn)) / self.nn
        starts = np.flatnonzero(np.diff(distances, prepend=-1.0) > SAME_SHELL)
        return [Shell(float(part.mean()), len(part) / len(self.cell)) for part in np.split(distances, starts[1:])]

    @property
    def is_open(self) -> bool:
        """Whether an atom has no more than four nearest neighbours, as in diamond."""
        return self.shells[0].n_neighbours <= 4.5

    @property
    def nearest_shell(self) -> float:
        """Å: between the nearest neighbours and the next."""
        return self.nn * 0.5 * (self.shells[0].distance + self.shells[1].distance)

    def repeat(self, n: int | tuple[int, int, int]) -> Atoms:
        """n cells along each vector, or so many along each of the three."""
        repeated: Atoms = self.cell.repeat(n)
        return repeated

    def block(self, least_length: float) -> Atoms:
        """As many cells as make every height of the box at least so long, nn."""
        # The columns of the inverse are the reciprocal vectors: 1 / their length is the spacing of the faces.
        inverse = np.linalg.inv(self.cell.cell[:])
        n_x, n_y, n_z = np.ceil(least_length * self.nn * np.linalg.norm(inverse, axis=0) - WITHIN).astype(int)
        block = self.repeat((int(n_x), int(n_y), int(n_z)))
        return self.mixed(block, np.random.default_rng(BLOCK_SEED), self.composition)

    def mixed(self, atoms: Atoms, rng: np.random.Generator, shares: tuple[float, ...] = ()) -> Atoms:
        """Of an alloy a copy with its elements at random on all atoms; of another crystal a copy.

        shares: of the elements; by default drawn within the spread of the composition.
        """
        alloy: Atoms = atoms.copy()
        if self.composition:
            parts = np.array(shares or self.drawn_shares(rng))
            ends = np.round(np.cumsum(parts / parts.sum()) * len(alloy)).astype(int)
            numbers = [atomic_numbers[element] for element in self.elements]
            alloy.numbers[:] = rng.permutation(np.repeat(numbers, np.diff(ends, prepend=0)))
        return alloy

    def drawn_shares(self, rng: np.random.Generator) -> tuple[float, ...]:
        """Of the elements of an alloy, within the spread of its composition."""
        change = rng.uniform(-1.0, 1.0, len(self.composition))
        change -= change.mean()
        change *= self.spread * rng.random() / max(float(np.abs(change).max()), WITHIN)
        return tuple(float(share) for share in np.clip(np.array(self.composition) + change, 0.0, 1.0))

    def primitive_cell(self) -> Atoms:
        """The smallest cell that repeats; the conventional one where the structure has no name."""
        if self.prototype is None:
            return self.repeat(1)
        vectors = self.prototype.translations()
        primitive: Atoms = Atoms(cell=vectors @ self.cell.cell[:], pbc=True)
        parts = self.cell.get_scaled_positions() @ np.linalg.inv(vectors)
        parts = (parts + WITHIN) % 1.0 - WITHIN
        for atom, part in zip(self.cell, parts, strict=True):
            if all(np.linalg.norm(part - kept) > 2.0 * WITHIN for kept in primitive.get_scaled_positions()):
                primitive += Atoms([atom.symbol], positions=[part @ primitive.cell[:]])
        return primitive

    def scaled(self, factor: float) -> "Crystal":
        """The same crystal with all lengths times a factor."""
        cell = self.cell.copy()
        cell.set_cell(factor * cell.cell[:], scale_atoms=True)
        return replace(self, cell=cell)


def guess(
    structure: str,
    elements: tuple[str, ...],
    lattice_constant: float | None = None,
    composition: tuple[float, ...] = (),
    spread: float = 0.0,
) -> Crystal:
    """The crystal at the lattice constant given, Å, or at a guessed one; LAMMPS relaxes it.

    structure: a name of PROTOTYPES or a file with a unit cell that ASE reads. composition, spread: of an alloy. Raises HealError
    where it is neither, or its number of species is not that of the elements.
    """
    for element in elements:
        if element not in atomic_numbers:
            raise HealError(f'"{element}" is no chemical element: give symbols as "Ni Al", in the order of the LAMMPS types')
    if composition:
        _require_composition(structure, elements, composition, spread)
    if structure not in PROTOTYPES:
        return _from_file(structure, elements)
    prototype = PROTOTYPES[structure]
    if composition:
        nearest = [_guessed_nn((element,)) for element in elements]
        alone = guess(structure, elements[:1], lattice_constant)
        factor = 1.0 if lattice_constant is not None else float(np.dot(composition, nearest)) / alone.nn
        return Crystal(structure, elements, alone.scaled(factor).cell, composition, spread)
    if len(elements) != prototype.n_species:
        raise HealError(f"{structure} has {prototype.n_species} species, got the elements {' '.join(elements)}: give as many")
    cell = Atoms(
        [elements[s] for s in prototype.species], scaled_positions=prototype.basis, cell=np.array(prototype.shape), pbc=True
    )
    unscaled = Crystal(structure, elements, cell)
    factor = lattice_constant if lattice_constant is not None else _guessed_nn(elements) / unscaled.nn
    if not 0.0 < factor < np.inf:
        raise HealError(f"the lattice constant must be a length above 0 Å, got {lattice_constant}")
    return unscaled.scaled(factor)


def _require_composition(structure: str, elements: tuple[str, ...], composition: tuple[float, ...], spread: float) -> None:
    """Raises HealError for what is no alloy on the sites of one element."""
    is_of_one = structure in PROTOTYPES and PROTOTYPES[structure].n_species == 1
    if not is_of_one:
        of_one = ", ".join(name for name, prototype in PROTOTYPES.items() if prototype.n_species == 1)
        raise HealError(f"an alloy with a composition has its elements at random on the sites of {of_one}, got {structure}")
    fits = len(composition) == len(elements) and min(composition) > 0.0 and abs(sum(composition) - 1.0) < WITHIN
    if not fits or not 0.0 <= spread < 1.0:
        raise HealError(
            f"composition must be a share above 0 for each of {' '.join(elements)}, together 1, and spread below 1, "
            f"got {list(composition)} and {spread}: as composition = [0.5, 0.5], spread = 0.2"
        )


def _from_file(structure: str, elements: tuple[str, ...]) -> Crystal:
    path = Path(structure)
    if not path.is_file():
        raise HealError(f'structure "{structure}" is neither a file nor one of {", ".join(PROTOTYPES)}: name one, or a unit cell')
    try:
        [cell] = ase.io.iread(path)
    except Exception as reason:
        raise HealError(f'"{path}" is no unit cell that ASE reads ({reason}): give another format, as CIF or POSCAR') from reason
    if not (cell.cell.rank == 3 and len(cell)):
        raise HealError(f'"{path}" must hold atoms in a cell of three vectors: give a unit cell')
    strangers = sorted(set(cell.get_chemical_symbols()) - set(elements))
    if strangers:
        raise HealError(f'"{path}" holds {", ".join(strangers)}, the elements are {" ".join(elements)}: give those of the file')
    bare = Atoms(cell.symbols, positions=cell.positions, cell=cell.cell, pbc=True)
    return Crystal(path.stem, elements, in_lammps_orientation(bare))


def _guessed_nn(elements: tuple[str, ...]) -> float:
    """Å: of the element at room temperature (ASE's table), or the sum of covalent radii."""
    numbers = [atomic_numbers[e] for e in elements]
    reference: dict[str, Any] = (reference_states[numbers[0]] if len(numbers) == 1 else None) or {}
    nn_of_a = {"fcc": 0.5**0.5, "bcc": 0.75**0.5, "hcp": 1.0, "diamond": 0.1875**0.5}
    if reference.get("symmetry") in nn_of_a:
        return float(reference["a"] * nn_of_a[reference["symmetry"]])
    return 2.0 * float(np.mean([float(covalent_radii[n]) for n in numbers]))


def in_lammps_orientation(atoms: Atoms) -> Atoms:
    """The same crystal, turned so that the cell is lower triangular with positive diagonal, as LAMMPS has it.

    Mirrored too where its vectors are left-handed: no energy knows.
    """
    lower, _ = np.linalg.qr(atoms.cell[:].T)
    triangular = atoms.cell[:] @ lower
    triangular *= np.sign(np.diag(triangular))
    turned: Atoms = atoms.copy()
    turned.set_cell(triangular)
    turned.positions = atoms.get_scaled_positions(wrap=False) @ triangular
    return turned


def oriented_cell(crystal: Crystal, vectors: Float64Array) -> Atoms:
    """The cell of three lattice vectors (rows, in parts of the conventional cell), turned as LAMMPS has it.

    Raises HealError where they are no vectors of the lattice.
    """
    primitive = crystal.primitive_cell()
    base = primitive.cell[:] @ np.linalg.inv(crystal.cell.cell[:])
    numbers = vectors @ np.linalg.inv(base)
    if not np.allclose(numbers, np.round(numbers), atol=WITHIN):
        raise HealError(f"{vectors.tolist()} are no lattice vectors of {crystal.structure}")
    return in_lammps_orientation(_supercell(primitive, np.round(numbers).astype(np.int64)))


def _supercell(primitive: Atoms, numbers: Int64Array) -> Atoms:
    """Atoms of the primitive cell in the cell of the rows of numbers, (3, 3), in primitive vectors."""
    n_cells = abs(round(np.linalg.det(numbers)))
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) @ numbers
    low, high = corners.min(0), corners.max(0)
    grid = np.stack(np.meshgrid(*[np.arange(a, b + 1) for a, b in zip(low, high, strict=True)], indexing="ij"), -1).reshape(-1, 3)
    parts = grid @ np.linalg.inv(numbers)
    inside = grid[((parts > -WITHIN) & (parts < 1.0 - WITHIN)).all(1)]
    if len(inside) != n_cells:
        raise HealError(f"a cell of {n_cells} primitive cells came out as {len(inside)}: the vectors must not lie in a plane")
    shifts = inside @ primitive.cell[:]
    positions = (primitive.positions[None] + shifts[:, None]).reshape(-1, 3)
    return Atoms(np.tile(primitive.numbers, len(inside)), positions=positions, cell=numbers @ primitive.cell[:], pbc=True)
