"""Relaxed-to-be defects of fcc platinum: surfaces, faults, boundaries, dislocations, a void and a dumbbell.

At the lattice constant of 0 K, not yet relaxed. Planar defects and dislocations are stacks of (111) layers: x along
[1-10], y along [11-2], z along [111].
"""

from collections.abc import Callable
from dataclasses import dataclass

import ase.build
import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from lammps_heal.evaluation.cells import PLATINUM, perfect_crystal, with_dumbbell, with_void

ELEMENT, LATTICE_CONSTANT = PLATINUM.element, PLATINUM.constant
VACUUM = 12.0  # Å between a slab and its image; Pt_u3.eam reaches 5.3 Å, a healing step 6 Å


@dataclass(frozen=True)
class DefectCell:
    """sites: the lattice that defects are counted on; None: the quenched structure's own sites.

    free: which lengths of the box a barostat may change (inputs/in.thermal): iso, aniso or xy (slabs).
    """

    atoms: Atoms
    sites: Atoms | None = None
    free: str = "iso"


def stack(sequence: str, nx: int, ny: int, columns: list[int] | None = None) -> Atoms:
    """(111) layers A, B and C in this order, periodic, each of nx × ny rectangles of two atoms.

    columns: the number of rectangles along x in each layer, where it is not nx: stretched to the same length.
    """
    width, height = LATTICE_CONSTANT / np.sqrt(2), LATTICE_CONSTANT * np.sqrt(1.5)
    spacing = LATTICE_CONSTANT / np.sqrt(3)
    positions = []
    for number, (letter, n) in enumerate(zip(sequence, columns or [nx] * len(sequence), strict=True)):
        i, j, half = (index.ravel() for index in np.meshgrid(range(n), range(ny), (0.0, 0.5), indexing="ij"))
        shift = "ABC".index(letter) / 3
        layer = [(i + half) * width * nx / n, (j + half + shift) * height, np.full(len(i), number * spacing)]
        positions.append(np.stack(layer, 1))
    cell = [nx * width, ny * height, len(sequence) * spacing]
    return Atoms(f"{ELEMENT}{sum(map(len, positions))}", positions=np.concatenate(positions), cell=cell, pbc=True)


def stacking_fault(nx: int, ny: int, triples: int) -> Atoms:
    """One intrinsic fault: ABC … ABC AB, then A again."""
    return stack("ABC" * triples + "AB", nx, ny)


def twin(nx: int, ny: int, triples: int) -> Atoms:
    """Two coherent twin boundaries, at the first layer and half-way: A BCABC … A … CBACB."""
    forward = "ABC" * triples + "A"
    return stack(forward + forward[-2:0:-1], nx, ny)


def dislocation_dipole(nx: int, ny: int, triples: int) -> Atoms:
    """Two edge dislocations, lines along [11-2], Burgers vectors ±a/2 [1-10].

    The upper half of the layers has one column less, stretched to the same length: relaxing gathers the
    misfit in a dislocation at either edge of that half.
    """
    sequence = "ABC" * (2 * triples)
    return stack(sequence, nx, ny, [nx] * (3 * triples) + [nx - 1] * (3 * triples))


# The Σ5 boundary of least energy among translations of 1/8 of the periods, openings of 0.2 Å and mergers of
# close atoms, each relaxed with Pt_u3.eam.
MERGED = 0.6  # of the nearest-neighbour distance: nearer atoms are one
OPENING = 0.2  # Å at each boundary
TRANSLATION = (0.0, 0.0)  # of grain two, parts of the periods along [-120] and [001]


def sigma5_boundary(
    n_normal: int,
    nx: int,
    nz: int,
    translation: tuple[float, float] = TRANSLATION,
    opening: float = OPENING,
    merged: float = MERGED,
) -> Atoms:
    """Two symmetric Σ5 (210) [001] tilt boundaries, normal to y; each grain n_normal periods (a √5) thick."""
    period = LATTICE_CONSTANT * np.sqrt(5)
    thickness = n_normal * period
    # Lattice points of the grain, turned so that [210] is y and [001] is z.
    reach = 3 * (n_normal + 1)
    points = np.stack(np.meshgrid(*[np.arange(-2 * reach, 2 * reach + 1)] * 2, np.arange(2), indexing="ij"), -1).reshape(-1, 3)
    points = points[points.sum(1) % 2 == 0] * LATTICE_CONSTANT / 2
    turned = np.stack([(-points[:, 0] + 2 * points[:, 1]), (2 * points[:, 0] + points[:, 1])], 1) / np.sqrt(5)
    grain = np.column_stack([turned, points[:, 2]])
    edge = 1e-6
    inside = (grain[:, 0] > -edge) & (grain[:, 0] < period - edge) & (grain[:, 1] > -edge) & (grain[:, 1] < thickness + edge)
    grain = grain[inside]
    mirrored = grain[(grain[:, 1] > edge) & (grain[:, 1] < thickness - edge)] * [1, -1, 1]
    mirrored += [translation[0] * period, 2 * thickness + opening, translation[1] * LATTICE_CONSTANT]
    cell = np.array([period, 2 * (thickness + opening), LATTICE_CONSTANT])
    positions = np.concatenate([grain, mirrored]) % cell
    near = cKDTree(positions, boxsize=cell).query_pairs(merged * LATTICE_CONSTANT / np.sqrt(2), output_type="ndarray")
    kept = np.setdiff1d(np.arange(len(positions)), near[:, 1])
    boundary: Atoms = Atoms(f"{ELEMENT}{len(kept)}", positions=positions[kept], cell=cell, pbc=True).repeat((nx, 1, nz))
    return boundary


def slab(face: str, nx: int, ny: int, layers: int) -> Atoms:
    """A slab with two free surfaces of this face (100, 110 or 111), normal to z, periodic across a vacuum."""
    build: Callable[..., Atoms] = {"100": ase.build.fcc100, "110": ase.build.fcc110, "111": ase.build.fcc111}[face]
    options = {"orthogonal": True} if face == "111" else {}
    made = build(ELEMENT, size=(nx, ny, layers), a=LATTICE_CONSTANT, vacuum=VACUUM / 2, **options)
    made.pbc = True
    return Atoms(made.get_chemical_symbols(), positions=made.positions, cell=made.cell, pbc=True)


def defect_cells(quick: bool = False) -> dict[str, DefectCell]:
    """The defects that are heated, of 1,000 to 5,000 atoms, or a few hundred each where `quick`."""
    sites = perfect_crystal(5 if quick else 9)
    nx, ny = (4, 2) if quick else (10, 6)
    return {
        "(100) surface": DefectCell(slab("100", nx, nx, 8 if quick else 16), free="xy"),
        "(110) surface": DefectCell(slab("110", ny, nx, 10 if quick else 20), free="xy"),
        "(111) surface": DefectCell(slab("111", nx, 2 * ny, 6 if quick else 15), free="xy"),
        "void of 50": DefectCell(with_void(sites, 50), sites),
        "stacking fault": DefectCell(stacking_fault(nx, ny, 3 if quick else 7), free="aniso"),
        "twin": DefectCell(twin(nx, ny, 2 if quick else 4), free="aniso"),
        "Σ5 (210) boundary": DefectCell(sigma5_boundary(*((2, 1, 3) if quick else (4, 3, 6))), free="aniso"),
        "dislocation dipole": DefectCell(dislocation_dipole(*((8, 2, 2) if quick else (24, 4, 4))), free="aniso"),
        "dumbbell": DefectCell(with_dumbbell(sites), sites),
    }
