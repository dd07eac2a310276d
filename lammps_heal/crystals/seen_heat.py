"""Observing of hot crystals: labels and defects on healed copies, beside the quench and what people do instead."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from ase import Atoms

from lammps_heal.analysis.labels import KNOWN, template_labels
from lammps_heal.analysis.local_structure import shells_of
from lammps_heal.analysis.observation import Observation
from lammps_heal.analysis.reference_sites import ReferenceSites
from lammps_heal.analysis.roc import roc_area
from lammps_heal.crystals.crystal import Crystal
from lammps_heal.crystals.defects import with_dumbbell, with_vacancies
from lammps_heal.crystals.lammps_work import HotFrame, LammpsWork
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.evaluation.sizes import SEED
from lammps_heal.hosts.ase_atoms import observe
from lammps_heal.hosts.atoms_healer import AtomsHealer
from lammps_heal.model.model_file import Model
from lammps_heal.step.neighbours import Int64Array
from lammps_heal.tables import at_least

PARTS = (0.5, 0.7, 0.9, 1.0)  # of the melting point
COMPARED = 0.9  # of it: where the methods are compared
COMPARED_FRAMES = 6
VACANT = 0.0025  # of the sites
SPLIT = 0.01  # of the sites, that hold two atoms
FEWER = 4  # times fewer frames of these
STEPS = 3
BRIEF = 10  # iterations of CG
FRAMES_SHARE = 0.95  # in which each label is to be as in the quench
BY_LAMMPS = (f"CG, {BRIEF} iterations", "quench")  # what these cost is less a LAMMPS that starts and finds the forces once
CASE = "seen-heat"


@dataclass(frozen=True)
class HotCrystal:
    """Which crystal is heated, with which potential. edge: nn, the least height of its box. melting_point: K.

    n_frames: at each temperature, every so many ps.
    """

    crystal: Crystal
    work: LammpsWork
    melting_point: float
    edge: float
    n_frames: int
    ps: float


@dataclass
class _Compared:
    """One way to label a hot frame. agreeing: atoms whose PTM label is the quench's; cost: of a frame, MD steps."""

    agreeing: list[float] = field(default_factory=list)
    irregular: list[int] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)

    def add(self, agreeing: float, irregular: int, cost: float) -> None:
        self.agreeing.append(agreeing)
        self.irregular.append(irregular)
        self.cost.append(cost)


@dataclass
class _Seen:
    """residual, is_wrong: of all atoms of all frames. counted, on_sites, labelled: frames that are right."""

    residual: list[np.ndarray] = field(default_factory=list)
    is_wrong: list[np.ndarray] = field(default_factory=list)
    counted: int = 0
    on_sites: int = 0
    labelled: int = 0


def seen_heat(model: Model, hot: HotCrystal) -> Iterator[Row]:
    """Crystals with vacancies, and with interstitials, to the melting point."""
    sites = hot.crystal.block(hot.edge)
    n_vacancies, n_split = (max(1, round(part * len(sites))) for part in (VACANT, SPLIT))
    rng = np.random.default_rng([SEED, len(sites)])
    vacant = hot.work.relaxed(with_vacancies(sites, n_vacancies, rng))[0]
    everything = _Seen()
    yield from _seen(model, hot, vacant, sites, f"{n_vacancies} vacancies", (n_vacancies, 0), everything)
    split = hot.work.relaxed(_with_dumbbells(sites, hot.crystal, n_split, rng))[0]
    fewer = replace(hot, n_frames=max(1, hot.n_frames // FEWER))
    yield from _seen(model, fewer, split, sites, f"{n_split} interstitials", (0, n_split), everything)
    wrong = np.concatenate(everything.is_wrong)
    figure = f"ROC area of the residual for wrong labels ({wrong.sum()} of {len(wrong):,})"
    if wrong.any():
        area = roc_area(np.concatenate(everything.residual), wrong)
        yield row(CASE, "all of them", figure, at_least(0.98), area, None, STEPS)
    else:
        yield Row(CASE, "all of them", figure, "", "none is wrong", None, STEPS, None)
    if shells_of(hot.crystal.structure).label in KNOWN:
        yield from _compared(model, hot, vacant)


def _with_dumbbells(sites: Atoms, crystal: Crystal, n: int, rng: np.random.Generator) -> Atoms:
    """A copy in which n sites, far from each other, hold two atoms."""
    assert crystal.prototype is not None
    split, free = sites, np.arange(len(sites))
    for number in range(n):
        atom = int(rng.choice(free))
        directions = crystal.prototype.dumbbells
        split = with_dumbbell(split, crystal, directions[number % len(directions)], atom)
        free = free[sites.get_distances(atom, free, mic=True) > 2.0 * crystal.nn]
    return split


def _seen(
    model: Model, hot: HotCrystal, start: Atoms, sites: Atoms, defects: str, truth: tuple[int, int], everything: _Seen
) -> Iterator[Row]:
    """What is seen of one start at each temperature. truth: numbers of its vacancies and interstitials."""
    for part in PARTS:
        found = _Seen()
        reference = ReferenceSites(sites.positions, sites.cell[:], sites.numbers)
        frames = hot.work.frames(start, part * hot.melting_point, hot.n_frames, hot.ps, SEED + round(100 * part))
        for frame in frames:
            quench = hot.work.relaxed(frame.atoms)[0]
            seen, quenched = observe(frame.atoms, model, STEPS, sites=reference), as_it_is(quench, model)
            counts = quenched.on_sites(reference, quench.numbers, quench.cell[:], quench.pbc).sites
            assert seen.sites is not None and counts is not None
            wrong = seen.labels != quenched.labels
            for sums in (found, everything):
                sums.residual.append(seen.residual)
                sums.is_wrong.append(wrong)
                sums.counted += (round(seen.vacancies), round(seen.interstitials)) == truth
                sums.on_sites += (seen.sites.vacancies, seen.sites.interstitials) == (counts.vacancies, counts.interstitials)
                sums.labelled += not wrong.any()
        structure = f"{part:g} T_m, {len(start):,} atoms, {defects}, {hot.n_frames} frames"
        whole, most = at_least(hot.n_frames), at_least(FRAMES_SHARE * hot.n_frames)
        yield row(CASE, structure, "frames whose defects are counted right", whole, found.counted, None, STEPS)
        yield row(CASE, structure, "the same on reference sites, as quenched", whole, found.on_sites, None, STEPS)
        yield row(CASE, structure, "frames with all labels as quenched", most, found.labelled, None, STEPS)


def as_it_is(atoms: Atoms, model: Model) -> Observation:
    """Labels without healing."""
    return AtomsHealer(atoms, model).observation(atoms.positions, atoms.positions, np.zeros((len(atoms), 3)))


def _compared(model: Model, hot: HotCrystal, start: Atoms) -> Iterator[Row]:
    """Other ways to label the same hot crystal."""
    methods: dict[str, _Compared] = {}
    temperature = COMPARED * hot.melting_point
    for frame in hot.work.frames(start, temperature, min(hot.n_frames, COMPARED_FRAMES), hot.ps, SEED + 7):
        _compare(frame, model, hot, methods)
    for name, method in methods.items():
        means = [float(np.mean(values)) for values in (method.agreeing, method.irregular, method.cost)]
        figure = f"PTM labels as quenched; atoms not {hot.crystal.structure}; cost, MD steps"
        yield Row(CASE, f"{COMPARED:g} T_m, the same: {name}", figure, "", means, None, 0, None)


def _compare(frame: HotFrame, model: Model, hot: HotCrystal, methods: dict[str, _Compared]) -> None:
    work, label = hot.work, shells_of(hot.crystal.structure).label
    truth = template_labels(work.relaxed(frame.atoms)[0])
    began = time.process_time()
    work.energy(frame.atoms)
    start_of_lammps = time.process_time() - began
    ways: dict[str, tuple[Callable[[], Atoms], float]] = {
        "raw frame, PTM at 0.10": (lambda: frame.atoms, 0.10),
        "raw frame, PTM at 0.15": (lambda: frame.atoms, 0.15),
        f"mean positions of {hot.ps:g} ps before": (lambda: frame.average, 0.10),
        BY_LAMMPS[0]: (lambda: work.relaxed(frame.atoms, iterations=BRIEF)[0], 0.10),
        BY_LAMMPS[1]: (lambda: work.relaxed(frame.atoms)[0], 0.10),
        f"observe, {STEPS} steps": (lambda: _healed(frame.atoms, model), 0.10),
    }
    for name, (way, cutoff) in ways.items():
        began = time.process_time()
        atoms = way()
        seconds = time.process_time() - began - (start_of_lammps if name in BY_LAMMPS else 0.0)
        cost = 0.0 if name.startswith("raw") else seconds / frame.step_seconds
        labels: Int64Array = template_labels(atoms, cutoff)
        methods.setdefault(name, _Compared()).add(float((labels == truth).mean()), int((labels != label).sum()), cost)


def _healed(atoms: Atoms, model: Model) -> Atoms:
    healed: Atoms = atoms.copy()
    healed.positions = observe(atoms, model, STEPS).positions
    return healed
