"""Where LAMMPS has the atoms now: brought into order of id, each rank an equal share, whichever rank owns them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.step.neighbours import Float64Array, Int64Array
from lammps_heal.step.ranks import Ranks

IMAGE_BITS = {4: 10, 8: 21}  # of each direction, by the bytes of LAMMPS's imageint


@dataclass(frozen=True)
class Snapshot:
    """A share of the atoms: rows first to first + m - 1 of the structure, which is in order of id.

    positions: (m, 3) Å, as LAMMPS has them. images: (m, 3), those of the structure included. cell, origin: of LAMMPS's
    box, whose open sides may move. restored: (m, 3) Å, from where the structure had them.
    """

    first: int
    positions: Float64Array
    images: Int64Array
    cell: Float64Array
    origin: Float64Array
    restored: Float64Array


def take_snapshot(lmp: Any, structure: Structure, ranks: Ranks) -> Snapshot:
    """Each rank gets its share; a collective call."""
    nlocal, n_atoms = lmp.extract_global("nlocal"), len(structure.ids)

    def local(name: str, n_columns: int = 1) -> np.ndarray:
        # A rank without atoms may get no array.
        return np.array(lmp.numpy.extract_atom(name)[:nlocal] if nlocal else []).reshape(nlocal, n_columns)

    rows = np.searchsorted(structure.ids, local("id")[:, 0])
    bits = IMAGE_BITS[lmp.extract_setting("imageint")]
    packed = local("image").astype(np.int64) >> (bits * np.arange(3))
    images = (packed & ((1 << bits) - 1)) - (1 << (bits - 1))
    edges = np.array([n_atoms * rank // ranks.size for rank in range(ranks.size + 1)])
    owner = np.searchsorted(edges, rows, side="right") - 1

    def exchanged(values: np.ndarray) -> np.ndarray:
        return np.concatenate(ranks.exchange([values[owner == rank] for rank in range(ranks.size)]))

    mine = np.argsort(exchanged(rows))
    first, stop = edges[ranks.rank], edges[ranks.rank + 1]
    positions = exchanged(local("x", 3).astype(np.float64))[mine]
    all_images = exchanged(images)[mine] + structure.images[first:stop]
    low, high, xy, yz, xz, _, _ = lmp.extract_box()
    x, y, z = np.subtract(high, low)
    cell = np.array([[x, 0.0, 0.0], [xy, y, 0.0], [xz, yz, z]])
    moved = unwrapped(positions, all_images, cell)
    start = unwrapped(structure.positions[first:stop], structure.images[first:stop], structure.cell)
    return Snapshot(int(first), positions, all_images, cell, np.array(low), moved - start)


def unwrapped(positions: Float64Array, images: Int64Array, cell: Float64Array) -> Float64Array:
    """(n, 3) Å, to the same bits as LAMMPS's compute displace/atom has them."""
    (x, _, _), (xy, y, _), (xz, yz, z) = cell
    ix, iy, iz = images.T
    px, py, pz = positions.T
    if xy == xz == yz == 0.0:
        return np.stack([px + ix * x, py + iy * y, pz + iz * z], 1)
    return np.stack([px + x * ix + xy * iy + xz * iz, py + y * iy + yz * iz, pz + z * iz], 1)


def gathered(snapshot: Snapshot, ranks: Ranks) -> Snapshot | None:
    """All atoms on the first rank, None on the others; a collective call."""
    parts = ranks.gather((snapshot.positions, snapshot.images, snapshot.restored))
    if parts is None:
        return None
    positions, images, restored = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Snapshot(0, positions, images, snapshot.cell, snapshot.origin, restored)
