"""Part f of the benchmark: the Python hosts beside fix heal."""

import json
import sys
from pathlib import Path

from lammps_heal.benchmark.figures import Figure, ratio
from lammps_heal.benchmark.jobs import ATOMS_PER_CELL, cells
from lammps_heal.benchmark.work import MICRO, Bench
from lammps_heal.hosts.runs import require_success, run
from lammps_heal.tables import at_most

NAMES = ("fix heal", "Python host", "heal() on ASE Atoms")


def hosts(work: Bench) -> list[Figure]:
    """(f) The Python hosts beside fix heal, in one process that does nothing else."""
    size, steps = work.sizes.hosts, work.sizes.steps
    # TorchScript has no overhead to speak of beside its own time.
    seconds = _seconds(work.model, size, 2 if work.kernel else steps, min(3, work.sizes.rounds))
    n_atoms = ATOMS_PER_CELL * cells(size) ** 3
    note = "TorchScript" if work.kernel else ""
    per_atom = {name: tuple(value * MICRO / n_atoms for value in found) for name, found in seconds.items()}
    fix, callback, atoms = (
        Figure("f", f"{name}, all of a step, {size:,} atoms", "µs/atom", per_atom[name], note=note) for name in NAMES
    )
    return [
        *(fix, callback, atoms),
        ratio("f", "Python host ÷ fix heal", callback, fix, at_most(1.2)),
        ratio("f", "heal() on ASE Atoms ÷ fix heal", atoms, fix),
    ]


def _seconds(model: Path, n_atoms: int, steps: int, rounds: int) -> dict[str, list[float]]:
    """Of one step by each of NAMES, one for each round.

    In a process of its own: MPI in this one would disturb the mpirun of other measurements, and numpy in this one the
    peak memory of its children (hosts/runs.py).
    """
    module = "lammps_heal.benchmark.python_hosts"
    done = require_success(run([sys.executable, "-m", module, str(model), str(n_atoms), str(steps), str(rounds)]))
    found: dict[str, list[float]] = json.loads(done.output.splitlines()[-1])
    return found
