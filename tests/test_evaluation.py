"""What the shipped model must show, on structures that training never sees (evaluation.py has their seeds)."""

import json
from pathlib import Path

import pytest
import torch
from conftest import MODEL

from lammps_heal import evaluation
from lammps_heal.errors import HealError

pytestmark = pytest.mark.lammps

# RMSD per component, Å, after 1, 2, 4 and 8 steps that a first trial of this kind of network reached
# (2,048 atoms); healing must be no worse.
TRIAL = {
    0.1: (0.020, 0.011, 0.006, 0.003),
    0.3: (0.116, 0.042, 0.021, 0.011),
    0.4: (0.210, 0.096, 0.032, 0.015),
    0.5: (0.338, 0.232, 0.091, 0.022),
}
TRIAL_DIGITS = 0.0005  # Å, half the last digit that the trial's figures have


@pytest.fixture(autouse=True)
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(MODEL.parent.parent)


def test_noise_is_healed_as_well_as_in_the_trial(model: torch.jit.ScriptModule) -> None:
    rows = {row["sigma"]: row for row in evaluation.noise(model)}
    for sigma, expected in TRIAL.items():
        reached = dict(zip(rows[sigma]["steps"], rows[sigma]["rmsd"], strict=True))
        for steps, limit in zip((1, 2, 4, 8), expected, strict=True):
            assert reached[steps] < limit + TRIAL_DIGITS, (sigma, steps)
    for sigma in (0.1, 0.3, 0.4, 0.5):
        assert rows[sigma]["frenkel_pairs"] == 0


def test_every_vacancy_is_kept_in_fifty_crystals(model: torch.jit.ScriptModule) -> None:
    figures = evaluation.vacancies(model)
    assert figures["crystals"] == 50
    assert figures["kept"] == 50
    assert figures["on_their_site"] == 50


def test_the_hot_crystal_heals_to_the_minimised_one(model: torch.jit.ScriptModule) -> None:
    figures = evaluation.hot(model)
    assert figures["healed_fcc"] == pytest.approx(1.0)
    assert abs(figures["healed_excess_meV"] - figures["minimised_excess_meV"]) < 0.5


def test_the_healed_stay(model: torch.jit.ScriptModule) -> None:
    for row in evaluation.stay(model):
        assert row["rms"] < 0.01, row
        assert row["largest"] < 0.05, row


def test_figures_are_written_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(evaluation.CASES, "quick", lambda model: {"cutoff": model.cutoff})
    evaluation.evaluate(MODEL, ["quick"], tmp_path / "deep" / "figures.json")
    assert json.loads((tmp_path / "deep" / "figures.json").read_text())["quick"] == {"cutoff": 6.0}


def test_an_unknown_case_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(HealError, match="choose from noise, vacancies, hot, stay"):
        evaluation.evaluate(MODEL, ["nonsense"], tmp_path / "figures.json")
