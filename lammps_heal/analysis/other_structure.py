"""Is a crystal of another structure than the model that is to heal it? The criteria, and what is said of it.

Two looks: at the distances to the nearest atoms before any step, for a model of a close-packed structure destroys an open one,
and one of an open structure a close-packed one; and at the labels of what a few steps have healed, hot or not. Numbers and
words are those of fix heal, hosts/plugin/structure_check.cpp. All counts are sums over atoms, so ranks can add theirs.
"""

import numpy as np
from numpy.typing import NDArray

from lammps_heal.analysis.local_structure import SHELLS, Shells, has_shells, shells_of
from lammps_heal.step.neighbours import Float64Array, Int64Array, Neighbourhoods

LOOK_STEPS = 3  # healing steps: enough to tell the structure, hot or not
FEW, NEAREST = 4, 12  # atoms around one
# Of the mean distance of NEAREST, that of the FEW nearest: 1 in fcc and hcp, 0.95 in bcc, with noise of a quarter of the
# nearest-neighbour distance 0.76; 0.70 in diamond.
OPEN_STRUCTURE = 0.75
# In metals 0.90 to 0.93 at 0.9 to 1.0 of the melting point, 0.86 with noise of 0.11 of the nearest-neighbour distance, in their
# melts 0.86; in silicon 0.73 at its melting point, 0.77 with noise, 0.80 as a glass and 0.83 as a liquid.
CLOSE_PACKED = 0.84
N_BINS = 100  # of that ratio, from 0 to 1: its median is that of all ranks' atoms
LOPSIDED = 0.15  # mean of the directions to NEAREST atoms: 0.2 at a (111) surface, 0.05 in a hot crystal
FEWEST = 10  # atoms inside of a crystal
COMMON = 0.3  # of the atoms; so many of another structure, and more than of the model's, are said
STRUCTURE_OF_LABEL = {1: "fcc", 2: "hcp", 3: "bcc", 6: "diamond"}
N_LABELS = 8  # from 0
MOST = 1000  # atoms of a rank that are looked at: the median of more is no better


def is_close_packed(shells: Shells) -> bool:
    """Whether a model of this structure destroys an open one; else it destroys a close-packed one."""
    return shells.coordination > SHELLS["diamond"].coordination


def ratios(positions: Float64Array, neighbourhoods: Neighbourhoods, chosen: NDArray[np.bool_]) -> Int64Array:
    """(N_BINS,) atoms inside of a crystal by the mean distance of their FEW nearest atoms ÷ that of the NEAREST.

    positions: (nlocal + nghost, 3) Å, of an open cluster. chosen: (nlocal,) atoms that are looked at.
    """
    counts = np.diff(neighbourhoods.first)
    rows = np.flatnonzero(chosen[neighbourhoods.centres] & (counts >= NEAREST))
    if not len(rows):
        return np.zeros(N_BINS, np.int64)
    rows = rows[:: -(-len(rows) // MOST)]
    most = int(counts[rows].max())
    is_one = np.arange(most) < counts[rows, None]
    places = neighbourhoods.first[rows, None] + np.minimum(np.arange(most), counts[rows, None] - 1)
    vectors = positions[neighbourhoods.neighbours[places]] - positions[neighbourhoods.centres[rows], None]
    squares = np.where(is_one, np.einsum("ijk,ijk->ij", vectors, vectors), np.inf)
    nearest = np.argpartition(squares, NEAREST - 1, axis=1)[:, :NEAREST]
    nearest = np.take_along_axis(nearest, np.argsort(np.take_along_axis(squares, nearest, 1), axis=1), 1)
    vectors = np.take_along_axis(vectors, nearest[:, :, None], 1)
    distances = np.linalg.norm(vectors, axis=2)
    apart = distances[:, 0] > 0.0
    distances, vectors = distances[apart], vectors[apart]
    inside = np.linalg.norm((vectors / distances[:, :, None]).mean(1), axis=1) < LOPSIDED
    ratio = distances[inside, :FEW].mean(1) / distances[inside].mean(1)
    return np.bincount(np.minimum((N_BINS * ratio).astype(int), N_BINS - 1), minlength=N_BINS)


def distance_problem(structures: tuple[str, ...], histogram: Int64Array) -> str:
    """What is to be said of atoms that lie as a model destroys them, or ""; histogram: `ratios` of all atoms."""
    if histogram.sum() < FEWEST:
        return ""
    middle = int(np.searchsorted(np.cumsum(histogram), 0.5 * histogram.sum()))
    return ratio_problem(structures, (middle + 0.5) / N_BINS)


def ratio_problem(structures: tuple[str, ...], ratio: float) -> str:
    """The words for it, or "". structures: of the model. ratio: median of the atoms'."""
    if not all(has_shells(structure) for structure in structures):
        return ""
    are_close_packed = [is_close_packed(shells_of(structure)) for structure in structures]
    if all(are_close_packed) and ratio < OPEN_STRUCTURE:
        found = "diamond or in no crystal at all"
    elif not any(are_close_packed) and ratio > CLOSE_PACKED:
        found = "a close-packed crystal or its melt"
    else:
        return ""
    return (
        f"the crystal is no {', '.join(structures)} one: neighbours are as in {found} (the {FEW} nearest at {ratio:.2f} of the "
        f"mean distance of the {NEAREST} nearest), and this model would destroy it: use a model of its structure"
    )


def label_problem(structures: tuple[str, ...], counts: Int64Array) -> str:
    """What is to be said where atoms have neighbours as in another structure than the model's, or "".

    structures: of the model. counts: (N_LABELS,) atoms of each label, after LOOK_STEPS.
    """
    n_atoms = int(counts.sum())
    if n_atoms == 0 or not all(has_shells(structure) for structure in structures):
        return ""
    own = {STRUCTURE_OF_LABEL[shells_of(structure).label] for structure in structures}
    part = {name: float(counts[label]) / n_atoms for label, name in STRUCTURE_OF_LABEL.items()}
    of_own = sum(part[name] for name in own)
    most = max(part, key=lambda name: part[name])
    if most in own or part[most] <= max(COMMON, of_own):
        return ""
    named = " or ".join(name for name in part if name in own)
    return (
        f"{part[most]:.0%} of the atoms have neighbours as in {most}, {of_own:.0%} as in {named}, which the model is of: "
        f"defects will not rest; use a model of {most}"
    )


def label_counts(labels: NDArray[np.int32], chosen: NDArray[np.bool_] | slice = slice(None)) -> Int64Array:
    """(N_LABELS,) atoms of each label."""
    return np.bincount(labels[chosen], minlength=N_LABELS)
