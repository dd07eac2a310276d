"""Observing as the evaluation measures it: hot frames, and cases on small structures."""

import numpy as np
import pytest
from ase import Atoms
from conftest import ROOT

from lammps_heal.analysis.local_structure import FCC, HCP
from lammps_heal.evaluation.seen import fault_centres, seen_front, seen_heat
from lammps_heal.evaluation.sizes import QUICK
from lammps_heal.model.model_file import Model

pytestmark = pytest.mark.lammps


@pytest.fixture(autouse=True)
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_hot_crystals_are_seen_as_their_quench_is(model: Model) -> None:
    rows = seen_heat(model, QUICK)
    of_vacancies = [row for row in rows if "vacanc" in row.structure]
    assert len(of_vacancies) == 12 and sum(row.passed is True for row in of_vacancies) >= 11
    on_sites = [row for row in rows if "interstitials" in row.structure and "sites" in row.figure]
    assert len(on_sites) == 4 and all(row.passed for row in on_sites)
    by_method = {row.structure.split(": ")[1]: row.healed for row in rows if ": " in row.structure}
    raw, ours = by_method["raw frame, PTM at 0.10"], by_method["observe, 3 steps"]
    assert isinstance(raw, list) and isinstance(ours, list)
    assert raw[0] < 0.6 and ours[0] > 0.99


def test_no_crystal_is_seen_in_a_melt(model: Model) -> None:
    fcc, area = seen_front(model, QUICK)
    assert fcc.healed == 0 and isinstance(area.healed, float) and area.healed > 0.95


def test_a_fault_across_the_faces_of_the_box_has_its_centre_there() -> None:
    x = [9.0, 0.0, 1.0, 5.0, 4.0, 5.0, 6.0, 0.0]
    z = [9.0, 9.5, 0.5, 0.5, 4.0, 5.0, 6.0, 5.0]
    atoms = Atoms("Pt8", positions=np.column_stack([x, np.zeros(8), z]), cell=[10.0, 10.0, 10.0], pbc=True)
    labels = np.array([HCP, HCP, HCP, FCC, HCP, HCP, HCP, FCC], np.int32)
    middle, at_face = fault_centres(atoms, labels)
    assert np.cos(2.0 * np.pi * (middle - 5.0) / 10.0) == pytest.approx(1.0)
    assert np.cos(2.0 * np.pi * at_face / 10.0) == pytest.approx(1.0)
    assert np.isnan(fault_centres(atoms, np.full(8, FCC, np.int32))).all()
