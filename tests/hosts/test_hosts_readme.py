"""The Python of the hosts' README runs as it stands."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import POTENTIAL, ROOT, fcc, noisy
from lammps_runs import write_data

from lammps_heal.hosts.logs import thermo_tables
from lammps_heal.hosts.runs import library

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "lammps_heal" / "hosts" / "README.md").read_text(), re.S)


def example(of: str) -> str:
    [found] = [text for text in EXAMPLES if of in text]
    return found


def test_the_example_on_atoms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    monkeypatch.chdir(tmp_path)
    sites = fcc(4)
    names: dict[str, Any] = {"atoms": noisy(sites, 0.1, rng)}
    held = names["atoms"].positions[:, 2] <= 8.0
    before = names["atoms"].positions.copy()
    exec(example("heal(atoms"), names)
    np.testing.assert_array_equal(names["healed"].positions[held], before[held])
    assert np.abs(names["atoms"].positions - sites.positions).max() < 0.05
    assert Path("healing.traj").exists()


@pytest.mark.lammps
def test_the_example_on_a_lammps_of_ones_own(tmp_path: Path, rng: np.random.Generator) -> None:
    write_data(tmp_path / "crystal.data", noisy(fcc(4), 0.1, rng))
    with library() as lmp:
        lmp.commands_list(
            [f"log {tmp_path}/log", "units metal", "atom_modify map yes", f"read_data {tmp_path}/crystal.data", "mass 1 195.084"]
        )
        lmp.commands_list(["pair_style eam", f"pair_coeff * * {POTENTIAL}"])
        exec(example("attach(lmp"), {"lmp": lmp})
    [table] = thermo_tables((tmp_path / "log").read_text())
    assert list(table) == ["Step", "PotEng", "rms_move", "largest_move"]
    assert table["Step"] == list(range(11))
    assert table["largest_move"][1] > 0.1 > table["largest_move"][10] > 0.0 and table["PotEng"][10] < table["PotEng"][0]
