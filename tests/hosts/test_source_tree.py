"""The sources in one folder, as in a LAMMPS source tree's src: without the build's definitions and include paths."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from conftest import ROOT

from lammps_heal.compiling import _mpi_include
from lammps_heal.hosts.plugin.lammps_headers import installed_lammps

FOLDERS = ("hosts/plugin", "kernel", "kernel/stages", "kernel/cuda", "analysis", "step/torchscript_library")


def copied(folder: Path) -> None:
    """Copies the sources; two of one name would be one file."""
    names = set()
    for part in FOLDERS:
        kinds = ("*.h",) if part == "step/torchscript_library" else ("*.h", "*.cpp")
        for source in (source for kind in kinds for source in (ROOT / "lammps_heal" / part).glob(kind)):
            assert source.name not in names
            names.add(source.name)
            shutil.copy(source, folder)
    (folder / "heal_plugin.cpp").unlink()


def preprocessed_or_compiled(folder: Path, source: str, *options: str) -> str:
    lammps = installed_lammps()
    includes = [f"-I{lammps.include}", *(f"-isystem{place}" for place in _mpi_include(lammps))]
    missing = f"-idirafter{ROOT / 'lammps_heal/hosts/plugin/missing_headers'}"
    compiler = os.environ.get("CXX", "g++")
    command = [compiler, "-std=c++20", *lammps.definitions, *options, *includes, missing, source]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_sources_compile_in_one_folder(tmp_path: Path) -> None:
    copied(tmp_path)
    for source in ("fix_heal.cpp", "heal_observer.cpp", "heal_backend.cpp", "stages.cpp", "c_interface.cpp", "card.cpp"):
        preprocessed_or_compiled(tmp_path, source, "-fsyntax-only")


def test_lammps_finds_the_style_in_the_header(tmp_path: Path) -> None:
    """Its style_fix.h is made of the headers that name FIX_CLASS."""
    copied(tmp_path)
    with_class = [header.name for header in tmp_path.glob("*.h") if "FIX_CLASS" in header.read_text()]
    assert with_class == ["fix_heal.h"]
    (tmp_path / "style_fix.cpp").write_text(
        '#define FIX_CLASS\n#define FixStyle(key, Class) style = key, Class\n#include "fix_heal.h"\n'
    )
    expanded = preprocessed_or_compiled(tmp_path, "style_fix.cpp", "-E", "-P")
    assert re.findall(r"\S.*", expanded) == ["style = heal, FixHeal;"]
