"""The table and the picture of a healing run."""

from pathlib import Path

import numpy as np
import pytest
from conftest import fcc

from lammps_heal.analysis.healed_steps import healed_steps, structure_of, table
from lammps_heal.analysis.picture import draw_layer
from lammps_heal.errors import HealError


def test_moves_are_to_the_nearest_image_and_energies_above_the_relaxed() -> None:
    sites = fcc(3)
    first, second = sites.copy(), sites.copy()
    del first[[50]], second[[50]]
    second.positions[0] -= [0.3, 0.0, 0.4]
    second.wrap()
    thermo = {"Step": [0.0, 1.0], "v_energy": [-5.7, -5.76], "c_fcc": [0.5, 0.75]}
    steps = healed_steps(thermo, [first, second], sites, -5765.0)
    assert [s.step for s in steps] == [0, 1]
    assert [s.excess_meV for s in steps] == pytest.approx([65.0, 5.0])
    assert (steps[0].rms, steps[0].largest) == (0.0, 0.0)
    assert steps[1].largest == pytest.approx(0.5)
    assert steps[1].rms == pytest.approx(0.5 / np.sqrt(len(first)))
    assert all((s.defects.vacancies, s.defects.interstitials) == (1, 0) for s in steps)
    row = table(steps, structure_of(thermo)).splitlines()[2].split()
    assert row == ["1", "5.000", f"{0.5 / np.sqrt(107):.5f}", "0.50000", "75.00%", "1", "0"]


def test_a_picture_is_of_the_kind_that_its_name_says(tmp_path: Path) -> None:
    sites = fcc(3)
    clean = sites.copy()
    del clean[[50]]
    for name, start in (("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")):
        draw_layer(clean, clean, sites, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(HealError, match=r'cannot be of the kind ".xyz": name it as one of'):
        draw_layer(clean, clean, sites, tmp_path / "a.xyz")
