"""What every part is given, and the crystals that they heal."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from rows import Rows

from lammps_heal.hosts.runs import find_program, run

LATTICE_CONSTANT = 3.92  # Å, of the shipped model
MASS = 195.084
TOLERANCE = 1.0e-4  # Å, between a card and the CPU
MEBIBYTE = 2**20
POLL = 0.2  # s
CUDA_KERNEL = {"LAMMPS_HEAL_CUDA": "kernel"}  # of the environment, where "device cuda" is to take the kernel


@dataclass(frozen=True)
class Setting:
    """device: cuda, or cpu for a dry run. quick: crystals so small that a dry run takes seconds. folder: to write in."""

    rows: Rows
    device: str
    quick: bool
    cores: int
    folder: Path

    @property
    def has_cuda_kernel(self) -> bool:
        """Also in a dry run where the environment names an emulated driver (tests/kernel/fake_cuda.cpp)."""
        return self.device == "cuda" or "LAMMPS_HEAL_LIBCUDA" in os.environ


def crystal(n: int, sigma: float, seed: int = 1, vacancies: float = 0.01) -> tuple[NDArray[np.float64], float]:
    """(n_atoms, 3) Å: 4 n^3 fcc sites less vacancies, moved by noise of `sigma` Å; and the side of the periodic cube, Å."""
    rng = np.random.default_rng(seed)
    cells = np.stack(np.meshgrid(*3 * [np.arange(n)], indexing="ij"), -1).reshape(-1, 1, 3)
    basis = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])
    sites = LATTICE_CONSTANT * (cells + basis).reshape(-1, 3)
    kept = np.sort(rng.permutation(len(sites))[round(vacancies * len(sites)) :])
    return sites[kept] + rng.normal(0.0, sigma, (len(kept), 3)), LATTICE_CONSTANT * n


def write_data(path: Path, positions: NDArray[np.float64], sides: tuple[float, float, float]) -> None:
    """A LAMMPS data file of one type."""
    path.write_text(
        "\n".join(
            [
                *("crystal", "", f"{len(positions)} atoms", "1 atom types", ""),
                *(f"0.0 {side!r} {axis}lo {axis}hi" for side, axis in zip(sides, "xyz", strict=True)),
                *("", "Masses", "", f"1 {MASS}", "", "Atoms # atomic", ""),
                *(f"{i} 1 {x!r} {y!r} {z!r}" for i, (x, y, z) in enumerate(positions.tolist(), 1)),
            ]
        )
        + "\n"
    )


class CardMemory:
    """A context that notes the most memory in use on the first card, by all processes, MiB; None without a card."""

    def __init__(self, device: str) -> None:
        self.most: float | None = None
        self._program = find_program("nvidia-smi") if device == "cuda" else None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> "CardMemory":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _poll(self) -> None:
        while self._program is not None and not self._stop.is_set():
            used = run([self._program, "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"])
            if used.exit_code == 0:
                self.most = max(self.most or 0.0, float(used.output.split()[0]))
            time.sleep(POLL)
