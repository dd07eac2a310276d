"""Observing as the evaluation measures it: hot frames, and cases on small structures."""

import numpy as np
import pytest
from conftest import ROOT

from lammps_heal.evaluation.comparison import moves
from lammps_heal.evaluation.hot_frames import hot_frames
from lammps_heal.evaluation.seen_disorder import seen_front
from lammps_heal.evaluation.seen_heat import seen_heat
from lammps_heal.evaluation.sizes import QUICK
from lammps_heal.evaluation.starts import crystal_start, relaxed
from lammps_heal.model.model_file import Model

pytestmark = pytest.mark.lammps


@pytest.fixture(autouse=True)
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_mean_positions_are_colder_than_frames() -> None:
    start = relaxed(crystal_start(4, 0.0))
    frames = list(hot_frames(start, 700.0, 2, 0.4, 4711))
    assert not np.allclose(frames[0].atoms.positions, frames[1].atoms.positions)
    for frame in frames:
        sites = start.copy()
        sites.set_cell(frame.atoms.cell, scale_atoms=True)
        hot, average = (float(np.sqrt((moves(atoms, sites) ** 2).mean())) for atoms in (frame.atoms, frame.average))
        assert 0.05 < hot < 0.25 and average < 0.7 * hot  # Å
        assert frame.step_seconds > 0.0


def test_hot_crystals_are_seen_as_their_quench_is(model: Model) -> None:
    rows = seen_heat(model, QUICK)
    judged = [row for row in rows if row.passed is not None]
    assert len(judged) >= 8 and sum(row.passed is True for row in judged) >= len(judged) - 1
    by_method = {row.structure.split(": ")[1]: row.healed for row in rows if ": " in row.structure}
    raw, ours = by_method["raw frame, PTM at 0.10"], by_method["observe, 3 steps"]
    assert isinstance(raw, list) and isinstance(ours, list)
    assert raw[0] < 0.6 and ours[0] > 0.99


def test_no_crystal_is_seen_in_a_melt(model: Model) -> None:
    fcc, area = seen_front(model, QUICK)
    assert fcc.healed == 0 and isinstance(area.healed, float) and area.healed > 0.95
