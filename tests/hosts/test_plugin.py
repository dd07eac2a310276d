"""LAMMPS asks the package for its plugin, and gets none that would not fit."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run

from lammps_heal.hosts import plugin


def built_for(folder: Path, lammps: str) -> None:
    (folder / "healplugin.so").write_bytes(b"\x7fELF...lammps-heal plugin built for lammps=%b;..." % lammps.encode())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin folder of an installation with LAMMPS 22Jul2025, update 4."""
    folder = tmp_path / "lammps_heal/hosts/plugin"
    folder.mkdir(parents=True)
    monkeypatch.setattr(plugin, "_FOLDER", folder)
    monkeypatch.setattr(plugin, "version", {"lammps": "2025.7.22.4.0"}.__getitem__)
    return folder


def test_a_plugin_that_fits_is_found(folder: Path) -> None:
    built_for(folder, "20250722")
    assert plugin.plugin_problem() is None
    assert plugin.plugin_folder() == str(folder)


def test_a_plugin_built_for_another_lammps_is_not_loaded(folder: Path) -> None:
    built_for(folder, "20240829")
    problem = plugin.plugin_problem() or ""
    assert "built for LAMMPS 20240829, installed is 2025.7.22.4.0" in problem and "lammps-heal build-plugin" in problem
    assert not Path(plugin.plugin_folder()).exists()


def test_no_plugin_and_a_damaged_one(folder: Path) -> None:
    assert plugin.plugin_problem() == 'fix heal is not built: run "lammps-heal build-plugin"'
    (folder / "healplugin.not_built.txt").write_text("no C++ compiler (g++: not found): install g++, or set CXX\n")
    assert plugin.plugin_problem() == (
        'fix heal was not built, no C++ compiler (g++: not found): install g++, or set CXX; then run "lammps-heal build-plugin"'
    )
    (folder / "healplugin.so").write_bytes(b"\x7fELF")
    assert "damaged" in (plugin.plugin_problem() or "")
    assert not Path(plugin.plugin_folder()).exists()


def test_sources_that_hide_the_installed_package(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "site-packages"
    (installed / "lammps_heal/hosts/plugin").mkdir(parents=True)
    built_for(installed / "lammps_heal/hosts/plugin", "20250722")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(installed)])
    assert f"the package installed in {installed}: run from another folder" in (plugin.plugin_problem() or "")


def test_the_entry_point_never_raises(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built_for(folder, "20250722")
    monkeypatch.setattr(plugin, "version", lambda name: "what is this?")
    assert not Path(plugin.plugin_folder()).exists()
    monkeypatch.setattr(plugin, "plugin_problem", lambda: 1 / 0)
    assert not Path(plugin.plugin_folder()).exists()


@pytest.mark.lammps
def test_potentials_that_come_with_lammps_are_found_by_name(tmp_path: Path, run: Run) -> None:
    (tmp_path / "in.w").write_text(
        "units metal\nlattice bcc 3.165\nregion box block 0 3 0 3 0 3\ncreate_box 1 box\ncreate_atoms 1 box\n"
        "pair_style eam/alloy\npair_coeff * * W_zhou.eam.alloy W\nrun 0\n"
    )
    done = run("lmp", "-in", tmp_path / "in.w", "-log", "none")
    assert done.returncode == 0, done.stdout


def test_the_entry_point_imports_nothing_heavy() -> None:
    program = "import sys, lammps_heal.hosts.plugin; print([m for m in ('torch', 'numpy', 'lammps', 'ase') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
