"""The compiled library where the system refuses threads or memory, and where there is none."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from lammps_heal.kernel import library as kernel_library

# A preloaded library that lets a process have so many threads more, and says how many it refused.
FEW_THREADS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int allowed, refused;
__attribute__((constructor)) static void begin(void) { allowed = atoi(getenv("ALLOWED_THREADS")); }
__attribute__((destructor)) static void end(void) { fprintf(stderr, "refused %d", refused); }

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
  int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
  if (allowed-- > 0)
    return create(thread, attributes, start, argument);
  refused++;
  return EAGAIN;
}
"""

STEP = """
import numpy as np
from ase.build import bulk
from lammps_heal.errors import HealError
from lammps_heal.kernel.kernel import Kernel
from lammps_heal.model.model_file import load
from lammps_heal.step.neighbours import neighbours_by_id

def crystal(n_cells):
    positions = bulk("Pt", cubic=True).repeat(n_cells).positions
    return positions + np.random.default_rng(1).normal(0.0, 0.1, positions.shape)

def step(kernel, positions, threads):
    listed = neighbours_by_id(positions, np.arange(len(positions)), len(positions), 6.0, threads)
    forces, mobilities = kernel.pair_forces(positions, listed, threads)
    return kernel.message_layer(positions, listed, forces, 0)

kernel = Kernel(load("fcc").weights)
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, whose libraries start no threads."""
    whole = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **environment}
    done = subprocess.run([sys.executable, "-c", STEP + code], capture_output=True, text=True, env=whole, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_threads_that_the_system_refuses_are_done_without(allowed: int, tmp_path: Path) -> None:
    (tmp_path / "few.c").write_text(FEW_THREADS)
    preloaded = tmp_path / "few.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", preloaded, tmp_path / "few.c"], check=True)
    code = "positions = crystal(9); assert (step(kernel, positions, 4) == step(kernel, positions, 1)).all()"
    done = run(code, LD_PRELOAD=str(preloaded), ALLOWED_THREADS=str(allowed))
    refused = int(done.stderr.rsplit(maxsplit=1)[1])
    # 3 more for the list, the forces and the layer each; after the first refusal no more are asked for.
    assert refused == (3 if allowed < 3 else 2)


def test_memory_that_does_not_suffice_is_an_error() -> None:
    """Wherever it ends: in a list, in a step, in one of several threads."""
    code = """
import resource
positions = crystal(26)
for megabytes in (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 1000):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, resource.RLIM_INFINITY))
    try:
        step(kernel, positions, 2)
        print("enough")
    except (HealError, MemoryError) as error:
        print(str(error).split(":")[-2] if isinstance(error, HealError) else "numpy")
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""
    outcomes = run(code).stdout.split("\n")
    assert outcomes[-2] == "enough" and outcomes.count(" there is not enough memory") >= 3


def test_sources_found_before_the_installed_package_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script run from the source folder imports the sources: the kernel is beside the package that was installed."""
    sources, installed = (tmp_path / name / "lammps_heal/kernel/libhealkernel.so" for name in ("sources", "installed"))
    monkeypatch.setattr(kernel_library, "library", lambda: None)
    monkeypatch.setattr(kernel_library, "LIBRARY", sources)
    monkeypatch.setattr("sys.path", [str(tmp_path / "sources"), str(tmp_path / "installed")])
    assert kernel_library.library_problem() == 'the kernel is not built: run "lammps-heal build-plugin"'
    installed.parent.mkdir(parents=True)
    installed.touch()
    problem = str(kernel_library.library_problem())
    assert f"the sources in {tmp_path / 'sources'}," in problem
    assert f"installed in {tmp_path / 'installed'}: run from another folder" in problem
    sources.parent.mkdir(parents=True)
    sources.touch()
    assert "does not load (" in str(kernel_library.library_problem())
    assert "file too short" in str(kernel_library.library_problem())
