"""The table of many crystals: what it says of one of which the figures are known."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, fcc

from lammps_heal.crystals import coverage
from lammps_heal.crystals.cases import recorded_crystals
from lammps_heal.crystals.coverage import TITLES, Covered, Measured, cover, from_json, measure, page, table
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.errors import HealError
from lammps_heal.hosts.potential import Potential
from lammps_heal.model.model_file import load
from lammps_heal.training.recipe import Crystal
from lammps_heal.training.recipe_file import read_crystals

PLATINUM = Crystal(
    "fcc",
    ("Pt",),
    pair_style="eam",
    pair_coeff=(f"* * {ROOT / 'potentials/Pt_u3.eam'}",),
    lattice_constant=3.92,
    melting_point=1480.0,
)
WORK = LammpsWork(Potential(PLATINUM.pair_style, PLATINUM.pair_coeff), PLATINUM.elements)


@pytest.mark.lammps
def test_healed_platinum_is_as_its_quench_and_the_hot_frame_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"EDGE": 5.0, "PS": 0.5, "MEAN_PS": 0.2, "HEATS": (0.8,)}.items():
        monkeypatch.setattr(coverage, name, value)
    whole, vacant = measure(PLATINUM, load("fcc"))
    assert whole.on_site == (1.0, 1.0, 1.0)
    assert whole.labels is not None
    frame, mean, healed = whole.labels
    assert healed == 1.0
    assert frame < mean
    assert whole.vacancies is None
    assert vacant.vacancies is not None
    assert vacant.vacancies[0] == vacant.vacancies[1] > 0


@pytest.mark.lammps
def test_the_mean_lies_nearer_to_the_sites_than_the_snapshot() -> None:
    sites = fcc(4)
    snapshot, mean = WORK.heated_with_mean(sites, 300.0, 0.2, 0.5, 7)
    away = [np.std(atoms.get_scaled_positions(wrap=False) - sites.get_scaled_positions(wrap=False)) for atoms in (snapshot, mean)]
    assert 0.0 < away[1] < 0.6 * away[0]


@pytest.mark.lammps
def test_frames_of_a_hot_crystal_come_with_their_mean() -> None:
    sites = fcc(3)
    first, second = WORK.frames(sites, 700.0, 2, 0.4, 4711)
    assert not np.allclose(first.atoms.positions, second.atoms.positions)
    for frame in (first, second):
        parts = [atoms.get_scaled_positions(wrap=False) for atoms in (frame.atoms, frame.average)]
        hot, average = (float(np.std(part - sites.get_scaled_positions(wrap=False))) for part in parts)
        assert 0.0 < average < 0.7 * hot
        assert frame.step_seconds > 0.0


def test_crystals_are_read_by_name(tmp_path: Path) -> None:
    crystals = read_crystals(ROOT / "inputs/coverage.toml")
    assert crystals["Fe"].pair_coeff == ("* * Fe_mm.eam.fs Fe",)
    twice = tmp_path / "twice.toml"
    twice.write_text('[[crystal]]\nname = "Al"\n[[crystal]]\nname = "Al"\n')
    with pytest.raises(HealError, match='crystal 2 needs a name that no other has, got "Al"'):
        read_crystals(twice)


def test_what_failed_stands_below_the_table() -> None:
    row = Measured(0.8, 1184.0, (0.9, 0.95, 1.0), None, (10, 9))
    covered = {"Pt": Covered((row,), "fcc", 3000, ("rest",), 2.5)}
    assert from_json(json.loads(json.dumps(asdict(covered["Pt"])))) == covered["Pt"]
    lines = table(covered, {"Ar": "no stable crystal"}).splitlines()
    assert "9 of 10" in lines[1]
    assert lines[2] == "Ar: no stable crystal"
    lines = page(covered, {"Ar": "no stable crystal"}, {"Pt": PLATINUM}).splitlines()
    assert "| Pt | fcc | Pt | eam | fcc | 3,000 | rest | 2.5 |" in lines and "**Ar**: no stable crystal" in lines
    assert [line.count("|") for line in lines if "9 of 10" in line] == [len(TITLES) + 1]


@pytest.mark.lammps
def test_a_model_is_covered_with_its_cost_and_what_fell_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "measure", lambda described, model: iter(()))
    monkeypatch.setattr(coverage, "EDGE", 4.0)
    tungsten = load("bcc")
    covered = cover(recorded_crystals(tungsten)[0], tungsten)
    assert 0.1 < covered.microseconds < 1000.0
    assert (covered.base, covered.n_steps) == ("", 18_000)
