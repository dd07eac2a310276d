"""The model file: what it records, and that nothing damaged or foreign is taken for one."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import MODEL, TOLERANCE, fcc, noisy
from networks import displacements, exported, random_network, rewritten, trained

import lammps_heal
from lammps_heal.errors import HealError
from lammps_heal.model.archive import METADATA, TRAINING
from lammps_heal.model.export import export, pack
from lammps_heal.model.model_file import FORMAT_VERSION, Model, load
from lammps_heal.model.names import SHIPPED, shipped_names
from lammps_heal.model.scripted import open_torchscript

TABLE_ERROR = 1.0e-5  # relative to the largest value of a table: quadratics are as exact as float32


@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_torch_and_exported_torchscript_give_the_same_numbers(tmp_path: Path, n_layers: int, rng: np.random.Generator) -> None:
    network = random_network(n_layers)
    atoms = noisy(fcc(3), 0.3, rng)
    by_torch, by_torchscript = displacements(network, atoms), displacements(exported(network, tmp_path), atoms)
    assert np.abs(by_torch).max() > 1e-3
    np.testing.assert_allclose(by_torch, by_torchscript, atol=TOLERANCE[torch.float32])


def test_a_model_file_says_all_that_a_host_must_know(tmp_path: Path) -> None:
    model = exported(random_network(2), tmp_path)
    assert (model.structure, model.elements, model.masses) == ("fcc", ("Pt",), (195.084,))
    assert (model.cutoff, model.lattice_constants, model.sigmas) == (5.0, (3.8, 4.0), (0.0, 0.1))
    assert (model.n_layers, model.length_scale, model.training) == (2, 1.0, {"seed": 1})
    assert repr(model).startswith("Model fcc (Pt), lattice constant 3.92 Å (3.8 to 4), noise 0 to 0.1 Å, cutoff 5 Å, ")
    described = json.loads(json.dumps(model.describe()))
    assert (described["format_version"], described["n_hidden"]) == (FORMAT_VERSION, 16)


def test_a_joint_model_names_its_structures_the_one_of_its_lattice_constant_first(tmp_path: Path) -> None:
    joint = replace(trained(random_network(1)), structures=["fcc", "bcc"])
    export(joint, tmp_path / "joint.pt")
    model = load(tmp_path / "joint.pt", lattice=3.6)
    assert (model.structure, model.structures, model.elements) == ("fcc", ("fcc", "bcc"), ())
    assert exported(random_network(1), tmp_path).structures == ("fcc",)
    export(replace(joint, structures=["bcc", "fcc"]), tmp_path / "joint.pt")
    with pytest.raises(HealError, match="structures bcc fcc do not begin with fcc"):
        load(tmp_path / "joint.pt")


def test_the_packed_weights_are_those_of_the_network(tmp_path: Path) -> None:
    network = random_network(2, cutoff=4.0, n_channels=3)
    weights, packed = exported(network, tmp_path).weights, pack(network)
    for name, array in weights.arrays().items():
        np.testing.assert_array_equal(array, packed.arrays()[name])
    np.testing.assert_array_equal(weights.weights[2], network.gates[4].weight.detach())
    # The quadratics against the functions themselves, at places where no sample was taken.
    place = np.array([-0.37, 0.11])
    distances = ((np.arange(weights.n_intervals)[:, None] + 0.5 + place) * weights.cutoff / weights.n_intervals).ravel()
    for table, function in ((weights.radial, network.radial_functions), (weights.messages, network.message_functions)):
        expected = function(torch.tensor(distances, dtype=torch.float32)).detach().numpy()
        found = np.einsum("pk,ikc->ipc", place[:, None] ** np.arange(3), table).reshape(expected.shape)
        np.testing.assert_allclose(found, expected, atol=TABLE_ERROR * np.abs(expected).max())


def test_the_record_is_what_torch_says_of_its_crystal(tmp_path: Path) -> None:
    network = random_network(2)
    record = exported(network, tmp_path).record
    atoms = fcc(1)
    atoms = type(atoms)("Pt" * len(record.positions), positions=record.positions, cell=record.cell, pbc=True)
    assert len(atoms) == 4 * 3**3 - 1
    assert np.abs(record.displacement).max() > 0.01
    np.testing.assert_allclose(displacements(network, atoms), record.displacement, atol=TOLERANCE[torch.float32])


def test_another_crystal_of_the_structure_scales_all_lengths(model: Model) -> None:
    copper = load(MODEL, lattice=3.615)
    scale = 3.615 / model.lattice_constant
    assert copper.cutoff == pytest.approx(scale * model.cutoff)
    assert copper.max_displacement == pytest.approx(scale * model.max_displacement)
    assert (copper.elements, copper.length_scale) == ((), pytest.approx(scale))
    assert model.scaled(3.0).scaled(3.615).length_scale == pytest.approx(scale)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(HealError, match="must be a length above 0 Å"):
            model.scaled(wrong)


def test_the_shipped_model_has_a_name_and_records_how_it_was_trained() -> None:
    model = lammps_heal.load()
    assert "fcc" in shipped_names()
    assert model.path == SHIPPED / "fcc.pt" and model.file == MODEL.read_bytes()
    assert len(model.file) < 1_000_000
    assert set(model.training["figures"]) >= {"0.1", "0.3", "0.4"}
    assert set(model.training["data_sha256"]) == {f"training_{name}.xyz" for name in ("data", "defects", "thermal")}


def test_a_model_is_read_without_torch() -> None:
    program = "import sys, lammps_heal; lammps_heal.load(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_missing_file_is_named_with_the_names_there_are() -> None:
    with pytest.raises(HealError, match=r'model "no_model.pt" does not exist: name a file .* or one of .*fcc'):
        load("no_model.pt")


@pytest.mark.parametrize("content", [b"", b"no model at all", b"PK\x03\x04" + 100 * b"\0"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.pt"
    path.write_bytes(content)
    with pytest.raises(HealError, match=r"text\.pt.* is damaged or no model file"):
        load(path)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "cut.pt"
    whole = MODEL.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(HealError, match="damaged"):
        load(path)


def test_foreign_torchscript_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.pt"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))
    with pytest.raises(HealError, match="is no model of this lammps-heal, perhaps of an older one: export it anew"):
        load(path)


def with_line(key: str, values: str) -> Callable[[dict[str, bytes]], None]:
    """Puts a line of metadata in the place of the old one."""

    def change(entries: dict[str, bytes]) -> None:
        lines = entries[METADATA].decode().splitlines()
        kept = [line for line in lines if line.split()[0] != key]
        assert len(kept) == len(lines) - 1
        entries[METADATA] = "\n".join([*kept, f"{key} {values}"]).encode()

    return change


def without(entry: str) -> Callable[[dict[str, bytes]], None]:
    return lambda entries: entries.pop(entry) and None


def not_finite(entries: dict[str, bytes]) -> None:
    entries["mixing.f32"] = entries["mixing.f32"][:-4] + np.float32("nan").tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_line("format_version", "99"), "format version 99, needed 6"),
        (with_line("n_channels", "7"), "damaged"),
        (with_line("n_layers", "-1"), "make no sense"),
        (with_line("n_intervals", "1000000000000"), "damaged"),
        (with_line("cutoff", "-6.0"), "not above 0"),
        (with_line("cutoff", "six"), "damaged"),
        (with_line("masses", "195.084 63.546"), "1 elements, 2 masses"),
        (without("radial.f32"), "damaged"),
        (without(TRAINING), "damaged"),
        (not_finite, "not finite"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, change: Callable[[dict[str, bytes]], None], message: str) -> None:
    exported(random_network(1), tmp_path)
    with pytest.raises(HealError, match=message):
        load(rewritten(tmp_path / "exported.pt", change))


def test_one_changed_bit_is_noticed(tmp_path: Path) -> None:
    """Wherever it is: in a table, or in the TorchScript's weights where TorchScript is opened."""
    path, model = tmp_path / "changed.pt", exported(random_network(1), tmp_path)
    for array in (model.weights.radial, model.record.displacement):
        content = bytearray(model.file)
        content[content.find(array.tobytes()[:64]) + 40] ^= 4
        path.write_bytes(content)
        with pytest.raises(HealError, match="damaged"):
            load(path)


def test_torchscript_with_other_weights_is_noticed(tmp_path: Path) -> None:
    exported(random_network(1), tmp_path)
    path = rewritten(tmp_path / "exported.pt", with_line("weights_hash", 64 * "0"))
    with pytest.raises(HealError, match="has other weights than it records"):
        open_torchscript(load(path))


def test_a_failed_export_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    export(trained(random_network(1)), path)
    before = path.read_bytes()

    def disk_full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch.jit, "save", disk_full)
    with pytest.raises(HealError, match=r"model\.pt"):
        export(trained(random_network(2)), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
