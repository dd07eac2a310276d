"""`lammps-heal doctor`: what healing needs, what is here, and what to do about what is not.

What may crash or hang (LAMMPS, MPI, torch) is tried in a process of its own, whose end is a finding.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lammps_heal.commands.parser import MODEL, Subcommands
from lammps_heal.compiling import OLDEST_LAMMPS, PARTS, TRIED_TORCH
from lammps_heal.errors import HealError
from lammps_heal.hosts.plugin import plugin_problem
from lammps_heal.hosts.runs import find_program

TIME_LIMIT = 120.0  # s, for one thing that is tried
USEFUL_PACKAGES = {"MANYBODY", "PYTHON", "PLUGIN", "EXTRA-DUMP"}  # of LAMMPS

# Programs for a process of its own; each prints one line of JSON.
TRY_LAMMPS = """
from mpi4py import MPI
from lammps import lammps
import json
lmp = lammps(cmdargs=["-screen", "none", "-log", "none"], comm=MPI.COMM_WORLD)
found = {
    "version": lmp.version(),
    "packages": [str(package) for package in lmp.installed_packages],
    "has_mpi": lmp.has_mpi_support,
    "is_same_mpi": lmp.extract_setting("world_size") == MPI.COMM_WORLD.size,
    "mpi": " ".join(MPI.Get_library_version().strip("\\0 \\n").split("\\n")[0].split()),
}
lmp.close()
print(json.dumps(found))
"""
TRY_TORCH = """
import json, torch
print(json.dumps([torch.__version__, torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only"]))
"""
TRY_TORCHSCRIPT = """
import ctypes, json, sys
library = ctypes.CDLL(sys.argv[1])
library.heal_torchscript_problem.restype = ctypes.c_char_p
print(json.dumps((library.heal_torchscript_problem() or b"").decode()))
"""
TRY_RANKS = "from mpi4py import MPI; n = MPI.COMM_WORLD.allreduce(1); MPI.COMM_WORLD.rank or print(n)"
TRY_FIX = 'variable plugin getenv LAMMPS_HEAL_PLUGIN\nprint "fix heal is ${plugin}"\n'


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("doctor", help="is everything here that healing needs?")
    parser.set_defaults(run=run)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--potential", type=Path, default=Path("potentials/Pt_u3.eam"))


def run(options: argparse.Namespace) -> None:
    if not examine(options.model, options.potential):
        raise SystemExit(1)


@dataclass(frozen=True)
class Finding:
    """One line of the report. is_needed: healing does not work at all without it."""

    what: str
    is_right: bool
    found: str
    advice: str = ""
    is_needed: bool = True


def examine(model: Path, potential: Path) -> bool:
    """Print a line for each thing that healing needs; True where nothing that is needed is missing."""
    checks: list[Callable[[], list[Finding]]] = [
        lambda: [check_python()],
        check_lammps_and_mpi,
        lambda: [check_mpirun(), check_fix_heal()],
        check_backends,
        lambda: [check_model(model), check_potential(potential)],
    ]
    is_well = True
    for check in checks:
        for finding in check():
            mark = "ok     " if finding.is_right else "MISSING" if finding.is_needed else "note   "
            print(f"{mark} {finding.what}: {finding.found}")
            if not finding.is_right:
                print(f"        {finding.advice}")
            is_well &= finding.is_right or not finding.is_needed
    return is_well


class _Failed(Exception):
    """The last words of a process that did not do what it was to do."""


def _try(words: list[str]) -> str:
    """What a program prints. Raises _Failed where it fails."""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise _Failed(f"it did not end within {TIME_LIMIT:g} s") from None
    except OSError as error:
        raise _Failed(str(error)) from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise _Failed(said[-1] if said else f"exit code {done.returncode}")
    return done.stdout


def _try_in_python(program: str, *words: str) -> Any:
    """What it prints last, as JSON; a library may print something of its own before."""
    return json.loads(_try([sys.executable, "-c", program, *words]).strip().splitlines()[-1])


def check_python() -> Finding:
    return Finding("Python", sys.version_info >= (3, 10), sys.version.split()[0], "install Python 3.10 or newer")


def check_lammps_and_mpi() -> list[Finding]:
    path = find_program("lmp")
    advice = "pip install 'lammps[mpi]' mpi4py: they belong together; or put the folder of another lmp first on PATH"
    if path is None:
        return [Finding("LAMMPS", False, "no lmp on PATH", advice)]
    try:
        found = _try_in_python(TRY_LAMMPS)
    except _Failed as reason:
        return [Finding("LAMMPS and MPI", False, f"{path}; Python's lammps and mpi4py do not work ({reason})", advice)]
    version, packages = found["version"], USEFUL_PACKAGES & set(found["packages"])
    words = f"{path}, version {version}, packages {' '.join(sorted(packages))}"
    if "MANYBODY" not in packages:
        lammps = Finding("LAMMPS", False, words, "EAM energies need the package MANYBODY: build LAMMPS with it", is_needed=False)
    else:
        too_old = f"Python's lammps is older than {OLDEST_LAMMPS}: {advice}"
        lammps = Finding("LAMMPS", version >= OLDEST_LAMMPS, words, too_old)
    if found["has_mpi"] and found["is_same_mpi"]:
        return [lammps, Finding("MPI", True, f"one for LAMMPS and mpi4py: {found['mpi']}")]
    return [lammps, Finding("MPI", False, f"mpi4py has {found['mpi']}, LAMMPS another one or none", advice)]


def check_mpirun() -> Finding:
    path = find_program("mpirun")
    advice = "start ranks with the mpirun that belongs to mpi4py's MPI, which pip puts beside lammps-heal"
    if path is None:
        return Finding("mpirun", False, "not found", advice, is_needed=False)
    try:
        works = _try([path, "-np", "2", sys.executable, "-c", TRY_RANKS]).split() == ["2"]
        problem = "starts ranks that do not find each other"
    except _Failed as reason:
        works, problem = False, f"fails ({reason})"
    return Finding("mpirun", works, path if works else f"{path} {problem}", advice, is_needed=False)


def check_fix_heal() -> Finding:
    otherwise = 'until then the Python host works ("lammps-heal heal --host python")'
    path = find_program("lmp")
    if path is None:
        return Finding("fix heal", False, "no lmp to load it", otherwise, is_needed=False)
    with tempfile.NamedTemporaryFile("w", suffix=".in") as script:
        script.write(TRY_FIX)
        script.flush()
        try:
            said = _try([path, "-log", "none", "-in", script.name])
        except _Failed as reason:
            said = str(reason)
    if "fix heal is loaded" in said:
        return Finding("fix heal", True, f"loaded by {path}")
    problem = plugin_problem() or f'it is for another LAMMPS: "lammps-heal build-plugin --lammps {path}"'
    return Finding("fix heal", False, f"{path} does not load it; {problem}", otherwise, is_needed=False)


def check_backends() -> list[Finding]:
    """What computes the displacements: the kernel, or TorchScript, which needs torch."""
    from lammps_heal.kernel.library import instruction_sets, library_problem

    torch = _torch()
    problem = library_problem()
    if problem is None:
        kernel = Finding("kernel", True, f"built; runs with {instruction_sets()[0]} here")
    else:
        instead = (
            "until then TorchScript takes its place, some forty times slower" if torch.is_right else "nothing heals without it"
        )
        kernel = Finding("kernel", False, problem, instead, is_needed=not torch.is_right)
    return [kernel, torch, _torchscript()] if torch.is_right else [kernel, torch]


def _torch() -> Finding:
    purpose = "only training, export and TorchScript (CUDA) need it"
    advice = f'{purpose}: "pip install {TRIED_TORCH}", then "lammps-heal build-plugin"'
    try:
        version, device = _try_in_python(TRY_TORCH)
    except _Failed as reason:
        return Finding("torch", False, f"does not import ({reason})", advice, is_needed=False)
    return Finding("torch", True, f"{version}, {device}")


def _torchscript() -> Finding:
    part = PARTS["torchscript"]
    advice = 'only "kernel no" and "device cuda" need it'
    if not part.path().is_file():
        return Finding("TorchScript library", False, part.why_missing(), advice, is_needed=False)
    try:
        problem = _try_in_python(TRY_TORCHSCRIPT, str(part.path()))
    except _Failed as reason:
        problem = str(reason)
    found = f'{part.path()} does not fit this torch ({problem}): run "lammps-heal build-plugin"' if problem else "fits this torch"
    return Finding("TorchScript library", not problem, found, advice, is_needed=False)


def check_model(name: Path) -> Finding:
    from lammps_heal.model import model_file

    try:
        return Finding("model", True, f"{name}: {model_file.load(name)}")
    except HealError as error:
        return Finding("model", False, str(error), "name another with --model")


def check_potential(path: Path) -> Finding:
    potentials = "share/lammps/potentials"
    lammps = importlib.util.find_spec("lammps")
    if lammps is not None and lammps.origin is not None:
        potentials = str(Path(lammps.origin).parent / potentials)
    advice = f"needed for energies only; it comes with LAMMPS, in {potentials}"
    if not path.is_file():
        return Finding("potential", False, f"{path} does not exist", advice, is_needed=False)
    with path.open() as file:
        first, second = file.readline().strip(), file.readline().split()
    is_eam = len(second) >= 3 and second[0].isdigit()
    return Finding("potential", is_eam, f"{path}: {first}" if is_eam else f"{path} is no EAM file", advice, is_needed=False)
