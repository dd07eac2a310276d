"""TorchScript from elsewhere: arithmetic and nothing else, in Python; the plugin's own check is in tests/hosts."""

import io
import re
import warnings
import zipfile
from pathlib import Path

import pytest
from conftest import MODEL, ROOT, fcc
from hostile_models import RAISES, STATEMENTS, with_code, with_setstate
from networks import exported, random_network

import lammps_heal
from lammps_heal.errors import HealError
from lammps_heal.model.model_file import load
from lammps_heal.model.scripted import open_torchscript
from lammps_heal.model.torchscript_operators import ALLOWED_OPERATORS, LONGEST_LOOP, RUN_WHEN_LOADED


@pytest.mark.parametrize("kind", STATEMENTS)
def test_what_no_model_needs_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    statement, reason = STATEMENTS[kind]
    hostile = load(with_code(tmp_path / "hostile.pt", statement))  # which the kernel heals with
    with pytest.raises(HealError, match=re.escape(reason)) as refused:
        open_torchscript(hostile)
    assert "\n" not in str(refused.value) and "hostile.pt" in str(refused.value)
    assert "free of charge" not in capfd.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.pt"]


def test_nothing_runs_when_a_file_is_opened(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HealError, match="it has __setstate__, which runs when it is opened"):
        open_torchscript(load(with_setstate(tmp_path / "hostile.pt")))
    assert capfd.readouterr().out == ""


def test_why_torchscript_failed_is_said(tmp_path: Path) -> None:
    """In one line of UTF-8, without what a terminal would obey."""
    raising = load(with_code(tmp_path / "raising.pt", RAISES))
    with pytest.raises(HealError, match=r"TorchScript failed: .*no mercy") as failed:
        lammps_heal.heal(fcc(2), raising, steps=1, kernel=False)
    assert str(failed.value).isprintable()


@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_networks_of_the_package_are_allowed(tmp_path: Path, n_layers: int) -> None:
    open_torchscript(exported(random_network(n_layers), tmp_path))


def test_the_plugin_has_the_same_list() -> None:
    source = (ROOT / "lammps_heal/step/torchscript_library/allowed_operators.cpp").read_text()
    assert set(re.findall(r'"((?:aten|prim)::\w+)"', source.partition("};\n\nvoid")[0])) == ALLOWED_OPERATORS
    assert [word.decode() for word in RUN_WHEN_LOADED] == re.findall(
        r'"([^"]*)"', source.partition("RUN_WHEN_LOADED[]")[2].split(";")[0]
    )
    assert f"LONGEST_LOOP = {LONGEST_LOOP};" in source


@pytest.mark.parametrize("name", ["heal/metadata.txt", "HEAL/METADATA.TXT", "../code/__torch__/lammps_heal/model/scripted.py"])
def test_two_entries_of_one_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "twice.pt"
    path.write_bytes(MODEL.read_bytes())
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of the second
        first = next(info.filename for info in archive.infolist() if info.filename.endswith("extra/heal/metadata.txt"))
        folder = first.removesuffix("extra/heal/metadata.txt")
        archive.writestr(folder + (name[3:] if name.startswith("../") else "extra/" + name), b"other")
    with pytest.raises(HealError, match="two of its entries have the same name"):
        load(path)


def test_compressed_entries(tmp_path: Path) -> None:
    path = tmp_path / "compressed.pt"
    with zipfile.ZipFile(io.BytesIO(MODEL.read_bytes())) as shipped, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as changed:
        for info in shipped.infolist():
            changed.writestr(info.filename, shipped.read(info))
    with pytest.raises(HealError, match="its entries are compressed, and must be stored as they are"):
        load(path)
