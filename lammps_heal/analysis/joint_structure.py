"""Local structure of a crystal that may be of several structures: each atom is judged by its own.

That is the one its label names; of an atom that has no crystal's label, most of the labelled atoms bonded to it, else most of
the crystal. fix heal does the same, hosts/plugin/joint_structure.cpp.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lammps_heal.analysis.local_structure import HEXAGONAL_DIAMOND, OTHER, SHELLS, LocalStructure, Shells, shells_of
from lammps_heal.analysis.other_structure import STRUCTURE_OF_LABEL
from lammps_heal.step.neighbours import Float64Array, Neighbourhoods

LABELLED = STRUCTURE_OF_LABEL | {HEXAGONAL_DIAMOND: "diamond"}


@dataclass(frozen=True)
class JointStructure:
    """coordination, labels: (nlocal,), see local_structure. own: (nlocal,) which of the shells an atom is judged by.
    average: (nlocal,) mean of values over each atom and those bonded to it, by its own shells."""

    coordination: NDArray[np.int32]
    labels: NDArray[np.int32]
    own: NDArray[np.int64]
    average: Float64Array


def distinct_shells(structures: Sequence[str]) -> tuple[Shells, ...]:
    """Of a model's structures, in their order; fcc and hcp, of equal coordination, have one. Raises HealError."""
    found: dict[int, Shells] = {}
    for structure in structures:
        shells = shells_of(structure)
        found.setdefault(shells.coordination, shells)
    return tuple(found.values())


def regular_by_label(
    coordination: NDArray[np.int64], labels: NDArray[np.int64], structures: Sequence[str] = ()
) -> NDArray[np.bool_]:
    """(n,) whether atoms have a crystal's label and its structure's coordination; label 0, of atoms not observed, is none.

    structures: of the model; where these have one coordination, all atoms are judged by that, as fix heal does. Empty: not
    known, each is judged by its label. Among icosahedral atoms a joint model judges by those around, which labels do not
    tell: they are taken for irregular then. Raises HealError for a structure that labels do not know.
    """
    perfect = np.full(HEXAGONAL_DIAMOND + 1, -1)
    for label, name in LABELLED.items():
        perfect[label] = SHELLS[name].coordination
    shells = distinct_shells(structures)
    if len(shells) == 1:
        perfect[:] = shells[0].coordination
    known = (labels > 0) & (labels <= HEXAGONAL_DIAMOND) & (labels != OTHER)
    regular: NDArray[np.bool_] = known & (coordination == perfect[np.where(known, labels, 0)])
    return regular


def joint_structure(
    cluster: tuple[Float64Array, Neighbourhoods],
    shells: Sequence[Shells],
    nearest: float,
    values: Float64Array,
    forward: Callable[[Float64Array], Float64Array],
    threads: int = 1,
) -> JointStructure:
    """Of the local atoms of an open cluster whose lists reach the largest `search` of the shells.

    values: (nlocal,). forward: (nlocal,) values, for all atoms of the cluster. Raises HealError where the library is missing.
    """
    of_each = [LocalStructure(*cluster, one, nearest, threads) for one in shells]
    coordinations, all_labels = zip(*(structure.coordination_and_labels() for structure in of_each), strict=True)
    labels = all_labels[0]
    for more in all_labels[1:]:  # the shells of diamond give its labels, the others all but those
        labels = np.where(labels == OTHER, more, labels)
    own = _own_shells(labels, of_each, shells, forward)
    averages = [structure.bonded_average(forward(values)) for structure in of_each]
    return JointStructure(np.choose(own, coordinations), labels, own, np.choose(own, averages))


def _own_shells(
    labels: NDArray[np.int32],
    of_each: Sequence[LocalStructure],
    shells: Sequence[Shells],
    forward: Callable[[Float64Array], Float64Array],
) -> NDArray[np.int64]:
    if len(shells) == 1:
        return np.zeros(len(labels), np.int64)
    is_of = np.stack([_is_of(labels, one) for one in shells])
    widest = of_each[max(range(len(shells)), key=lambda k: shells[k].bond)]
    votes = np.stack([widest.bonded_average(forward(mine.astype(float))) for mine in is_of])
    most = int(is_of.sum(1).argmax())
    order = np.array([most, *(k for k in range(len(shells)) if k != most)])  # the crystal's where votes are equal
    own: NDArray[np.int64] = np.where(is_of.any(0), is_of.argmax(0), order[votes[order].argmax(0)])
    return own


def _is_of(labels: NDArray[np.int32], shells: Shells) -> NDArray[np.bool_]:
    """(nlocal,) whether an atom's label is of a structure with these shells."""
    names = [label for label, name in LABELLED.items() if SHELLS[name].coordination == shells.coordination]
    return np.isin(labels, names)
