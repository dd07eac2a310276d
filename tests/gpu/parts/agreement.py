"""TorchScript and the kernel on the card against both on the CPU; sums in fixed point; what a full step needs."""

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lammps_heal.kernel.kernel import Kernel
from lammps_heal.model.model_file import Model, load
from lammps_heal.model.network import round_to_fixed_point
from lammps_heal.model.scripted import open_torchscript
from lammps_heal.step.backends import KernelBackend, difference, largest_difference, make_backend
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.step import displacement
from lammps_heal.step.torchscript import TorchBackend
from parts.setting import MEBIBYTE, TOLERANCE, Setting, crystal

UNIT = 2.0**30  # fixed-point steps in 1 Å; see round_to_fixed_point


def check(setting: Setting) -> None:
    rows, device = setting.rows, setting.device
    rows.add("torch", torch.__version__)
    rows.add("device", torch.cuda.get_device_name() if device == "cuda" else "CPU")
    model = load("fcc")
    on_card = TorchBackend(open_torchscript(model, device))
    by = {"TorchScript on the CPU": TorchBackend(open_torchscript(model)), "the kernel": make_backend(model)}
    found = difference(on_card, model)
    rows.add("difference from the model's record", found, "Å", found <= TOLERANCE)
    positions, side = crystal(5 if setting.quick else 20, 0.3)
    periodic = PeriodicCrystal(np.diag([side] * 3), np.ones(3, bool), model.cutoff)
    cluster = periodic.open_cluster(positions)
    moved = displacement(on_card, *cluster, periodic)
    for name, backend in by.items():
        found = largest_difference(moved, displacement(backend, *cluster, periodic))
        rows.add(f"difference from {name}, {len(positions):,} atoms, σ 0.3 Å", found, "Å", found <= TOLERANCE)
    again = displacement(on_card, *cluster, periodic)
    rows.add("the same bits in a second call", largest_difference(moved, again), "Å", (moved == again).all())
    forces, _ = on_card.pair_forces(*cluster)
    rows.add("forces are multiples of 2^-30 Å", "", "", (forces * UNIT == np.round(forces * UNIT)).all())
    total = np.abs(periodic.reverse(forces).sum(0)).max()
    rows.add("sum of all pair forces", float(total), "Å", total == 0.0)
    _sums(setting)
    if setting.has_cuda_kernel:
        by = {"TorchScript on the card": on_card, "the kernel on the CPU": by["the kernel"]}
        _cuda_kernel(setting, model, cluster, periodic, {name: displacement(b, *cluster, periodic) for name, b in by.items()})
    if device == "cuda":
        rows.add("most memory of the step", torch.cuda.max_memory_allocated() / MEBIBYTE, "MiB")


def _cuda_kernel(
    setting: Setting, model: Model, cluster: Any, periodic: PeriodicCrystal, wanted: dict[str, NDArray[np.float64]]
) -> None:
    started = time.perf_counter()
    backend = KernelBackend(Kernel(model.weights, model.length_scale, "cuda:0"))
    setting.rows.add("CUDA kernel: compiled for the card", time.perf_counter() - started, "s", True)
    found = difference(backend, model)
    setting.rows.add("CUDA kernel: difference from the model's record", found, "Å", found <= TOLERANCE)
    moved = displacement(backend, *cluster, periodic)
    for name, expected in wanted.items():
        found = largest_difference(moved, expected)
        setting.rows.add(f"CUDA kernel: difference from {name}", found, "Å", found <= TOLERANCE)
    again = displacement(backend, *cluster, periodic)
    setting.rows.add("CUDA kernel: the same bits in a second call", "", "", (moved == again).all())
    total = np.abs(periodic.reverse(backend.pair_forces(*cluster)[0]).sum(0)).max()
    setting.rows.add("CUDA kernel: sum of all pair forces", float(total), "Å", total == 0.0)


def _sums(setting: Setting) -> None:
    """Numbers in fixed point added up in any order have the bits of the CPU's sum; others need not."""
    generator = torch.Generator().manual_seed(1)
    n, n_sums = (100_000, 1_000) if setting.quick else (10_000_000, 100_000)
    values = round_to_fixed_point(torch.randn(n, 3, generator=generator, dtype=torch.float64))
    of_sum = torch.randint(n_sums, (n,), generator=generator)
    wanted = torch.zeros(n_sums, 3, dtype=torch.float64).index_add_(0, of_sum, values)
    for _ in range(3):
        order = torch.randperm(n, generator=generator)
        sums = torch.zeros(n_sums, 3, dtype=torch.float64, device=setting.device)
        sums.index_add_(0, of_sum[order].to(setting.device), values[order].to(setting.device))
        same = bool((sums.cpu() == wanted).all())
        setting.rows.add(f"{n:,} numbers in fixed point added up in random order: the CPU's bits", "", "", same)
