"""Does the model fit the crystal? Lattice constant, structure and box of an input, looked at before it is healed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from lammps_heal.analysis.local_structure import has_shells, shells_of
from lammps_heal.analysis.neighbour_shells import (
    Distances,
    Surroundings,
    few_to_nearest,
    neighbour_distances,
    pairs_across_faces,
    surroundings,
)
from lammps_heal.analysis.observation import Observation
from lammps_heal.analysis.other_structure import (
    LOOK_STEPS,
    OPEN_STRUCTURE,
    STRUCTURE_OF_LABEL,
    label_counts,
    label_problem,
    ratio_problem,
)
from lammps_heal.errors import HealError
from lammps_heal.hosts.atoms_healer import AtomsHealer
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.model.model_file import Model
from lammps_heal.step.neighbours import Float64Array

WARM = 1.005  # a hot crystal's mean neighbour distance, in that of its sites: 1.004 at 300 K, 1.012 at 0.9 of the melting point
HEALED = 1.0015  # the same after three healing steps
BCC_OUTER = 1.08  # half-way from fcc to bcc: see Distances
DIGITS = 4  # of a lattice constant that is found, so that it can be given again
LARGEST_SAMPLE = 8000  # atoms; of a larger crystal a ball of so many is looked at
INNER = 0.7  # of the ball's radius
NEARLY = 0.005  # two lattice constants, of either
FEWEST_LABELLED = 20  # atoms with the crystal's label, by which a lattice constant is found
# Of the lattice constant, below and above what the model was trained on: farther off, platinum's model leads atoms from their
# sites (tried with noise of 0.15 Å: at 0.93 they rest, at 0.92 not; at 1.04 they rest, at 1.05 not).
BEYOND = 0.03, 0.01
NEAR, OFTEN, OFTENER, FEWEST = 0.8, 0.3, 1.2, 8  # nn; pairs for each atom at a face, times as many as inside, at least
THICK = 2.0  # nn; in a thinner box all atoms are at faces


@dataclass
class Findings:
    """lattice: constant to heal with, Å, None for the model's own; found: whether it was found here. Lines for the user:
    warnings, and ruin, where nothing else can come of healing."""

    lattice: float | None
    found: bool = False
    warnings: list[str] = field(default_factory=list)
    ruin: list[str] = field(default_factory=list)


def look_at(
    structure: Structure,
    model: Model,
    lattice: float | None,
    auto: bool,
    threads: int = 1,
    elements: Sequence[str | None] = (),
) -> Findings:
    """What is to be said of a structure before it is healed, and the lattice constant to heal it with.

    model: not scaled. lattice: Å, as the user gives it, or None. auto: find it. elements: of each type, for a model that
    sees species.
    """
    findings = Findings(lattice)
    if not has_shells(model.structure):
        if auto:
            findings.ruin.append(f"the lattice constant of {model.structure} cannot be found from distances: give --lattice")
        return findings
    shells = shells_of(model.structure)
    around = _surroundings(structure)
    distances = _distances(around, model)
    nearest = fmean(distances.nearest) if distances is not None else 0.0
    if distances is not None:
        _check_faces(findings, structure, around, nearest)
    ratio = few_to_nearest(around)
    if ratio is not None and (problem := ratio_problem(model.structures, ratio)):
        findings.ruin.append(problem)
        return findings
    if distances is None:
        if auto:
            findings.ruin.append("too few atoms are inside of a crystal to tell the lattice constant from: give --lattice")
        return findings
    no_element = np.zeros(len(structure.ids), int)
    sample = _sample(structure, atomic_numbers_of(structure, elements) if model.n_species > 1 else no_element)
    if auto:
        findings.lattice = round(sample.lattice(model, nearest / shells.nearest / WARM, threads), DIGITS)
        findings.found = True
    used = model.lattice_constant if findings.lattice is None else findings.lattice
    if not findings.found:
        measured = (distance / shells.nearest / WARM for distance in distances.nearest)
        _check_lattice(findings, model, used, min(measured, key=lambda constant: abs(constant - used)))
    if not findings.ruin:
        _check_labels(findings, sample, model, used, threads)
    return findings


@dataclass(frozen=True)
class Shown:
    """What atoms show when a model has healed them a little. parts: of the atoms, by the structure that they have neighbours
    as in. nearest: nearest-neighbour distance, Å, of the crystal at rest."""

    parts: dict[str, float]
    nearest: float


def structures_shown(structure: Structure, model: Model, model_of_open: Model, threads: int = 1) -> Shown | None:
    """By the first of the models, or by that of an open structure where atoms lie so; None where few are inside of a crystal.

    model: a joint one, which any metal can be healed with.
    """
    around = _surroundings(structure)
    ratio = few_to_nearest(around)
    if ratio is not None and ratio < OPEN_STRUCTURE:
        model = model_of_open
    shells, distances = shells_of(model.structure), _distances(around, model)
    if distances is None:
        return None
    sample = _sample(structure, np.zeros(len(structure.ids), int))
    guess = fmean(distances.nearest) / shells.nearest / WARM
    lattice = sample.lattice(model, guess, threads)
    counts = label_counts(sample.observed(model, lattice, threads).labels[sample.inside])
    parts = {name: float(counts[label]) / float(counts.sum()) for label, name in STRUCTURE_OF_LABEL.items()}
    return Shown(parts, lattice * shells.nearest)


def _surroundings(structure: Structure) -> Surroundings:
    return surroundings(structure.positions - structure.origin, structure.cell, structure.periodic)


def _distances(around: Surroundings, model: Model) -> Distances | None:
    """To the neighbours that a crystal of the model's structure has, or of any of its structures."""
    return neighbour_distances(around, shells_of(model.structure), len(model.structures) > 1)


def _check_faces(findings: Findings, structure: Structure, around: Surroundings, nearest: float) -> None:
    """Boxes that write_data writes of films under boundary p p s are as tight as the film."""
    thickness = 1.0 / np.linalg.norm(np.linalg.inv(structure.cell), axis=0)
    across, inside = pairs_across_faces(around, structure.cell, NEAR * nearest)
    n_atoms = len(structure.ids)
    for axis in np.argsort(-across):  # the worst is said first
        if not structure.periodic[axis] or thickness[axis] < THICK * nearest:
            continue
        if across[axis] > max(OFTEN, OFTENER * inside) and across[axis] * n_atoms > FEWEST:
            words = " ".join("s" if k == axis else "p" for k in range(3))
            findings.ruin.append(
                f"atoms all but touch their images along {'xyz'[axis]}: an atom at these faces of the box has {across[axis]:.2g} "
                f"neighbours across them nearer than {NEAR * nearest:.3g} Å, one inside {inside:.2g}, and healing would fuse the "
                f'faces: if this is a film, give --boundary "{words}"'
            )


def _check_lattice(findings: Findings, model: Model, used: float, measured: float) -> None:
    low, high = (limit / model.lattice_constant for limit in model.lattice_constants)
    ratio = measured / used
    if low <= ratio <= high:
        return
    line = (
        f"the atoms' distances are those of a lattice constant of {measured:.3f} Å, and it is healed with {used:.4g} Å, "
        f"{abs(ratio - 1.0):.0%} off (the model was trained on {low - 1.0:+.0%} to {high - 1.0:+.0%}): give --lattice auto"
    )
    is_ruin = ratio < low - BEYOND[0] or ratio > high + BEYOND[1]
    (findings.ruin if is_ruin else findings.warnings).append(line)


def _check_labels(findings: Findings, sample: "_Sample", model: Model, lattice: float, threads: int) -> None:
    try:
        labels = sample.observed(model, lattice, threads).labels[sample.inside]
    except HealError:
        return  # healing itself will say so
    if problem := label_problem(model.structures, label_counts(labels)):
        findings.warnings.append(problem)


@dataclass(frozen=True)
class _Sample:
    """Atoms to be looked at, of no element where the model sees no species; inside: those with all neighbours among them."""

    atoms: Atoms
    inside: np.ndarray

    def observed(self, model: Model, lattice: float, threads: int) -> Observation:
        return AtomsHealer(self.atoms, model.scaled(lattice), threads=threads).seen(LOOK_STEPS)

    def lattice(self, model: Model, guess: float, threads: int) -> float:
        """Å, of a healed copy: by the atoms that have the crystal's labels, where there are some.

        guess: by all atoms. Where the crystalline ones say another, it heals with that.
        """
        healed = self.observed(model, guess, threads)
        better = self._lattice(self.atoms.positions, healed, model) / WARM
        if abs(better / guess - 1.0) > NEARLY:
            healed = self.observed(model, better, threads)
        return self._lattice(healed.positions, healed, model) / HEALED

    def _lattice(self, positions: Float64Array, healed: Observation, model: Model) -> float:
        own = self.inside[np.isin(healed.labels[self.inside], [shells_of(name).label for name in model.structures])]
        chosen = own if len(own) >= FEWEST_LABELLED else self.inside
        around = surroundings(positions, self.atoms.cell[:], self.atoms.pbc, chosen)
        found = _distances(around, model)
        if found is None:
            raise HealError("too few atoms are inside of a crystal to tell the lattice constant from: give --lattice")
        nearest = found.nearest[-1] if found.outer > BCC_OUTER else found.nearest[0]
        return nearest / shells_of(model.structure).nearest


def atomic_numbers_of(structure: Structure, elements: Sequence[str | None]) -> NDArray[np.int64]:
    """(n,) of the structure's atoms, from those of the types; 0 where it is not known."""
    of_types = np.array([atomic_numbers[element] if element is not None else 0 for element in elements])
    numbers: NDArray[np.int64] = of_types[structure.types - 1]
    return numbers


def _sample(structure: Structure, numbers: NDArray[np.int64]) -> _Sample:
    """The structure, or of a large one the atoms nearest to its middle, in an open box."""
    positions = structure.positions - structure.origin
    if len(positions) <= LARGEST_SAMPLE:
        atoms = Atoms(numbers, positions=positions, cell=structure.cell, pbc=structure.periodic)
        return _Sample(atoms, np.arange(len(positions)))
    distances = np.linalg.norm(positions - 0.5 * structure.cell.sum(0), axis=1)
    nearest = np.argpartition(distances, LARGEST_SAMPLE)[:LARGEST_SAMPLE]
    atoms = Atoms(numbers[nearest], positions=positions[nearest], cell=structure.cell, pbc=False)
    return _Sample(atoms, np.flatnonzero(distances[nearest] < INNER * distances[nearest].max()))
