"""Acceptance of a model for a crystal and its potential: noise, vacancies, rest, heat, on structures never trained on.

Beside healing stands CG minimisation of the same start with the same potential. Excess: potential energy above the relaxed
structure with the same defects.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from lammps_heal.analysis.sites import occupation, site_distances
from lammps_heal.crystals.crystal import Crystal
from lammps_heal.crystals.defects import with_vacancies
from lammps_heal.crystals.drafts import Plan, defects
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.crystals.structures import random_seed, relaxed_draft
from lammps_heal.errors import HealError
from lammps_heal.evaluation.cells import scaled_sites
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.step.neighbours import SMALLEST_DISTANCE, Float64Array, Int64Array
from lammps_heal.tables import at_least, at_most

Heal = Callable[[Atoms, int], Atoms]  # a copy healed by so many steps
SEED = 88_001  # of every case, followed by the case's own numbers; no training has one like it
MEV = 1000.0  # in one eV
NOISE = 0.11  # nn
VACANCY_SIGMAS = (0.035, 0.07, 0.105, 0.14)  # nn
VACANT = (0.001, 0.01, 0.05)
STEPS = 20
REST_STEPS = 64
HOT = (0.2, 0.4, 0.6, 0.8, 0.95)  # of the melting point
FAMILIES = {
    "surface": "surfaces",
    "boundary": "boundaries",
    "fault": "stacking faults",
    "edge": "dislocations",
    "screw": "dislocations",
}
# Of relaxed defects, larger than those of a training.
PLAN = Plan(
    edge=5.5, wide_edge=6.5, n_interstitials=1, n_interstitial_pairs=2, n_slabs=2, n_boundaries=2, n_faults=1, n_dipoles=2
)


@dataclass(frozen=True)
class Goals:
    """Limits of what is accepted. Excess: meV/atom; moves: Å."""

    excess_5: float = 0.1
    excess_10: float = 0.01
    vacancy_move: float = 0.005
    defect_move: float = 0.02
    hot_excess: float = 0.2

    @classmethod
    def of(cls, crystal: Crystal) -> "Goals":
        """Open structures of four neighbours bend more easily than they stretch: less is asked of them."""
        if crystal.is_open:
            return cls(excess_5=0.5, excess_10=0.05, vacancy_move=0.01, defect_move=0.03, hot_excess=1.0)
        return cls()


@dataclass(frozen=True)
class Size:
    """edge: nn, the least height of boxes. crystals: with vacancies. defects: how many relaxed ones. ps: of a heating."""

    edge: float = 11.0
    vacancy_edge: float = 9.0
    crystals: int = 24
    plan: Plan = PLAN
    ps: float = 3.0
    temperatures: tuple[float, ...] = HOT


FULL = Size(crystals=100, edge=16.0)
FRUGAL = Size(
    edge=6.0,
    vacancy_edge=5.0,
    crystals=6,
    plan=Plan(
        edge=4.0,
        wide_edge=4.5,
        n_interstitials=1,
        n_interstitial_pairs=2,
        n_slabs=1,
        n_boundaries=1,
        n_shifts=1,
        n_faults=1,
        n_dipoles=1,
    ),
    ps=0.5,
    temperatures=(0.4, 0.8),
)
QUICK = Size(edge=7.0, vacancy_edge=6.0, crystals=6, ps=1.0, temperatures=(0.4, 0.8))


@dataclass(frozen=True)
class Acceptance:
    """What is accepted, and how it is measured."""

    crystal: Crystal
    work: LammpsWork
    heal: Heal
    melting_point: float
    size: Size = Size()

    def rows(self) -> Iterator[Row]:
        """All figures, one after the other."""
        yield from self.noise()
        yield from self.vacancies()
        yield from self.rest()
        yield from self.heat()

    @property
    def goals(self) -> Goals:
        return Goals.of(self.crystal)

    def noise(self) -> Iterator[Row]:
        """Excess after some steps from noise that minimisation heals too."""
        sites = self.crystal.block(self.size.edge)
        if self.crystal.composition:  # atoms of an alloy rest beside the sites of its lattice
            sites = self.work.relaxed(sites)[0]
        ground = self.work.energy(sites)
        start = with_noise(sites, NOISE * self.crystal.nn, self.rng(1))
        minimised = self.work.relaxed(start)[1]
        for steps, limit in ((5, self.goals.excess_5), (10, self.goals.excess_10)):
            excess = MEV * (self.work.energy(self.heal(start, steps)) - ground)
            structure = f"σ {NOISE:g} nn, {len(sites):,} atoms"
            yield row("noise", structure, "excess, meV/atom", at_most(limit), excess, MEV * (minimised - ground), steps)

    def vacancies(self) -> Iterator[Row]:
        """Is every vacancy kept, none added, and each on its own site where the start shows which that is?"""
        healed, minimised = Tally(), Tally()
        sites = self.crystal.block(self.size.vacancy_edge)
        for number in range(self.size.crystals):
            vacant, sigma = VACANT[number % 3], VACANCY_SIGMAS[number // 3 % 4]
            rng = self.rng(2, number)
            clean = with_vacancies(sites, max(1, round(vacant * len(sites))), rng)
            start = with_noise(clean, sigma * self.crystal.nn, rng)
            visible = visible_vacancies(start, clean, sites, self.crystal)
            healed.add(without_drift(self.heal(start, STEPS), start), sites, visible)
            minimised.add(without_drift(self.work.relaxed(start)[0], start), sites, visible)
        structure = f"{VACANT[0]:.1%} to {VACANT[-1]:.0%} vacant, σ to {VACANCY_SIGMAS[-1]:g} nn"
        kept, on_site = at_least(healed.crystals), at_least(minimised.on_site)
        figure = f"of {healed.crystals} crystals, all vacancies kept"
        yield row("vacancies", structure, figure, kept, healed.kept, minimised.kept, STEPS)
        figure = f"of {healed.visible} visible vacancies, on their site"
        yield row("vacancies", structure, figure, on_site, healed.on_site, minimised.on_site, STEPS)

    def rest(self) -> Iterator[Row]:
        """How far the farthest atom of relaxed defects goes in many steps."""
        moves = {}
        sites = self.crystal.block(self.size.vacancy_edge)
        for number, vacant in enumerate(VACANT):
            start = with_vacancies(sites, max(1, round(vacant * len(sites))), self.rng(3, number))
            moves[f"{vacant:.1%} vacant"] = self._largest_move(self.work.relaxed(start)[0])
        yield self._rest_row("vacancies", moves, self.goals.vacancy_move)
        rng = self.rng(4)
        families: dict[str, dict[str, float]] = {}
        for draft in defects(self.crystal, self.size.plan, rng):
            relaxed = relaxed_draft(draft, self.crystal, self.work, rng)
            if relaxed is not None:
                moves = families.setdefault(FAMILIES.get(draft.kind.split("_")[0], "interstitials"), {})
                moves[draft.kind] = max(moves.get(draft.kind, 0.0), self._largest_move(relaxed))
        for family, moves in families.items():
            yield self._rest_row(family, moves, self.goals.defect_move)

    def _rest_row(self, name: str, moves: dict[str, float], limit: float) -> Row:
        worst = max(moves, key=moves.__getitem__, default="none")
        structure = f"relaxed {name}, the worst {worst}"
        return row("rest", structure, "largest move, Å", at_most(limit), max(moves.values(), default=0.0), 0.0, REST_STEPS)

    def heat(self) -> Iterator[Row]:
        """Sites and excess of hot crystals, without vacancies and with 1 %, beside their quench."""
        sites = self.crystal.block(self.size.vacancy_edge)
        for number, (part, vacant) in enumerate((part, vacant) for vacant in (0.0, 0.01) for part in self.size.temperatures):
            rng = self.rng(5, number)
            temperature = part * self.melting_point
            start = self.work.relaxed(with_vacancies(sites, round(vacant * len(sites)), rng))[0]
            hot = self.work.heated(start, temperature, self.size.ps, random_seed(rng), "iso")
            quench, energy = self.work.relaxed(hot)
            healed = self.heal(hot, STEPS)
            lattice = scaled_sites(sites, quench)
            differ = different_sites(healed, quench, lattice)
            structure = f"{part:g} T_m = {temperature:.0f} K, {vacant:.0%} vacant"
            excess = MEV * (self.work.energy(healed) - energy)
            figure = f"sites unlike the quench's ({different_sites(hot, quench, lattice)} in the input)"
            yield row("heat", structure, figure, at_most(0), differ, 0, STEPS)
            yield row("heat", structure, "excess over the quench, meV/atom", at_most(self.goals.hot_excess), excess, 0.0, STEPS)

    def _largest_move(self, relaxed: Atoms) -> float:
        """Å; infinite where healing refuses."""
        try:
            healed = self.heal(relaxed, REST_STEPS)
        except HealError:
            return float("inf")
        return float(np.linalg.norm(moves(healed, relaxed), axis=1).max())

    @staticmethod
    def rng(*numbers: int) -> np.random.Generator:
        """Of a case, by its own numbers."""
        return np.random.default_rng([SEED, *numbers])


@dataclass
class Tally:
    """Over crystals: how many, and how many keep all vacancies; over visible vacancies: how many, and on their site."""

    crystals: int = 0
    kept: int = 0
    visible: int = 0
    on_site: int = 0

    def add(self, atoms: Atoms, sites: Atoms, visible: Int64Array) -> None:
        n_atoms = occupation(atoms.positions, sites)
        self.crystals += 1
        self.kept += int(n_atoms.max()) == 1
        self.visible += len(visible)
        self.on_site += int((n_atoms[visible] == 0).sum())


def with_noise(atoms: Atoms, sigma: float, rng: np.random.Generator) -> Atoms:
    """A copy with Gaussian noise, Å per component; drawn again for atoms that it makes overlap."""
    noisy: Atoms = atoms.copy()
    moved = np.arange(len(atoms))
    while len(moved):
        noisy.positions[moved] = atoms.positions[moved] + rng.normal(0.0, sigma, (len(moved), 3))
        moved = np.flatnonzero(site_distances(noisy.positions, noisy, 2)[0][:, 1] < SMALLEST_DISTANCE)
    return noisy


def visible_vacancies(start: Atoms, clean: Atoms, sites: Atoms, crystal: Crystal) -> Int64Array:
    """Rows of the vacant sites about which, and about whose neighbours, the noisy start's own assignment is right."""
    own, nearest = (site_distances(atoms.positions, sites, 1)[1][:, 0] for atoms in (clean, start))
    wrong = np.zeros(len(sites), bool)
    wrong[np.concatenate([own[own != nearest], nearest[own != nearest]])] = True
    vacant = np.setdiff1d(np.arange(len(sites)), own)
    distances, around, _ = site_distances(sites.positions[vacant], sites, 20)
    near = (distances < crystal.nearest_shell) & (around >= 0)
    visible: Int64Array = vacant[~(wrong[around] & near).any(1)]
    return visible


def moves(atoms: Atoms, reference: Atoms) -> Float64Array:
    """(n, 3) Å from reference to atoms, nearest images, less their mean."""
    parts = (atoms.positions - reference.positions) @ np.linalg.inv(reference.cell[:])
    vectors = (parts - np.round(parts)) @ reference.cell[:]
    result: Float64Array = vectors - vectors.mean(0)
    return result


def without_drift(atoms: Atoms, reference: Atoms) -> Atoms:
    """A copy of atoms whose mean move from the reference is nothing."""
    still: Atoms = atoms.copy()
    still.positions = reference.positions + moves(atoms, reference)
    return still


def different_sites(atoms: Atoms, reference: Atoms, sites: Atoms) -> int:
    """Number of sites that do not hold as many atoms in both; a shift of one as a whole is none."""
    counts = [occupation(a.positions, sites) for a in (without_drift(atoms, reference), reference)]
    return int((counts[0] != counts[1]).sum())
