import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from trainings import recipe, write_crystals

from lammps_heal.training import curve
from lammps_heal.training.checkpoint import read_checkpoint
from lammps_heal.training.trainer import Trainer


@pytest.mark.lammps
def test_networks_of_the_curve_are_trained_once_and_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # inputs/in.bench
    monkeypatch.setattr(curve, "SIZES", {"as given": {}, "16 channels": {"n_channels": 16}, "no layer": {"n_layers": 0}})
    monkeypatch.setattr(curve, "TIMED_ATOMS", 500)
    made, folder = recipe(write_crystals(tmp_path / "crystals.xyz"), steps=2, n_layers=1, sigma=(0.01, 0.1)), tmp_path / "curve"
    given, wide, silent = curve.curve(made, folder, rounds=1)
    assert wide.parameters > given.parameters > silent.parameters
    assert all(point.step > 0.0 and point.force > 0.0 for point in (given, wide, silent))
    assert [point["name"] for point in json.loads((folder / "curve.json").read_text())] == list(curve.SIZES)

    trained: list[int] = []
    original = Trainer.train_step
    monkeypatch.setattr(Trainer, "train_step", lambda self: trained.append(self.step) or original(self))
    again = curve.curve(made, folder, rounds=1)
    assert trained == [] and again[1].figures == wide.figures
    longer = replace(made, stages=(replace(made.stages[0], steps=3),))
    curve.curve(longer, folder, rounds=1)
    assert trained == [2, 2, 2]  # they go on
    other = replace(made, stages=(replace(made.stages[0], seed=3),))
    curve.curve(other, folder, rounds=1)
    assert trained[3:] == [0, 1] * 3  # anew
    assert read_checkpoint(folder / "as_given.checkpoint").recipe["stages"][0]["seed"] == 3


def test_the_table_shows_what_all_networks_have() -> None:
    figures = {"0.1": [0.1, 0.03, 0.02, 0.01, 0.005], "0.3": [0.3, 0.1, 0.04, 0.02, 0.01]}
    point = curve.Point("as given", 100, 1.5, 0.5, figures)
    head, line = curve.table([point]).splitlines()
    assert head.split("score")[1].split() == ["0.1", "@8", "0.3", "@1", "0.3", "@2"]
    assert line.split()[2:5] == ["1.50", "3.00", "0.1145"]
    assert line.split()[5:] == ["0.0050", "0.1000", "0.0400"]
