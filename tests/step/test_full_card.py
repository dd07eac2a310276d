"""A card without memory left, played by a TorchScript that fails as torch does then: one line that says what to do."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import fcc, noisy
from lammps_runs import crystal, lmp
from torch import Tensor

import lammps_heal
from lammps_heal.errors import HealError
from lammps_heal.model.archive import read_entries, with_digest
from lammps_heal.model.model_file import Model, load
from lammps_heal.model.scripted import open_torchscript, save

SAID = "CUDA out of memory. Tried to allocate 2.00 GiB"
ADVICE = "free memory of the device, use more devices, or"


class Full(torch.nn.Module):
    """Has a network's parameters, and room for the message-passing layers alone."""

    def __init__(self, network: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.network = network
        self.length_scale = 1.0
        self.n_layers, self.n_species = 2, 1

    def forward(
        self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, species: Tensor, forces: Tensor
    ) -> Tensor:
        if forces.numel() > 0:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return forces

    @torch.jit.export
    def message_layer(
        self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, v_in: Tensor, layer: int
    ) -> Tensor:
        return v_in[centres]


@pytest.fixture
def full(tmp_path: Path, model: Model) -> Path:
    path = tmp_path / "full.pt"
    entries = read_entries(model.file, "shipped")
    save(torch.jit.script(Full(open_torchscript(model).network)), with_digest(entries), path)
    return path


@pytest.fixture
def damaged(rng: np.random.Generator) -> Atoms:
    return noisy(fcc(3), 0.1, rng)


def test_in_python(full: Path, damaged: Atoms) -> None:
    with pytest.raises(HealError) as raised:
        lammps_heal.heal(damaged, load(full), kernel=False)
    assert str(raised.value).endswith(f"{SAID}: {ADVICE} device cpu")
    assert "\n" not in str(raised.value)


def test_where_not_even_the_model_has_room(monkeypatch: pytest.MonkeyPatch, model: Model) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later")

    monkeypatch.setattr(torch.jit, "load", fail)
    with pytest.raises(HealError, match=r"^CUDA error: out of memory: free memory of the device"):
        open_torchscript(model)


@pytest.mark.lammps
def test_in_fix_heal(tmp_path: Path, full: Path, damaged: Atoms) -> None:
    done = lmp(tmp_path, crystal(tmp_path, damaged) + f"fix heal all heal {full} kernel no\nrun 1")
    errors = [line for line in done.output.splitlines() if line.startswith("ERROR")]
    assert done.exit_code != 0 and len(errors) == 1
    assert f'{SAID}: {ADVICE} "device cpu"' in errors[0]
