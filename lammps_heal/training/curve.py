"""`lammps-heal curve`: how well networks of other sizes heal, and what a step of theirs costs.

Each is trained from scratch, all else alike and far shorter than the shipped model, so that it says which size
pays, not how well it would heal in the end. Its validation figures stand beside the time of a step of its kernel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from lammps_heal.benchmark import jobs as bench_lammps
from lammps_heal.errors import HealError
from lammps_heal.model.export import export
from lammps_heal.training.checkpoint import read_checkpoint, require_same
from lammps_heal.training.provenance import is_trained, sha256_of
from lammps_heal.training.recipe import Recipe
from lammps_heal.training.stages import Files, train
from lammps_heal.training.validation import VALIDATION_STEPS, score
from lammps_heal.training.weights import read_network, read_weights
from lammps_heal.whole_files import write_json

# What differs from the recipe's network.
SIZES: dict[str, dict[str, Any]] = {
    "as given": {},
    "cutoff 5.0 Å": {"cutoff": 5.0},
    "cutoff 7.0 Å": {"cutoff": 7.0},
    "16 channels": {"n_channels": 16},
    "32 hidden units": {"n_hidden": 32},
    "128 hidden units": {"n_hidden": 128},
    "no layer": {"n_layers": 0},
    "1 layer": {"n_layers": 1},
    "3 layers": {"n_layers": 3},
}
TIMED_ATOMS, TIMED_STEPS, MICRO = 32_000, 20, 1.0e6
FORCE = "force"  # job of inputs/in.bench: force calls of EAM
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


def curve(recipe: Recipe, folder: Path, command: str = "", rounds: int = 3) -> list[Point]:
    """Train what is not yet in the folder, time everything in turns, print the table and write curve.json.

    A network is trained anew unless the folder holds it, or a part of its training, by this very recipe. Raises
    HealError and Interrupted as training does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: folder / f"{name.replace(' ', '_')}.pth" for name in SIZES}
    for name, changes in SIZES.items():
        print(name, flush=True)
        _train(recipe, changes, Files(weights[name], folder), command)
        export(read_network(weights[name]), weights[name].with_suffix(".pt"))
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        done = bench_lammps.run(FORCE, TIMED_ATOMS, steps=TIMED_STEPS)
        seconds.setdefault(FORCE, []).append(done.section("Pair") / done.steps / done.n_atoms)
        for name in SIZES:
            model = weights[name].with_suffix(".pt")
            done = bench_lammps.run("heal", TIMED_ATOMS, steps=TIMED_STEPS, model=model, options="kernel yes")
            seconds.setdefault(name, []).append(done.section("Modify") / done.steps / done.n_atoms)
    points = []
    for name in SIZES:
        trained = read_weights(weights[name])
        parameters = sum(value.numel() for value in trained.network.values())
        step, force = (median(seconds[job]) * MICRO for job in (name, FORCE))
        points.append(Point(name, parameters, step, force, trained.record["figures"]))
    print(table(points))
    write_json(folder / "curve.json", [point.as_json() for point in points])
    return points


def _train(recipe: Recipe, changes: dict[str, Any], files: Files, command: str) -> None:
    stages = tuple(replace(stage, validate_every=stage.steps) for stage in recipe.stages)
    changed = replace(recipe, network=replace(recipe.network, **changes), stages=stages)
    if not is_trained(files.weights, changed):
        resume = _can_be_resumed(files.checkpoint, changed)
        if not resume:
            files.checkpoint.unlink(missing_ok=True)
        train(changed, files, command, resume=resume)


def _can_be_resumed(checkpoint: Path, recipe: Recipe) -> bool:
    try:
        require_same(read_checkpoint(checkpoint), recipe, sha256_of(recipe.data))
    except HealError:
        return False
    return True


def table(points: Sequence[Point]) -> str:
    """One line for each network; residuals in Å, RMS per component."""
    shown = [(noise, n) for noise, n in SHOWN if all(noise in point.figures for point in points)]
    lines = [f"{'':<18}{'step':>7}{'÷ EAM':>7}{'score':>8}" + "".join(f"{f'{noise} @{n}':>15}" for noise, n in shown)]
    for p in points:
        residuals = "".join(f"{p.figures[noise][STEPS.index(n)]:>15.4f}" for noise, n in shown)
        lines.append(f"{p.name:<18}{p.step:>7.2f}{p.step / p.force:>7.2f}{score(p.figures):>8.4f}{residuals}")
    return "\n".join(lines)
