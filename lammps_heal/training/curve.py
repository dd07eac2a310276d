"""`lammps-heal curve`: how well networks of other sizes heal, and what a step of theirs costs.

Each is trained from scratch, all else alike and far shorter than the shipped model, so that it says which size
pays, not how well it would heal in the end. Its validation figures stand beside the time of a step of its kernel.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from lammps_heal.benchmark import jobs as bench_lammps
from lammps_heal.model.export import export
from lammps_heal.model.model_file import load
from lammps_heal.training.options import TrainingOptions
from lammps_heal.training.trainer import VALIDATION_STEPS, score, train
from lammps_heal.training.weights import read_network

# What differs from the options given.
SIZES: dict[str, dict[str, Any]] = {
    "as given": {},
    "cutoff 5.0 Å": {"cutoff": 5.0},
    "cutoff 7.0 Å": {"cutoff": 7.0},
    "16 channels": {"n_channels": 16},
    "32 hidden units": {"n_hidden": 32},
    "128 hidden units": {"n_hidden": 128},
    "no relay": {"n_layers": 0},
    "1 relay": {"n_layers": 1},
    "3 relays": {"n_layers": 3},
}
TIMED_ATOMS, TIMED_STEPS, MICRO = 32_000, 20, 1.0e6
# Validation figures shown: noise or group, and the healing steps after which the residual is taken.
SHOWN = (("0.1", 8), ("0.3", 1), ("0.3", 2), ("0.5", 8), ("defect 0.1", 8), ("thermal", 8))
STEPS = (0, *VALIDATION_STEPS)  # of a row of validation figures


@dataclass(frozen=True)
class Point:
    """A network of the curve. step, force: µs/atom of a healing step and of an EAM force call, medians of the rounds."""

    name: str
    parameters: int
    step: float
    force: float
    figures: dict[str, list[float]]

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "ratio": self.step / self.force, "score": score(self.figures)}


def curve(data: Sequence[Path], options: TrainingOptions, folder: Path, rounds: int = 3) -> list[Point]:
    """Train what is not yet in the folder, time everything in turns, print the table and write curve.json.

    A network is trained anew unless the folder holds it with these very options. Raises HealError as training does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    models: dict[str, Path] = {}
    for name, changes in SIZES.items():
        changed = replace(options, **changes, validate_every=options.steps)
        weights = folder / f"{name.replace(' ', '_')}.pth"
        models[name] = weights.with_suffix(".pt")
        if not _is_trained(weights, changed):
            print(name, flush=True)
            train(data, changed, weights, weights.with_suffix(".checkpoint"), weights.with_suffix(".log"))
        export(read_network(weights), models[name])
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        done = bench_lammps.run("eam", TIMED_ATOMS, steps=TIMED_STEPS)
        seconds.setdefault("eam", []).append(done.section("Pair") / done.steps / done.n_atoms)
        for name, model in models.items():
            done = bench_lammps.run("heal", TIMED_ATOMS, steps=TIMED_STEPS, model=model, options="kernel yes")
            seconds.setdefault(name, []).append(done.section("Modify") / done.steps / done.n_atoms)
    points = []
    for name, model in models.items():
        about = load(model)
        step, force = (median(seconds[job]) * MICRO for job in (name, "eam"))
        points.append(Point(name, about.n_parameters, step, force, about.training["figures"]))
    print(table(points))
    (folder / "curve.json").write_text(json.dumps([point.as_json() for point in points], indent=1) + "\n")
    return points


def _is_trained(weights: Path, options: TrainingOptions) -> bool:
    return weights.is_file() and TrainingOptions(**torch.load(weights, weights_only=True)["options"]) == options


def table(points: Sequence[Point]) -> str:
    """One line for each network; residuals in Å, RMS per component."""
    shown = [(noise, n) for noise, n in SHOWN if all(noise in point.figures for point in points)]
    lines = [f"{'':<18}{'step':>7}{'÷ EAM':>7}{'score':>8}" + "".join(f"{f'{noise} @{n}':>15}" for noise, n in shown)]
    for p in points:
        residuals = "".join(f"{p.figures[noise][STEPS.index(n)]:>15.4f}" for noise, n in shown)
        lines.append(f"{p.name:<18}{p.step:>7.2f}{p.step / p.force:>7.2f}{score(p.figures):>8.4f}{residuals}")
    return "\n".join(lines)
