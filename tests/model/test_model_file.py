import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import MODEL, fcc, noisy
from networks import displacements, random_network

from lammps_heal.errors import HealError
from lammps_heal.model import model_file


def small_model(sigma_max: float = 0.1, n_layers: int = 2) -> model_file.ModelFile:
    network = random_network(n_layers)
    return model_file.ModelFile(network, ["Pt"], [195.08], 3.92, [3.8, 4.0], [0.01, sigma_max], {"seed": 1})


@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_eager_and_exported_give_the_same_numbers(tmp_path: Path, n_layers: int, rng: np.random.Generator) -> None:
    eager = small_model(n_layers=n_layers)
    path = tmp_path / "model.pt"
    model_file.export(eager, path)
    atoms = noisy(fcc(3), 0.3, rng)
    answers = [displacements(model, atoms) for model in (eager, model_file.load(path), eager.network)]
    assert np.abs(answers[0]).max() > 1e-3
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)
    np.testing.assert_allclose(answers[0], answers[2], atol=1e-6)


def test_a_model_file_says_all_that_a_host_must_know(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    model_file.export(small_model(), path)
    said = model_file.describe(model_file.load(path))
    assert said["elements"] == ["Pt"]
    assert said["cutoff"] == 5.0
    assert said["lattice_constants"] == [3.8, 4.0]
    assert said["sigmas"] == [0.01, 0.1]
    assert said["n_layers"] == 2
    assert said["format_version"] == model_file.FORMAT_VERSION
    assert said["training"] == {"seed": 1}


def test_the_shipped_model_records_how_it_was_trained(model: torch.jit.ScriptModule) -> None:
    training = model_file.describe(model)["training"]
    assert training["command"].startswith("lammps-heal train")
    assert training["options"]["seed"] == 1
    assert set(training["figures"]) >= {"0.1", "0.3", "0.4"}
    assert MODEL.stat().st_size < 2_000_000
    json.dumps(training)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HealError, match=r'no_model\.pt" does not exist: name a file written by "lammps-heal export"'):
        model_file.load(tmp_path / "no_model.pt")


def test_a_file_that_is_no_torchscript_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.pt"
    path.write_text("no model at all")
    with pytest.raises(HealError, match="damaged or no TorchScript file"):
        model_file.load(path)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "cut.pt"
    whole = MODEL.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(HealError, match="damaged"):
        model_file.load(path)


def test_foreign_torchscript_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.pt"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))
    with pytest.raises(HealError, match="is TorchScript but no lammps-heal model"):
        model_file.load(path)


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "future.pt"
    future = small_model()
    future.format_version = 99
    model_file.export(future, path)
    with pytest.raises(HealError, match="format version 99, needed 4"):
        model_file.load(path)


def test_changed_weights_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "changed.pt"
    changed = small_model()
    with torch.no_grad():
        changed.network.mixing[0, 0, 0] += 1.0
    model_file.export(changed, path)
    with pytest.raises(HealError, match="hash"):
        model_file.load(path)


def test_a_failed_export_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    model_file.export(small_model(), path)
    before = path.read_bytes()

    def disk_full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(torch.jit, "save", disk_full)
    with pytest.raises(OSError, match="no space"):
        model_file.export(small_model(0.2), path)
    assert path.read_bytes() == before
