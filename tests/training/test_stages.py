import json
import os
import re
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import ase.io
import pytest
import torch
from conftest import BIN, fcc
from trainings import STAGE, recipe, write_crystals

from lammps_heal.errors import HealError, Interrupted
from lammps_heal.model.export import export
from lammps_heal.model.model_file import load
from lammps_heal.model.scripted import weights_hash
from lammps_heal.training import stages
from lammps_heal.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from lammps_heal.training.provenance import is_trained
from lammps_heal.training.recipe import Recipe
from lammps_heal.training.stages import Files, train
from lammps_heal.training.trainer import Trainer
from lammps_heal.training.validation import Figures
from lammps_heal.training.weights import read_network, read_weights


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_crystals(tmp_path / "structures.xyz")


def files(folder: Path) -> Files:
    return Files(folder / "weights.pth", folder)


def run(made: Recipe, folder: Path, resume: bool = False) -> Figures:
    return train(made, files(folder), "lammps-heal train", resume=resume)


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in files(folder).log.read_text().splitlines()]


def two_stages(data: Path) -> Recipe:
    first = recipe(data, n_layers=1)
    last = replace(STAGE, n_hidden=20, steps=20, seed=2, tuning_steps=2)
    return replace(first, stages=(replace(STAGE, steps=20), last))


def interrupted_at(stage: int, step: int, monkeypatch: pytest.MonkeyPatch, number: int = signal.SIGTERM) -> None:
    """Send a signal within that training step (numbers from 0)."""
    original, seeds = Trainer.train_step, (STAGE.seed, 2)

    def interrupted(self: Trainer) -> float:
        if (self.stage.seed, self.step) == (seeds[stage], step):
            os.kill(os.getpid(), number)
        return original(self)

    monkeypatch.setattr(Trainer, "train_step", interrupted)


def same_weights(first: Path, second: Path) -> bool:
    one, other = (read_weights(path).network for path in (first, second))
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_training_heals_better_with_each_validation(data: Path, tmp_path: Path) -> None:
    figures = run(recipe(data, steps=200, validate_every=100), tmp_path)
    first, last = lines(tmp_path)
    assert (first["step"], last["step"]) == (100, 200)
    assert last["score"] < first["score"]
    assert last["rmsd"] == figures
    assert figures["0.1"][1] < 0.6 * figures["0.1"][0]


@pytest.mark.parametrize(("stage", "step"), [(0, 15), (1, 5)])
def test_a_signal_saves_a_checkpoint_and_the_training_goes_on_to_the_same_weights(
    stage: int, step: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, whole, parts = two_stages(data), tmp_path / "whole", tmp_path / "parts"
    run(made, whole)
    interrupted_at(stage, step, monkeypatch)
    with pytest.raises(Interrupted) as error:
        run(made, parts)
    assert error.value.number == signal.SIGTERM
    assert (
        str(error.value)
        == f'ended by SIGTERM; stage {stage + 1} of 2, step {step + 1} of 20 is saved in "{parts / "weights.checkpoint"}"'
    )
    assert not (parts / "weights.pth").exists()
    monkeypatch.undo()
    with pytest.raises(HealError, match=r"of a training under way \(stage . of 2, step"):
        run(made, parts)  # nothing is lost by forgetting to resume
    run(made, parts, resume=True)
    assert same_weights(whole / "weights.pth", parts / "weights.pth")
    assert [(line["stage"], line["step"]) for line in lines(parts)] == [(1, 10), (1, 20), (2, 10), (2, 20)]


def test_a_signal_while_layers_are_tuned_loses_no_step(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, whole, parts = two_stages(data), tmp_path / "whole", tmp_path / "parts"
    run(made, whole)
    monkeypatch.setattr(Trainer, "tune_layers", lambda self: self.step == 20 and os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted, match="stage 1 of 2, step 20 of 20 is saved"):
        run(made, parts)
    monkeypatch.undo()
    run(made, parts, resume=True)
    assert same_weights(whole / "weights.pth", parts / "weights.pth")


def test_checkpoints_come_by_time(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []

    def noted(checkpoint: Checkpoint, path: Path) -> None:
        saved.append(checkpoint.step)
        write_checkpoint(checkpoint, path)

    monkeypatch.setattr(stages, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(stages, "write_checkpoint", noted)
    run(recipe(data, steps=4, validate_every=1000), tmp_path)
    assert saved == [1, 2, 3, 4, 4, 4]  # the last two: before the validation, and as finished


def test_a_stage_begins_with_the_weights_of_the_one_before(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    original = Trainer.train_step
    monkeypatch.setattr(Trainer, "train_step", lambda self: begun.append(weights_hash(self.network)) or original(self))
    made = replace(two_stages(data), stages=(replace(STAGE, steps=5), replace(STAGE, steps=5)))
    run(made, tmp_path)
    first = read_network(tmp_path / "weights.stage1.pth")
    assert begun[5] == weights_hash(first.network) != begun[0]
    assert first.training["stage"] == 1 and read_weights(tmp_path / "weights.pth").record["stage"] == 2


def test_the_last_weights_are_kept_whatever_their_score(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worse_and_worse = iter(range(1, 10))
    monkeypatch.setattr(stages, "score", lambda figures: next(worse_and_worse))
    figures = run(recipe(data, steps=20), tmp_path)
    kept = read_weights(tmp_path / "weights.pth")
    assert kept.record["step"] == 20 and kept.record["figures"] == figures
    last = read_checkpoint(tmp_path / "weights.checkpoint").trainer["network"]
    assert all(torch.equal(value, kept.network[name]) for name, value in last.items())


def test_a_finished_training_can_be_given_more_steps(data: Path, tmp_path: Path) -> None:
    """It goes on from before its layers were tuned, and says that it was not trained in one go."""
    short = recipe(data, steps=20, n_layers=1, tuning_steps=2)
    run(short, tmp_path)
    long = recipe(data, steps=30, n_layers=1, tuning_steps=2)
    assert is_trained(tmp_path / "weights.pth", short) and not is_trained(tmp_path / "weights.pth", long)
    run(long, tmp_path, resume=True)
    record = read_weights(tmp_path / "weights.pth").record
    assert record["step"] == 30 and record["lengthened"] == ["stage 1: 20 steps up to step 20, then 30"]
    with pytest.raises(HealError, match="stage 1 is to have 25 steps and has taken 30 already"):
        run(recipe(data, steps=25, n_layers=1, tuning_steps=2), tmp_path, resume=True)


def test_a_finished_training_is_not_repeated(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = recipe(data, steps=5)
    figures = run(made, tmp_path)
    monkeypatch.setattr(Trainer, "train_step", lambda self: pytest.fail("trained again"))
    assert run(made, tmp_path, resume=True) == figures


def test_weights_of_the_same_recipe_do_not_keep_a_training_from_going_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the shipped weights would keep `make train`."""
    made = two_stages(data)
    run(made, tmp_path)
    before = (tmp_path / "weights.pth").stat().st_mtime_ns
    interrupted_at(0, 3, monkeypatch)
    with pytest.raises(Interrupted):
        run(made, tmp_path)
    monkeypatch.undo()
    run(made, tmp_path, resume=True)
    assert (tmp_path / "weights.pth").stat().st_mtime_ns > before
    assert read_checkpoint(tmp_path / "weights.checkpoint").is_finished


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 9}, "stage.1.seed"),
        ({"n_channels": 5}, "network.n_channels"),
        ({"sigma": (0.0, 0.1)}, "stage.1.sigma"),
    ],
)
def test_another_recipe_cannot_resume(changes: dict[str, object], named: str, data: Path, tmp_path: Path) -> None:
    run(recipe(data, steps=10), tmp_path)
    with pytest.raises(HealError, match=rf"another recipe \({re.escape(named)}\)"):
        run(recipe(data, **{"steps": 10, **changes}), tmp_path, resume=True)


def test_changed_data_cannot_resume(data: Path, tmp_path: Path) -> None:
    run(recipe(data, steps=10), tmp_path)
    ase.io.write(data, fcc(2), format="extxyz", append=True)
    with pytest.raises(HealError, match=r"data have changed .* \(structures.xyz: SHA-256 \w{12}…, needed \w{12}…\)"):
        run(recipe(data, steps=10), tmp_path, resume=True)


def test_resuming_without_a_checkpoint_says_so(data: Path, tmp_path: Path) -> None:
    with pytest.raises(HealError, match="start without --resume"):
        run(recipe(data), tmp_path, resume=True)
    files(tmp_path).checkpoint.write_bytes(b"nothing")
    for resume in (True, False):
        with pytest.raises(HealError, match="is no checkpoint that can be gone on from"):
            run(recipe(data), tmp_path, resume=resume)


def test_missing_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(HealError, match=r'structure file ".*none.xyz" does not exist: make it with "make data"'):
        run(recipe(tmp_path / "none.xyz"), tmp_path)


def test_weights_become_a_model_file_that_tells_the_recipe(data: Path, tmp_path: Path) -> None:
    made = recipe(data, steps=10)
    run(replace(made, text="# as read", changes=("training.seed=1",)), tmp_path)
    export(read_network(tmp_path / "weights.pth"), tmp_path / "model.pt")
    model = load(tmp_path / "model.pt")
    assert (model.structure, model.elements, model.cutoff, model.sigmas) == ("fcc", ("Pt",), 5.0, (0.01, 0.2))
    assert model.training["recipe"] == "# as read" and model.training["changes"] == ["training.seed=1"]
    assert model.training["stages"] == made.as_json()["stages"]
    assert model.training["command"] == "lammps-heal train" and len(model.training["data_sha256"]["structures.xyz"]) == 64


RECIPE = """
[data]
files = ["structures.xyz"]
[network]
cutoff = 5.0
n_basis = 10
n_channels = 4
n_hidden = 16
[[stage]]
steps = 100000
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_stops_with_a_checkpoint_and_says_how_to_go_on(number: int, code: int, data: Path) -> None:
    """Output goes to runs/ unless it is named."""
    folder = data.parent
    (folder / "trial.toml").write_text(RECIPE)
    command = [str(BIN / "lammps-heal"), "train", "trial.toml"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while "step/s" not in said:  # it trains
            part = process.stderr.read(1)
            assert part, said
            said += part
        process.send_signal(number)
        stopped_at = time.monotonic()
        said += process.stderr.read()
    assert process.returncode == code, said
    assert time.monotonic() - stopped_at < 60.0
    last = said.splitlines()[-1]
    found = re.fullmatch(
        r'lammps-heal: ended by SIG(?:INT|TERM); stage 1 of 1, step (\d+) of 100000 is saved in "runs/trial.checkpoint": '
        "go on with the same command and --resume",
        last,
    )
    assert found, said
    steps = int(found[1]) + 3
    done = subprocess.run(
        [*command, "--resume", "--set", f"stage.1.steps={steps}"], cwd=folder, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "weights: runs/trial.pth (lammps-heal export runs/trial.pth)"
    assert read_weights(folder / "runs/trial.pth").record["step"] == steps
    assert {path.name for path in (folder / "runs").iterdir()} == {"trial.pth", "trial.checkpoint", "trial.log"}
