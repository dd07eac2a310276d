"""Defects of any crystal as ASE Atoms, not yet relaxed: points, surfaces, boundaries, faults, dislocations.

All cells are periodic and lower triangular; planes lie across z. Lengths named so are in nearest-neighbour distances.
"""

import itertools

import numpy as np
from ase import Atoms
from scipy.spatial import Voronoi, cKDTree

from lammps_heal.crystals.crystal import Crystal, in_lammps_orientation, oriented_cell
from lammps_heal.crystals.prototypes import Dislocation, Plane, Triple
from lammps_heal.step.neighbours import Float64Array, Int64Array, periodic_ghosts

VACUUM = 4.5  # nn between a slab and its image: farther than the network's cutoff
SPLIT = 0.4  # nn, from the site to each of the two atoms of a dumbbell; relaxation finds the length
MERGED = 0.7  # nn: nearer atoms of two grains are one
SAME_HOLE = 0.05  # nn: holes whose room differs by less are of one kind
LATTICE_REACH = 4  # primitive vectors: how far the vectors of a plane are looked for
TWELFTHS = 12.0  # centring vectors have no finer parts of a cell
WITHIN = 1e-6  # rounding, in parts of a cell


def with_vacancies(sites: Atoms, n: int, rng: np.random.Generator) -> Atoms:
    """A copy without n atoms at random."""
    damaged: Atoms = sites.copy()
    del damaged[rng.choice(len(sites), n, replace=False)]
    return damaged


def with_cluster(sites: Atoms, n: int, rng: np.random.Generator) -> Atoms:
    """A copy without an atom at random and the n - 1 nearest to it: a divacancy, a trivacancy, a void."""
    damaged: Atoms = sites.copy()
    # A little off the site, so that of many as near it is chance which go.
    centre = sites.positions[rng.integers(len(sites))] + rng.normal(0.0, 0.05, 3)
    del damaged[np.argsort(_distances(sites, centre))[:n]]
    return damaged


def with_dumbbell(sites: Atoms, crystal: Crystal, direction: Triple, atom: int) -> Atoms:
    """A copy with one more atom of the same species: it and `atom` split the site along a direction of the cell."""
    along = np.array(direction) @ crystal.cell.cell[:]
    along *= SPLIT * crystal.nn / np.linalg.norm(along)
    split: Atoms = sites.copy()
    added = split[[atom]]
    split.positions[atom] -= along
    added.positions += along
    split.extend(added)
    return split


def with_atom_in_hole(sites: Atoms, hole: Float64Array, symbol: str) -> Atoms:
    """A copy with one more atom. hole: (3,) Å."""
    filled: Atoms = sites.copy()
    filled.extend(Atoms([symbol], positions=[hole]))
    return filled


def holes(crystal: Crystal) -> Float64Array:
    """(n, 3) Å: the roomiest place of each kind between the sites of the unit cell, the roomiest first.

    Places as far as can be from all atoms are corners of their Voronoi cells.
    """
    cell = crystal.cell.cell[:]
    ghosts = periodic_ghosts(crystal.cell.positions, cell, crystal.cell.pbc, 3.0 * crystal.nn)
    points = ghosts.positions(crystal.cell.positions)
    corners = Voronoi(points).vertices
    parts = corners @ np.linalg.inv(cell)
    corners = corners[((parts > -WITHIN) & (parts < 1.0 - WITHIN)).all(1)]
    room = cKDTree(points).query(corners)[0] / crystal.nn
    order = np.argsort(-room)
    corners, room = corners[order], room[order]
    is_new = np.diff(room, prepend=np.inf) < -SAME_HOLE
    return np.asarray(corners[is_new], np.float64)


def with_swaps(sites: Atoms, n: int, rng: np.random.Generator) -> Atoms:
    """A copy of a compound in which n pairs of atoms of two species have changed places: antisites."""
    swapped: Atoms = sites.copy()
    for _ in range(n):
        first = int(rng.integers(len(swapped)))
        second = int(rng.choice(np.flatnonzero(swapped.numbers != swapped.numbers[first])))
        swapped.numbers[[first, second]] = swapped.numbers[[second, first]]
    return swapped


def plane_vectors(crystal: Crystal, plane: Plane) -> Float64Array:
    """(3, 3), rows, in parts of the conventional cell: a primitive cell that shows a lattice plane.

    The first two vectors, as short as can be, lie in the plane of these Miller indices, the third leads to the next plane.
    """
    base = crystal.primitive_cell().cell[:] @ np.linalg.inv(crystal.cell.cell[:])
    reach = range(-LATTICE_REACH, LATTICE_REACH + 1)
    numbers = np.array(list(itertools.product(reach, repeat=3)))
    order = np.argsort(np.linalg.norm(numbers @ base @ crystal.cell.cell[:], axis=1), kind="stable")
    numbers = numbers[order[1:]]  # all but no vector at all
    level = np.round(numbers @ base @ np.array(plane) * TWELFTHS).astype(np.int64)
    flat, above = numbers[level == 0], numbers[level == np.abs(level[level != 0]).min()]
    second = next(v for v in flat if np.any(np.cross(flat[0], v)))
    vectors: Float64Array = np.array([flat[0], second, above[0]]) @ base
    return vectors


def plane_cell(crystal: Crystal, plane: Plane) -> Atoms:
    """The cell of `plane_vectors`, the plane across z."""
    return oriented_cell(crystal, plane_vectors(crystal, plane))


def slab(crystal: Crystal, plane: Plane, width: float, thickness: float, rng: np.random.Generator) -> Atoms:
    """A slab with two free surfaces, of which one may be rough: vacancies, an adatom, or a terrace at random.

    width, thickness: nn, the least.
    """
    roughness = str(rng.choice(["smooth", "smooth", "vacancy", "adatom", "terrace"]))
    block = _repeated(plane_cell(crystal, plane), width * crystal.nn, thickness * crystal.nn)
    cell, height = block.cell[:], block.cell[2, 2]
    layer = np.flatnonzero(block.positions[:, 2] > block.positions[:, 2].max() - 0.4 * crystal.nn)
    if roughness == "vacancy":
        del block[[int(rng.choice(layer))]]
    elif roughness == "adatom":
        del block[np.setdiff1d(layer, rng.choice(layer, 1))]
    elif roughness == "terrace":
        del block[layer[block.get_scaled_positions()[layer, 0] < 0.5]]
    block.set_cell([cell[0], cell[1], [0.0, 0.0, height + VACUUM * crystal.nn]])
    return block


def mirror_boundary(crystal: Crystal, plane: Plane, width: float, thickness: float, shift: Float64Array | None = None) -> Atoms:
    """Two grains, mirror images in a plane of the crystal, and so two boundaries; a twin where the plane makes one.

    width: nn. thickness: nn, of each grain. shift: (2,) of the second grain along the plane, in parts of its period; None:
    the two share the layer of atoms that they are mirrored in. Atoms of the two grains that come too near are one.
    """
    cell = plane_cell(crystal, plane)
    grain = _repeated(cell, width * crystal.nn, thickness * crystal.nn)
    grain.positions[:, 2] -= grain.positions[:, 2].min()
    apart = 0.0 if shift is None else cell.cell[2, 2]
    height = grain.positions[:, 2].max() + apart
    mirrored = grain.copy()
    mirrored.positions *= [1.0, 1.0, -1.0]
    mirrored.positions += [0.0, 0.0, 2.0 * height - apart]
    if shift is not None:
        mirrored.positions += shift @ cell.cell[:2]
    both: Atoms = grain + mirrored
    both.set_cell([grain.cell[0], grain.cell[1], [0.0, 0.0, 2.0 * height]])
    both.wrap(eps=WITHIN)
    return _merged(both, MERGED * crystal.nn)


def faulted(crystal: Crystal, plane: Plane, shift: Triple, width: float, thickness: float) -> list[Atoms]:
    """Periodic blocks with one stacking fault each: what lies above the block is shifted along the plane.

    shift: in parts of the conventional cell. A block for each place between two layers of a primitive cell where the fault
    can be, and for either sense of the shift: that of least energy is the stacking fault.
    """
    vectors, cell = plane_vectors(crystal, plane), plane_cell(crystal, plane)
    # The rotation of oriented_cell.
    moved = np.array(shift) @ np.linalg.inv(vectors) @ cell.cell[:]
    blocks = []
    for cut, sense in itertools.product(_gaps(cell), (1.0, -1.0)):
        cut_cell = cell.copy()
        cut_cell.positions -= cut * cell.cell[2]
        cut_cell.wrap()
        block = _repeated(cut_cell, width * crystal.nn, thickness * crystal.nn)
        block.set_cell(block.cell[:] + np.outer([0.0, 0.0, 1.0], sense * moved))
        blocks.append(in_lammps_orientation(block))
    return blocks


def dislocation_dipole(crystal: Crystal, dislocation: Dislocation, width: float, height: float, length: float) -> Atoms:
    """Two dislocations of opposite sign in a periodic cell: lines along x, Burgers vectors in glide planes across z.

    The lower half misfits the upper by one Burgers vector over the width: relaxation gathers the misfit of either plane
    between them into a dislocation. The cell is sheared by half a Burgers vector, so that the two, and their images, lie
    where what they do to one another adds up to nothing. width, height, length: nn, the least, along glide direction,
    normal and line.
    """
    axes = oriented_cell(crystal, np.array([dislocation.line, dislocation.glide, dislocation.normal]))
    # Between two layers, so that neither half loses one.
    axes.positions[:, 2] -= _gaps(axes)[-1] * axes.cell[2, 2]
    axes.wrap(eps=WITHIN)
    needed = zip((length, width, 0.5 * height), axes.cell.lengths(), strict=True)
    n_x, n_y, n_z = (int(np.ceil(n * crystal.nn / period - WITHIN)) for n, period in needed)
    upper, lower = axes.repeat((n_x, n_y, n_z)), axes.repeat((n_x, n_y, n_z))
    box, burgers = upper.cell.lengths(), axes.cell[0 if dislocation.character == "screw" else 1]
    if dislocation.character == "screw":
        lower.positions += np.outer(lower.positions[:, 1] / box[1], burgers)
    else:
        lower = axes.repeat((n_x, n_y - 1, n_z))
        lower.positions[:, 1] *= n_y / (n_y - 1)
    upper.positions[:, 2] += box[2]
    both: Atoms = lower + upper
    both.set_cell(np.diag([box[0], box[1], 2.0 * box[2]]) + np.outer([0.0, 0.0, 0.5], burgers))
    both.wrap(eps=WITHIN)
    return both


def _gaps(cell: Atoms) -> list[float]:
    """Places, in parts of the cell's height, half-way between its layers of atoms."""
    heights = np.sort((cell.get_scaled_positions()[:, 2] + WITHIN) % 1.0 - WITHIN)
    layers = heights[np.diff(heights, prepend=-1.0) > WITHIN]
    following = np.append(layers[1:], layers[0] + 1.0)
    return [float(gap) for gap in 0.5 * (layers + following)]


def _repeated(cell: Atoms, width: float, thickness: float) -> Atoms:
    """As many cells as make both heights along the plane at least so wide, and the one across it so thick, Å."""
    area = float(np.linalg.norm(np.cross(cell.cell[0], cell.cell[1])))
    heights = [area / cell.cell.lengths()[1], area / cell.cell.lengths()[0], cell.cell[2, 2]]
    needed = zip((width, width, thickness), heights, strict=True)
    block: Atoms = cell.repeat([int(np.ceil(length / height - WITHIN)) for length, height in needed])
    return block


def _merged(atoms: Atoms, reach: float) -> Atoms:
    """Without one of each two atoms that are nearer than reach, Å."""
    ghosts = periodic_ghosts(atoms.positions, atoms.cell[:], atoms.pbc, reach)
    owners: Int64Array = ghosts.owners()
    pairs = cKDTree(ghosts.positions(atoms.positions)).query_pairs(reach, output_type="ndarray")
    kept = np.ones(len(atoms), bool)
    for first, second in np.sort(owners[pairs], axis=1):
        if kept[first] and first != second:
            kept[second] = False
    merged: Atoms = atoms[kept]
    return merged


def _distances(sites: Atoms, point: Float64Array) -> Float64Array:
    """(n,) Å from a point to the nearest image of each site."""
    parts = (sites.positions - point) @ np.linalg.inv(sites.cell[:])
    lengths: Float64Array = np.linalg.norm((parts - np.round(parts)) @ sites.cell[:], axis=1)
    return lengths
