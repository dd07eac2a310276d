"""Compiles small C++ programs with sources of the plugin, with sanitizers, for tests without LAMMPS."""

import os
import subprocess
from pathlib import Path

import lammps_heal

PACKAGE = Path(lammps_heal.__file__).parent
CHECKS = Path(__file__).parent / "plugin_checks"
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=all -g -O1".split()


def compiled(folder: Path, name: str, sources: list[str], *libraries: Path) -> Path:
    """The program of plugin_checks/NAME.cpp and these sources of hosts/plugin, without their suffix."""
    program = folder / name
    includes = [f"-I{PACKAGE / place}" for place in ("hosts/plugin", "kernel", "step/torchscript_library")]
    files = [str(CHECKS / f"{name}.cpp"), *(str(PACKAGE / f"hosts/plugin/{source}.cpp") for source in sources)]
    links = [str(library) for library in libraries] + [f"-Wl,-rpath,{library.parent}" for library in libraries]
    compiler = os.environ.get("CXX", "g++")
    command = [compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", *SANITIZERS, *includes, *files, *links, "-ldl"]
    done = subprocess.run([*command, f"-o{program}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program
