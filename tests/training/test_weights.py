from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from conftest import ROOT

from lammps_heal.errors import HealError
from lammps_heal.model.network import HealingNetwork
from lammps_heal.training.weights import read_weights


def test_the_shipped_weights_say_what_they_were_trained_on() -> None:
    shipped = read_weights(ROOT / "data/best_denoise_model.pth")
    assert (shipped.structure, shipped.elements, shipped.sigmas) == ("fcc", ["Pt"], [0.01, 0.65])
    assert shipped.lattice_constants[0] < shipped.lattice_constant < shipped.lattice_constants[1]
    assert shipped.record["data_sha256"].keys() == {f"training_{name}.xyz" for name in ("data", "defects", "thermal")}
    HealingNetwork(**asdict(shipped.sizes)).load_state_dict(shipped.network)


def test_weights_that_are_missing_or_damaged_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HealError, match='do not exist: make them with "lammps-heal train RECIPE"'):
        read_weights(tmp_path / "none.pth")
    whole = (ROOT / "data/best_denoise_model.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    torch.save({"network": {}}, tmp_path / "other.pth")
    for name in ("cut.pth", "other.pth"):
        with pytest.raises(HealError, match="holds no trained weights"):
            read_weights(tmp_path / name)
