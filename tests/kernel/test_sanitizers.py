"""The kernel under the sanitizers of g++, called from C++ with every kind of number."""

import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lammps_heal import compiling
from lammps_heal.kernel.library import instruction_sets

DRIVER = Path(__file__).parent / "hostile_numbers.cpp"
KERNEL = compiling.FOLDER / "kernel"
# Unoptimised: the sources are the same, and compile in a tenth of the time. Warnings are those of the usual build.
FLAGS = "-std=c++20 -O0 -g1 -pthread -fno-math-errno -w -fno-sanitize-recover=all"
FLAGS += " -DHEAL_X86" if "avx2" in instruction_sets() else ""


def commands_of_stages() -> list[list[str]]:
    """What g++ compiles the stages with, for each instruction set of this machine."""
    sets = [compiling.PORTABLE, *(compiling.X86 if "avx2" in instruction_sets() else [])]
    sources = [str(source) for source in (KERNEL / "stages").glob("*.cpp")]
    return [
        [
            *shlex.split(f"{FLAGS} {one.flags} -DHEAL_INSTRUCTION_SET={one.name} -DHEAL_LANES={one.lanes}"),
            *(f"-DHEAL_REGISTERS={one.registers}", f"-I{KERNEL}", *sources),
        ]
        for one in sets
    ]


def compiled(sanitizers: str, folder: Path) -> Path:
    """The driver and all of the kernel, every instruction set, with these sanitizers."""
    flags = [*shlex.split(FLAGS), f"-I{KERNEL}", f"-I{KERNEL}/cuda"]
    sources = (DRIVER, *KERNEL.glob("*.cpp"), *KERNEL.glob("cuda/*.cpp"))
    jobs = [[*flags, str(source)] for source in sources] + commands_of_stages()
    objects = [f"{folder}/{k}.o" for k in range(len(jobs))]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job, made: run("g++", f"-fsanitize={sanitizers}", *job, "-c", "-o", made), jobs, objects))
    run("g++", "-pthread", f"-fsanitize={sanitizers}", *objects, "-o", f"{folder}/driver")
    return folder / "driver"


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.sanitize
@pytest.mark.parametrize(("sanitizers", "what"), [("address,undefined,float-cast-overflow", "numbers"), ("thread", "threads")])
def test_sanitizers_find_nothing(sanitizers: str, what: str, tmp_path: Path) -> None:
    assert instruction_sets()
    assert run(str(compiled(sanitizers, tmp_path)), what) == f"{what} on {' '.join(instruction_sets())}\n"


def test_no_function_is_shared_between_instruction_sets(tmp_path: Path) -> None:
    """The linker keeps one copy of an inline function: that of AVX-512 would run on machines that lack it."""
    for k, command in enumerate(commands_of_stages()):
        run("g++", *command, "-c", "-o", f"{tmp_path}/{k}.o")
        visible = run("nm", "-C", "--defined-only", "--extern-only", f"{tmp_path}/{k}.o").splitlines()
        visible = [line.split(maxsplit=2)[2] for line in visible if "DW.ref.__gxx_personality" not in line]  # data of g++
        assert len(visible) == 1 and visible[0] in ("lammps_heal::portable", "lammps_heal::avx2", "lammps_heal::avx512")
