"""Fixtures that all tests share: the shipped model, small crystals, LAMMPS runs."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ase.build
import numpy as np
import pytest
import torch
from ase import Atoms

from lammps_heal.model.model_file import Model, load
from lammps_heal.model.scripted import open_torchscript
from lammps_heal.step.neighbours import SMALLEST_DISTANCE

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
MODEL = ROOT / "data" / "pt_heal.pt"
POTENTIAL = ROOT / "potentials" / "Pt_u3.eam"
LATTICE_CONSTANT = 3.92  # Å, Pt_u3.eam

OVERLAPPING = 0.5 * SMALLEST_DISTANCE  # Å

# Å, by floating-point type: rounding of positions of some tens of Å, and of sums of some tens of terms.
TOLERANCE = {torch.float32: 1.0e-5, torch.float64: 1.0e-10}

# Ranks that wait give up their core, of which there may be fewer than ranks: those of MPICH, and of Debian's OpenMPI.
os.environ |= {
    "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model() -> Model:
    return load(MODEL)


@pytest.fixture(scope="session")
def torchscript(model: Model) -> torch.jit.ScriptModule:
    """The shipped model's TorchScript."""
    return open_torchscript(model)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_261_123)


def fcc(n: int = 4, a: float = LATTICE_CONSTANT) -> Atoms:
    return ase.build.bulk("Pt", "fcc", a=a, cubic=True).repeat((n, n, n))


def noisy(atoms: Atoms, sigma: float, rng: np.random.Generator) -> Atoms:
    moved = atoms.copy()
    moved.positions += rng.normal(0.0, sigma, atoms.positions.shape)
    return moved


def damaged_crystal(rng: np.random.Generator) -> Atoms:
    """Noise and a vacancy, 255 atoms."""
    atoms = noisy(fcc(4), 0.2, rng)
    del atoms[100]
    return atoms


def noisy_slab(rng: np.random.Generator) -> Atoms:
    """In a box three times as tall, open along z: upper subdomains are empty."""
    atoms = noisy(fcc(4), 0.2, rng)
    atoms.positions += [0.0, 0.0, 1.0]
    atoms.cell[2, 2] *= 3.0
    atoms.pbc = [True, True, False]
    return atoms


@pytest.fixture
def damaged(rng: np.random.Generator) -> Atoms:
    return damaged_crystal(rng)


@pytest.fixture
def slab(rng: np.random.Generator) -> Atoms:
    return noisy_slab(rng)


@pytest.fixture(scope="session")
def fake_cuda(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of an environment in which "device cuda" takes the kernel, and the card is emulated (kernel/fake_cuda.cpp)."""
    library = tmp_path_factory.mktemp("cuda") / "libfakecuda.so"
    flags = "-std=c++20 -O1 -fPIC -shared -Wall -Wno-unknown-pragmas -Ikernel -Ikernel/cuda".split()
    command = ["g++", *flags, str(ROOT / "tests/kernel/fake_cuda.cpp"), "-o", str(library)]
    subprocess.run(command, cwd=ROOT / "lammps_heal", check=True)
    return {"LAMMPS_HEAL_CUDA": "kernel", "LAMMPS_HEAL_LIBCUDA": str(library), "LAMMPS_HEAL_NVRTC": str(library)}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a program of this environment in the repository's root, with a time limit; `ranks` starts mpirun."""

    def start(*command: object, ranks: int = 1, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in command]
        words[0] = str(BIN / words[0])
        if ranks > 1:
            words = [str(BIN / "mpirun"), "-np", str(ranks), *words]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=timeout)

    return start


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long runs are for those who ask for them."""
    if "soak" in config.getoption("markexpr"):
        return
    long = [item for item in items if "soak" in item.keywords]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
