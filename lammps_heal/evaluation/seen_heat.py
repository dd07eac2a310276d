"""Observing of hot crystals: labels and vacancies on healed copies, beside the quench and what people do instead."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from lammps_heal.analysis.energies import energy_per_atom, minimise
from lammps_heal.analysis.labels import template_labels
from lammps_heal.analysis.observation import Observation
from lammps_heal.analysis.roc import roc_area
from lammps_heal.evaluation.hot_frames import HotFrame, hot_frames
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.evaluation.sizes import SEED, Size
from lammps_heal.evaluation.starts import crystal_start, relaxed
from lammps_heal.evaluation.thermal import MELTING_POINT
from lammps_heal.hosts.ase_atoms import observe
from lammps_heal.hosts.atoms_healer import AtomsHealer
from lammps_heal.model.model_file import Model
from lammps_heal.step.neighbours import Int64Array
from lammps_heal.tables import at_least

PARTS = (0.5, 0.7, 0.9, 1.0)  # of the melting point
COMPARED = 0.9  # of it: where the methods are compared
VACANT = 0.0025  # of the sites
STEPS = 3
BRIEF = 10  # iterations of CG
FRAMES_SHARE = 0.95  # in which each label is to be as in the quench
BY_LAMMPS = (f"CG, {BRIEF} iterations", "quench")  # what these cost is less a LAMMPS that starts and finds the forces once
AVERAGED = "mean positions of the time before"


@dataclass
class _Compared:
    """One way to label a hot frame. agreeing: atoms whose PTM label is the quench's; cost: of a frame, MD steps."""

    agreeing: list[float] = field(default_factory=list)
    irregular: list[int] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)

    def add(self, labels: Int64Array, truth: Int64Array, cost: float) -> None:
        self.agreeing.append(float((labels == truth).mean()))
        self.irregular.append(int((labels != 1).sum()))
        self.cost.append(cost)


@dataclass
class _Seen:
    """residual, is_wrong: of all atoms of all frames. counted, labelled: frames that are right."""

    residual: list[np.ndarray] = field(default_factory=list)
    is_wrong: list[np.ndarray] = field(default_factory=list)
    counted: int = 0
    labelled: int = 0


def seen_heat(model: Model, size: Size) -> list[Row]:
    """Hot crystals with vacancies, to the melting point."""
    n_frames = size.frames
    start = relaxed(crystal_start(size.medium, VACANT))
    n_vacancies = round(VACANT * 4 * size.medium**3)
    methods: dict[str, _Compared] = {}
    rows, everything = [], _Seen()
    for part in PARTS:
        found = _Seen()
        frames = hot_frames(start, part * MELTING_POINT, n_frames, size.ps / 4.0, SEED + round(100 * part))
        for frame in frames:
            quench = minimise(frame.atoms)[0]
            _look(frame, quench, model, n_vacancies, (found, everything))
            if part == COMPARED:
                _compare(frame, quench, model, methods)
        structure = f"{part:g} T_m, {len(start):,} atoms, {n_vacancies} vacancies, {n_frames} frames"
        goal = at_least(FRAMES_SHARE * n_frames)
        rows += [
            row(
                "seen-heat", structure, "frames whose vacancies are counted right", at_least(n_frames), found.counted, None, STEPS
            ),
            row("seen-heat", structure, "frames with all labels as quenched", goal, found.labelled, None, STEPS),
        ]
    wrong = np.concatenate(everything.is_wrong)
    figure = f"ROC area of the residual for wrong labels ({wrong.sum()} of {len(wrong):,})"
    if wrong.any():
        area = roc_area(np.concatenate(everything.residual), wrong)
        rows.append(row("seen-heat", "all of them", figure, at_least(0.98), area, None, STEPS))
    else:
        rows.append(Row("seen-heat", "all of them", figure, "", "none is wrong", None, STEPS, None))
    structure = f"{COMPARED:g} T_m, the same"
    for name, method in methods.items():
        means = [float(np.mean(values)) for values in (method.agreeing, method.irregular, method.cost)]
        figure = "PTM labels as quenched; atoms not fcc; cost, MD steps"
        rows.append(Row("seen-heat", f"{structure}: {name}", figure, "", means, None, 0, None))
    return rows


def _look(frame: HotFrame, quench: Atoms, model: Model, n_vacancies: int, all_found: tuple[_Seen, ...]) -> None:
    seen, truth = observe(frame.atoms, model, STEPS), _as_it_is(quench, model)
    wrong = seen.labels != truth.labels
    for found in all_found:
        found.residual.append(seen.residual)
        found.is_wrong.append(wrong)
        found.counted += round(seen.vacancies) == n_vacancies
        found.labelled += not wrong.any()


def _as_it_is(atoms: Atoms, model: Model) -> Observation:
    """Labels without healing."""
    return AtomsHealer(atoms, model).observation(atoms.positions, atoms.positions, np.zeros((len(atoms), 3)))


def _compare(frame: HotFrame, quench: Atoms, model: Model, methods: dict[str, _Compared]) -> None:
    truth = template_labels(quench)
    began = time.process_time()
    energy_per_atom(frame.atoms)
    start_of_lammps = time.process_time() - began
    ways: dict[str, tuple[Callable[[], Atoms], float]] = {
        "raw frame, PTM at 0.10": (lambda: frame.atoms, 0.10),
        "raw frame, PTM at 0.15": (lambda: frame.atoms, 0.15),
        AVERAGED: (lambda: frame.average, 0.10),
        BY_LAMMPS[0]: (lambda: minimise(frame.atoms, iterations=BRIEF)[0], 0.10),
        "quench": (lambda: minimise(frame.atoms)[0], 0.10),
        f"observe, {STEPS} steps": (lambda: _healed(frame.atoms, model), 0.10),
    }
    for name, (way, cutoff) in ways.items():
        began = time.process_time()
        atoms = way()
        seconds = time.process_time() - began - (start_of_lammps if name in BY_LAMMPS else 0.0)
        cost = 0.0 if name.startswith("raw") else seconds / frame.step_seconds
        methods.setdefault(name, _Compared()).add(template_labels(atoms, cutoff), truth, cost)


def _healed(atoms: Atoms, model: Model) -> Atoms:
    healed: Atoms = atoms.copy()
    healed.positions = observe(atoms, model, STEPS).positions
    return healed
