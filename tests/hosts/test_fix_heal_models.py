"""Models that fix heal reads: names, kernel and TorchScript, damaged files."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import LATTICE_CONSTANT, MODEL
from fix_heal_runs import HEAL, SAME, failing
from hostile_models import RAISES_OTHER_BYTES, STATEMENTS, with_code, with_setstate
from lammps_runs import crystal, heal
from networks import rewritten, write_wrong_tables

import lammps_heal
from lammps_heal.compiling import PARTS
from lammps_heal.model.model_file import Model, load

pytestmark = pytest.mark.lammps


@pytest.mark.mpi
def test_kernel_threads_and_torchscript_give_the_same(tmp_path: Path, slab: Atoms) -> None:
    ends = {}
    for keywords in ("kernel yes", "kernel no", "kernel yes threads 2"):
        commands = HEAL.replace("{model}", "{model} " + keywords) + "run 5"
        ends[keywords] = heal(tmp_path, slab, commands).dump("all.dump")[5]
    np.testing.assert_array_equal(ends["kernel yes threads 2"], ends["kernel yes"])
    np.testing.assert_allclose(ends["kernel no"], ends["kernel yes"], atol=2 * SAME)
    assert (ends["kernel no"] != ends["kernel yes"]).any()


@pytest.mark.parametrize("entry", ["radial.f32", "messages.f32"])
def test_a_kernel_that_differs_is_not_used(tmp_path: Path, damaged: Atoms, model: Model, entry: str) -> None:
    commands = HEAL.replace("{model}", str(write_wrong_tables(tmp_path / "wrong.pt", model, entry))) + "run 1"
    done = heal(tmp_path, damaged, commands)
    warnings = [line for line in done.output.splitlines() if "TorchScript" in line]
    assert len(warnings) == 1 and "the kernel differs from TorchScript by" in warnings[0]
    by_torch = heal(tmp_path, damaged, commands.replace("wrong.pt", "wrong.pt kernel no"))
    assert "WARNING: fix heal" not in by_torch.output
    np.testing.assert_array_equal(done.dump("all.dump")[1], by_torch.dump("all.dump")[1])


def test_another_metal(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    a = 3.615  # Å, Cu
    copper = damaged.copy()
    copper.set_cell(a / LATTICE_CONSTANT * damaged.cell[:], scale_atoms=True)
    done = heal(tmp_path, copper, "mass * 63.546\n" + HEAL.replace("{model}", f"{{model}} lattice {a}") + "run 2")
    copper.symbols[:] = "Cu"
    expected = lammps_heal.heal(copper, load(MODEL, lattice=a), 2).positions
    np.testing.assert_allclose(done.dump("all.dump")[2][:, :3], expected, atol=SAME)


def test_cuda_asked_for_and_absent(tmp_path: Path, damaged: Atoms) -> None:
    script = crystal(tmp_path, damaged) + "fix heal all heal {model} device cuda"
    message = failing(tmp_path, script, environment={"CUDA_VISIBLE_DEVICES": ""})
    assert 'device cuda needs a CUDA device and a torch with CUDA, got none: use "device cpu"' in message


def not_finite(entries: dict[str, bytes]) -> None:
    entries["mixing.f32"] = entries["mixing.f32"][:-4] + np.float32("nan").tobytes()


def of_the_future(entries: dict[str, bytes]) -> None:
    entries["metadata.txt"] = entries["metadata.txt"].replace(b"format_version 6", b"format_version 7")


CHANGED_ENTRIES = {"not finite": not_finite, "version 7": of_the_future}


def bad_model(folder: Path, change: str) -> Path:
    """A file that is not a model that the fix can use."""
    path = folder / "bad.pt"
    if change == "text":
        path.write_text("this is no model\n")
    elif change == "empty":
        path.write_text("")
    elif change == "foreign":
        torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    elif change == "cut off":
        path.write_bytes(MODEL.read_bytes()[:-2000])
    elif change == "one bit":
        content = bytearray(MODEL.read_bytes())
        weights = load(MODEL).weights.radial.tobytes()
        content[content.find(weights[:64]) + len(weights) // 2] ^= 4
        path.write_bytes(content)
    else:
        path.write_bytes(MODEL.read_bytes())
        rewritten(path, CHANGED_ENTRIES[change])
    return path


@pytest.mark.mpi
@pytest.mark.parametrize(
    "change, message",
    [
        ("text", "is damaged or no model file (it has no directory of entries)"),
        ("empty", "cannot be read (it is empty)"),
        ("cut off", "is damaged or no model file (it has no directory of entries)"),
        ("foreign", 'is a model of an older lammps-heal: export it anew with "lammps-heal export"'),
        ("one bit", "its entries do not have the hash that it records"),
        ("not finite", "heal/mixing.f32 has numbers that are not finite"),
        ("version 7", "has format version 7, needed 6: export it anew"),
    ],
)
def test_bad_model_file(tmp_path: Path, damaged: Atoms, change: str, message: str) -> None:
    script = crystal(tmp_path, damaged) + f"fix heal all heal {bad_model(tmp_path, change)}\nrun 1"
    assert message in failing(tmp_path, script, ranks=2)


def test_torchscript_of_other_weights(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    """Only where TorchScript is opened is it verified."""
    path = tmp_path / "other.pt"
    path.write_bytes(MODEL.read_bytes())

    def claim_others(entries: dict[str, bytes]) -> None:
        entries["metadata.txt"] = entries["metadata.txt"].replace(model.weights_hash.encode(), 64 * b"0")

    rewritten(path, claim_others)
    heal(tmp_path, damaged, f"fix heal all heal {path}\nrun 1")
    message = failing(tmp_path, crystal(tmp_path, damaged) + f"fix heal all heal {path} kernel no")
    assert "has a TorchScript that cannot be used (its weights do not have the hash that the file records)" in message


# --- names


@pytest.mark.mpi
def test_a_shipped_model_by_name_from_any_folder(tmp_path: Path, damaged: Atoms) -> None:
    commands = HEAL + "run 1"
    expected = heal(tmp_path, damaged, commands).dump("all.dump")[1]
    by_name = heal(tmp_path, damaged, commands.replace("{model}", "fcc"), ranks=2).dump("all.dump")[1]
    np.testing.assert_allclose(by_name, expected, atol=SAME)


def test_a_file_wins_over_a_name(tmp_path: Path, damaged: Atoms) -> None:
    (tmp_path / "fcc").write_text("this is no model\n")
    message = failing(tmp_path, crystal(tmp_path, damaged) + "fix heal all heal fcc")
    assert 'model file "fcc" is damaged or no model file' in message


def test_a_folder_is_no_model(tmp_path: Path, damaged: Atoms) -> None:
    (tmp_path / "fcc").mkdir()
    heal(tmp_path, damaged, "fix heal all heal fcc\nrun 1")


# --- a plugin that lies elsewhere, alone or beside a TorchScript library that cannot be opened


def plugin_elsewhere(folder: Path) -> str:
    """Input lines that load a copy of the plugin from `folder` in place of the package's."""
    folder.mkdir()
    shutil.copy(PARTS["plugin"].path(), folder / "healplugin.so")
    return f"plugin unload fix heal\nplugin load {folder}/healplugin.so\n"


REMEDY = 'type "pip install \'lammps-heal[torch]\'", then "lammps-heal build-plugin"'


@pytest.mark.mpi
def test_torchscript_that_is_not_built(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    script = plugin_elsewhere(tmp_path / "elsewhere") + crystal(tmp_path, damaged)
    message = failing(tmp_path, script + "fix heal all heal {model} kernel no", ranks=2)
    assert f"TorchScript cannot be opened (libhealtorch.so is not built): {REMEDY}" in message
    wrong = write_wrong_tables(tmp_path / "wrong.pt", model)
    message = failing(tmp_path, script + f"fix heal all heal {wrong}")
    assert "the kernel differs from TorchScript by" in message
    assert "Å on a small crystal, and TorchScript cannot be opened (libhealtorch.so is not built)" in message


def test_the_kernel_needs_no_torchscript(tmp_path: Path, damaged: Atoms) -> None:
    commands = HEAL + "run 1"
    expected = heal(tmp_path, damaged, commands).dump("all.dump")[1]
    elsewhere = plugin_elsewhere(tmp_path / "elsewhere")
    np.testing.assert_array_equal(heal(tmp_path, damaged, elsewhere + commands).dump("all.dump")[1], expected)


def test_a_plugin_elsewhere_lists_the_models_that_it_finds(tmp_path: Path, damaged: Atoms) -> None:
    script = plugin_elsewhere(tmp_path / "elsewhere") + crystal(tmp_path, damaged)
    assert 'there is no model "fcc"' in failing(tmp_path, script + "fix heal all heal fcc")
    assert "or a shipped model (none is here)" in failing(tmp_path, script + "fix heal all heal fcc")


@pytest.mark.parametrize(
    "old, new, reason",
    [
        (b"\x7fELF", b"this", "invalid ELF header"),
        (b"/torch/lib", b"/no/torch.", "torch is not installed; libtorch.so: cannot open shared object file"),
        (b"heal_torchscript_problem\0", b"heal_torchscript_missing\0", "libhealtorch.so has no heal_torchscript_problem"),
        (b"torch=2.", b"torch=1.", "it was built for torch 1."),
    ],
)
def test_a_torchscript_library_that_does_not_fit(tmp_path: Path, damaged: Atoms, old: bytes, new: bytes, reason: str) -> None:
    elsewhere = plugin_elsewhere(tmp_path / "elsewhere")
    library = PARTS["torchscript"].path().read_bytes()
    assert old in library and len(old) == len(new)
    (tmp_path / "elsewhere" / "libhealtorch.so").write_bytes(library.replace(old, new))
    message = failing(tmp_path, elsewhere + crystal(tmp_path, damaged) + "fix heal all heal {model} kernel no")
    assert "TorchScript cannot be opened (" in message and reason in message
    assert REMEDY in message


# --- TorchScript from elsewhere


@pytest.mark.parametrize("kind", ["writes", "prints", "waits"])
def test_torchscript_that_does_what_no_model_needs(tmp_path: Path, damaged: Atoms, kind: str) -> None:
    statement, reason = STATEMENTS[kind]
    hostile = with_code(tmp_path / "hostile.pt", statement)
    message = failing(tmp_path, crystal(tmp_path, damaged) + f"fix heal all heal {hostile} kernel no\nrun 1")
    assert "has a TorchScript that cannot be used (" in message and reason in message
    assert not (tmp_path / "stolen.pt").exists()


def test_torchscript_that_would_run_when_it_is_opened(tmp_path: Path, damaged: Atoms) -> None:
    hostile = with_setstate(tmp_path / "hostile.pt")
    message = failing(tmp_path, crystal(tmp_path, damaged) + f"fix heal all heal {hostile} kernel no\nrun 1")
    assert "it has __setstate__, which runs when it is opened" in message


def test_why_torchscript_failed_is_said_in_utf8(tmp_path: Path, damaged: Atoms) -> None:
    raising = with_code(tmp_path / "raising.pt", RAISES_OTHER_BYTES)
    message = failing(tmp_path, crystal(tmp_path, damaged) + f"fix heal all heal {raising} kernel no\nrun 1")
    assert "TorchScript failed: " in message and "no mercy" in message and message.isprintable()
