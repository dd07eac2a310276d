"""Finding and building the plugin, without LAMMPS."""

import subprocess
import sys
from pathlib import Path

import pytest

from lammps_heal import compiling as plugin_build
from lammps_heal.compiling import KERNEL_LIBRARY, BuildError, build, build_kernel
from lammps_heal.hosts import plugin


def built_for(folder: Path, torch: str, lammps: str) -> None:
    (folder / "healplugin.so").write_bytes(
        b"\x7fELF...lammps-heal plugin built for torch=%b lammps=%b;..." % (torch.encode(), lammps.encode())
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin folder of an installation with torch 2.13.0+cpu and LAMMPS 22Jul2025."""
    monkeypatch.setattr(plugin, "_FOLDER", tmp_path)
    monkeypatch.setattr(plugin, "version", {"torch": "2.13.0+cpu", "lammps": "2025.7.22.4.0"}.__getitem__)
    return tmp_path


def test_a_plugin_that_fits_is_found(folder: Path) -> None:
    built_for(folder, "2.13.0", "20250722")
    assert plugin.plugin_problem() is None
    assert plugin.plugin_folder() == str(folder)


@pytest.mark.parametrize(
    "torch, lammps, problem",
    [
        ("2.12.1", "20250722", "built for torch 2.12.1, installed is 2.13.0"),
        ("2.13.0", "20240829", "built for LAMMPS 20240829, installed is 2025.7.22.4.0"),
    ],
)
def test_a_plugin_built_for_something_else_is_not_loaded(folder: Path, torch: str, lammps: str, problem: str) -> None:
    built_for(folder, torch, lammps)
    assert problem in (plugin.plugin_problem() or "")
    assert not Path(plugin.plugin_folder()).exists()


def test_no_plugin_and_a_damaged_one(folder: Path) -> None:
    assert "not built" in (plugin.plugin_problem() or "")
    (folder / "healplugin.so").write_bytes(b"\x7fELF")
    assert "damaged" in (plugin.plugin_problem() or "")
    assert not Path(plugin.plugin_folder()).exists()


def test_the_entry_point_never_raises(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built_for(folder, "2.13.0", "20250722")
    monkeypatch.setattr(plugin, "version", lambda name: "what is this?")
    assert not Path(plugin.plugin_folder()).exists()
    monkeypatch.setattr(plugin, "plugin_problem", lambda: 1 / 0)
    assert not Path(plugin.plugin_folder()).exists()


def test_the_entry_point_imports_nothing_heavy() -> None:
    program = "import sys, lammps_heal.hosts.plugin; print([m for m in ('torch', 'numpy', 'lammps', 'ase') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_building_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "healplugin.so"
    with pytest.raises(BuildError, match=r'must end in "plugin\.so", got heal\.so'):
        build(output=tmp_path / "heal.so")
    with pytest.raises(BuildError, match=r"neither a LAMMPS source tree .* nor an installation"):
        build(tmp_path, output)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BuildError, match=r"no C\+\+ compiler \(no-such-compiler: No such file"):
        build(output=output)
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(BuildError, match="the compiler failed"):
        build(output=output)
    with pytest.raises(BuildError, match="the compiler failed"):
        build_kernel(tmp_path / "libhealkernel.so")
    assert not list(tmp_path.iterdir())


def test_lmp_does_not_take_the_kernel_for_a_plugin() -> None:
    assert not KERNEL_LIBRARY.name.endswith("plugin.so")


def test_source_trees_and_installations(tmp_path: Path) -> None:
    source = tmp_path / "tree" / "src"
    source.mkdir(parents=True)
    (source / "version.h").write_text('#define LAMMPS_VERSION "22 Jul 2025"\n')
    (source / "fix.h").touch()
    tree = plugin_build._named_lammps(tmp_path / "tree")
    assert (tree.include, tree.version) == (source, 20250722)

    prefix = tmp_path / "prefix"
    (prefix / "include/lammps").mkdir(parents=True)
    (prefix / "include/lammps/fix.h").touch()
    (prefix / "lib/pkgconfig").mkdir(parents=True)
    (prefix / "lib/pkgconfig/liblammps.pc").write_text("Version: 20250722\nCflags: -I${includedir} -DLAMMPS_BIGBIG\n")
    installed = plugin_build._named_lammps(prefix)
    assert (installed.version, installed.definitions) == (20250722, ["-DLAMMPS_BIGBIG"])

    (source / "version.h").write_text('#define LAMMPS_VERSION "29 Sep 2021"\n')
    with pytest.raises(BuildError, match="is of LAMMPS 20210929, needed 20250722 or newer"):
        build(tmp_path / "tree", tmp_path / "healplugin.so")
