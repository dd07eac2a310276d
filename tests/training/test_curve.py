import json
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pytest
from conftest import ROOT, fcc

from lammps_heal.training import curve
from lammps_heal.training.options import TrainingOptions

OPTIONS = TrainingOptions(steps=2, cutoff=5.0, n_channels=8, n_hidden=16, n_layers=1, sigma_max=0.1)


@pytest.mark.lammps
def test_networks_of_the_curve_are_trained_once_and_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # inputs/in.bench
    monkeypatch.setattr(curve, "SIZES", {"as given": {}, "16 channels": {"n_channels": 16}, "no relay": {"n_layers": 0}})
    monkeypatch.setattr(curve, "TIMED_ATOMS", 500)
    data, folder = tmp_path / "crystals.xyz", tmp_path / "curve"
    ase.io.write(data, [fcc(3, 3.92 * scale) for scale in np.linspace(0.98, 1.02, 10)], format="extxyz")
    given, wide, silent = curve.curve([data], OPTIONS, folder, rounds=1)
    assert wide.parameters > given.parameters > silent.parameters
    assert all(point.step > 0.0 and point.force > 0.0 for point in (given, wide, silent))
    assert [point["name"] for point in json.loads((folder / "curve.json").read_text())] == list(curve.SIZES)

    trained = []
    monkeypatch.setattr(curve, "train", lambda data, options, *paths: trained.append(options))
    again = curve.curve([data], OPTIONS, folder, rounds=1)
    assert trained == [] and again[1].figures == wide.figures
    monkeypatch.setattr(curve, "read_network", lambda weights: pytest.fail("exported before it was trained anew"))
    with pytest.raises(pytest.fail.Exception):
        curve.curve([data], replace(OPTIONS, steps=3), folder, rounds=1)
    assert [options.steps for options in trained] == [3]


def test_the_table_shows_what_all_networks_have() -> None:
    figures = {"0.1": [0.1, 0.03, 0.02, 0.01, 0.005], "0.3": [0.3, 0.1, 0.04, 0.02, 0.01]}
    point = curve.Point("as given", 100, 1.5, 0.5, figures)
    head, line = curve.table([point]).splitlines()
    assert head.split("score")[1].split() == ["0.1", "@8", "0.3", "@1", "0.3", "@2"]
    assert line.split()[2:5] == ["1.50", "3.00", "0.1145"]
    assert line.split()[5:] == ["0.0050", "0.1000", "0.0400"]
