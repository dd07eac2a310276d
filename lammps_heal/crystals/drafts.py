"""Which structures of a crystal a network learns from, or is tried on: drafts, not yet relaxed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms

from lammps_heal.crystals.crystal import Crystal, in_lammps_orientation
from lammps_heal.crystals.defects import (
    dislocation_dipole,
    faulted,
    holes,
    mirror_boundary,
    slab,
    with_atom_in_hole,
    with_cluster,
    with_dumbbell,
    with_swaps,
    with_vacancies,
)
from lammps_heal.crystals.prototypes import Plane, Triple
from lammps_heal.step.neighbours import Float64Array

LARGEST_STRAIN = 0.03  # of strained crystals, each component
VACANT = 20  # sites for each vacancy at the most
LARGEST_CLUSTER = 7  # vacancies
WIDTHS = 4  # of dislocation dipoles, in turn
AXES: tuple[Triple, ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))  # of dumbbells where a structure has no name


@dataclass(frozen=True)
class Plan:
    """How many structures, and of which size.

    scales: of all lengths of perfect crystals. near: the same, of crystals with defects, in turn. edge, wide_edge: nn, the
    least height of their boxes. n_*: how many, for each kind of interstitial, each surface and so on; n_shifts: of
    the grains at the first boundary, of which the one of least energy is kept; n_hot: snapshots.
    """

    scales: tuple[float, ...] = (1.0, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 1.005, 1.01, 1.015, 1.02, 1.03, 1.04)
    near: tuple[float, ...] = (1.0, 0.99, 1.01, 0.98, 1.02, 1.005, 0.995, 1.015)
    edge: float = 4.0
    wide_edge: float = 5.5
    n_strained: int = 12
    n_vacancies: int = 60
    n_clusters: int = 24
    n_interstitials: int = 16
    n_interstitial_pairs: int = 14
    n_slabs: int = 8
    n_boundaries: int = 14
    n_shifts: int = 6
    n_faults: int = 6
    n_dipoles: int = 8
    n_antisites: int = 24
    n_hot: int = 48
    ps: float = 2.0  # of a heating
    expansion_ps: float = 4.0  # of the run that measures the volume at a temperature


QUICK = Plan(
    scales=(1.0, 0.97, 0.985, 1.01, 1.02, 1.035),
    n_strained=6,
    n_vacancies=24,
    n_clusters=10,
    n_interstitials=3,
    n_interstitial_pairs=2,
    n_slabs=3,
    n_boundaries=2,
    n_faults=2,
    n_dipoles=1,
    n_antisites=10,
    n_hot=16,
    ps=1.0,
)
# Of potentials whose force calls cost: no wide boxes, and each extended defect once. Boxes below twice the cutoff, in which an
# atom sees another and its image, make noise heal worse.
FRUGAL = replace(
    QUICK,
    wide_edge=4.5,
    n_interstitials=2,
    n_slabs=2,
    n_boundaries=1,
    n_shifts=1,
    n_hot=12,
    ps=0.5,
    expansion_ps=1.0,
)
FEW_DEFECTS = Plan(n_interstitials=1, n_interstitial_pairs=2, n_slabs=2, n_boundaries=2, n_faults=1, n_dipoles=1)


@dataclass(frozen=True)
class Draft:
    """A structure before it is relaxed. kind: of a defect; empty for a crystal, with vacancies or without.

    sites: the undamaged lattice, where there is one; what relaxes to other numbers of vacancies and interstitials on it
    than it began with has collapsed. box: what of the box relaxes; see LammpsWork.relaxed. others: with `atoms`, of all of
    which the one of least energy is meant.
    """

    kind: str
    atoms: Atoms
    sites: Atoms | None = None
    box: str | None = None
    others: tuple[Atoms, ...] = ()

    @property
    def is_perfect(self) -> bool:
        """Whether it is a crystal without defects."""
        return not self.kind and self.sites is not None and len(self.sites) == len(self.atoms)


def crystals(crystal: Crystal, plan: Plan, rng: np.random.Generator) -> Iterator[Draft]:
    """Perfect crystals over all strains, and crystals with vacancies, alone and in clusters, and with antisites."""
    perfect = crystal.block(plan.edge)
    for scale in plan.scales:
        yield lattice(stretched(perfect, scale * np.eye(3)))
    for _ in range(plan.n_strained):
        strain = rng.uniform(-LARGEST_STRAIN, LARGEST_STRAIN, (3, 3))
        yield lattice(stretched(perfect, np.eye(3) + 0.5 * (strain + strain.T)))
    for number in range(plan.n_vacancies):
        sites = _near(crystal, plan, number).block(_edge(plan, number))
        yield lattice(sites, with_vacancies(sites, 1 + int(rng.integers(max(1, len(sites) // VACANT))), rng))
    for number in range(plan.n_clusters):
        sites = _near(crystal, plan, number).block(_edge(plan, number))
        yield lattice(sites, with_cluster(sites, 2 + number % (LARGEST_CLUSTER - 1), rng))
    for number in range(plan.n_antisites if len(crystal.elements) > 1 else 0):
        sites = _near(crystal, plan, number).block(_edge(plan, number))
        yield lattice(sites, with_vacancies(with_swaps(sites, 1 + number % 3, rng), number % 2, rng))


def defects(crystal: Crystal, plan: Plan, rng: np.random.Generator) -> Iterator[Draft]:
    """Interstitials, surfaces, boundaries, stacking faults and dislocations of this structure."""
    yield from interstitials(crystal, plan, rng)
    prototype = crystal.prototype
    if prototype is None:
        return
    for plane in prototype.surfaces:
        for number in range(plan.n_slabs):
            yield Draft(f"surface_{_name(plane)}", slab(_near(crystal, plan, number), plane, 3.0, 3.5 + number % 4, rng))
    for plane in prototype.boundaries:
        for number in range(plan.n_boundaries):
            # The one of least energy of several, as nature takes it; then those of any shift, for their number.
            shifts = [None, *rng.random((plan.n_shifts - 1, 2))] if number == 0 else [rng.random(2)]
            atoms, *others = (mirror_boundary(_near(crystal, plan, number), plane, 2.5, 3.5, shift) for shift in shifts)
            yield Draft(f"boundary_{_name(plane)}", atoms, box="z", others=tuple(others))
    for plane, shift_vector in prototype.faults:
        for number in range(plan.n_faults):
            atoms, *others = faulted(_near(crystal, plan, number), plane, shift_vector, 3.0, 6.0 + number % 3)
            yield Draft(f"fault_{_name(plane)}", atoms, others=tuple(others))
    for dislocation in prototype.dislocations:
        for number in range(plan.n_dipoles):
            wider = 2.0 * (number % WIDTHS)
            atoms = dislocation_dipole(_near(crystal, plan, number), dislocation, 9.0 + wider, 7.0 + wider, 1.0)
            yield Draft(f"{dislocation.character}_dipole", atoms)


def interstitials(crystal: Crystal, plan: Plan, rng: np.random.Generator) -> Iterator[Draft]:
    """One more atom: split with another along the directions of the structure, or in a hole; then two, or beside a vacancy."""
    directions = crystal.prototype.dumbbells if crystal.prototype is not None else AXES
    for number in range(plan.n_interstitials):
        scaled = _near(crystal, plan, number)
        sites = scaled.block(_edge(plan, number))
        for direction in directions:
            yield Draft("dumbbell", with_dumbbell(sites, scaled, direction, int(rng.integers(len(sites)))), sites)
        for hole in holes(scaled):
            yield Draft("interstitial", with_atom_in_hole(sites, hole, str(rng.choice(crystal.elements))), sites)
    for number in range(plan.n_interstitial_pairs):
        scaled = _near(crystal, plan, number)
        sites, direction = scaled.block(plan.wide_edge), directions[number % len(directions)]
        first = with_dumbbell(sites, scaled, direction, int(rng.integers(len(sites))))
        if number % 2:
            yield Draft("two_dumbbells", with_dumbbell(first, scaled, direction, int(rng.integers(len(sites)))), sites)
        else:
            del first[[int(rng.integers(len(sites)))]]
            yield Draft("dumbbell_and_vacancy", first, sites)


def hot(crystal: Crystal, plan: Plan, rng: np.random.Generator) -> Iterator[Draft]:
    """What is heated: perfect crystals, crystals with vacancies, and defects, each as often."""
    sites = crystal.block(plan.edge)
    others = list(defects(crystal, replace(FEW_DEFECTS, n_shifts=plan.n_shifts), rng))
    order = rng.permutation(len(others))
    for number in range(plan.n_hot):
        if number % 3 == 0:
            yield lattice(sites)
        elif number % 3 == 1:
            yield lattice(sites, with_vacancies(sites, 1 + int(rng.integers(3)), rng))
        else:
            yield others[order[number // 3 % len(others)]]


def lattice(sites: Atoms, atoms: Atoms | None = None) -> Draft:
    """A crystal; atoms: what is left of it, by default all."""
    return Draft("", sites.copy() if atoms is None else atoms, sites)


def stretched(atoms: Atoms, deformation: Float64Array) -> Atoms:
    """A copy with cell and positions deformed, (3, 3), and turned as LAMMPS has it."""
    deformed: Atoms = atoms.copy()
    deformed.set_cell(atoms.cell[:] @ deformation, scale_atoms=True)
    return in_lammps_orientation(deformed)


def _near(crystal: Crystal, plan: Plan, number: int) -> Crystal:
    """The crystal at one of the strains near none, in turn."""
    return crystal.scaled(plan.near[number % len(plan.near)])


def _edge(plan: Plan, number: int) -> float:
    """nn: every fourth crystal is wide."""
    return plan.wide_edge if number % 4 == 3 else plan.edge


def _name(plane: Plane) -> str:
    return "".join(str(index) for index in plane)
