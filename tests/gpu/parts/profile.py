"""Where the time of a step by TorchScript goes: list, copies, padding, basis, pair forces, message passing, sums on the host.

Stages are timed one by one, waiting for the card after each, on the chunks that a step would have; then torch's profiler
says which of the card's own functions a step spends its time in.
"""

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from lammps_heal.model.model_file import load
from lammps_heal.model.network import pad_edges
from lammps_heal.model.scripted import open_torchscript, without_specialising
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.step import displacement
from lammps_heal.step.torchscript import CHUNK, TorchBackend
from parts.setting import MEBIBYTE, Setting, crystal

CELLS, QUICK_CELLS = 40, 5  # 256,000 and 500 sites
MICRO = 1.0e6
SHOWN = 15  # functions
ROUNDS = 2  # the first warms up


class Stages:
    """Seconds of each stage, added up over the chunks."""

    def __init__(self, device: str) -> None:
        self.seconds: dict[str, float] = {}
        self._device = device

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        found = work()
        if self._device == "cuda":
            torch.cuda.synchronize()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
        return found


def check(setting: Setting) -> None:
    torch.set_num_threads(setting.cores)
    model = load("fcc")
    network: Any = open_torchscript(model, setting.device)
    positions, side = crystal(QUICK_CELLS if setting.quick else CELLS, 0.1)
    periodic = PeriodicCrystal(np.diag([side] * 3), np.ones(3, bool), model.cutoff, setting.cores)
    for _ in range(ROUNDS):
        stages = Stages(setting.device)
        _step_in_stages(stages, network, periodic, positions, setting.device)
    for name, seconds in stages.seconds.items():
        setting.rows.add(f"{name}, {len(positions):,} atoms", seconds * MICRO / len(positions), "µs/atom")
    _functions(setting, network, periodic, positions)


def _step_in_stages(stages: Stages, network: Any, crystal: PeriodicCrystal, positions: Any, device: str) -> None:
    """One step, in the stages that a host and the network have."""
    crystal._listed_positions = None
    cluster, neighbourhoods = stages.run("neighbour list and ghosts", lambda: crystal.open_cluster(positions))
    centres, first = neighbourhoods.centres, neighbourhoods.first
    padding = torch.jit.script(pad_edges)
    with torch.inference_mode(), without_specialising():
        x = stages.run("positions to the card", lambda: torch.as_tensor(cluster, device=device))
        species = torch.zeros(len(cluster), dtype=torch.int64, device=device)
        forces = torch.zeros(cluster.shape, dtype=torch.float64, device=device)
        v_in = torch.zeros(cluster.shape, dtype=torch.float64, device=device)
        for start in range(0, len(centres), CHUNK[device]):
            stop = min(start + CHUNK[device], len(centres))
            rows = neighbourhoods.neighbours[first[start] : first[stop]].astype(np.int64)
            arrays = (centres[start:stop], first[start : stop + 1] - first[start], rows)
            chunk = stages.run("list to the card", lambda a=arrays: [torch.as_tensor(part, device=device) for part in a])
            stages.run("padding alone, a part of the next two", lambda c=chunk: padding(x, *c, network.network.cutoff))
            mobility = stages.run("padding, basis, pair forces", lambda c=chunk: network(x, *c, species, forces))
            for layer in range(network.n_layers):
                moved = stages.run("padding, basis, messages", lambda c=chunk, n=layer: network.message_layer(x, *c, v_in, n))
            stages.run("results to the host", lambda a=mobility, b=moved: (a.cpu(), b.cpu()))
        found = stages.run("forces to the host", lambda: forces.cpu().numpy())
    stages.run("reverse communication on the host", lambda: crystal.reverse(found))


def _functions(setting: Setting, network: Any, crystal: PeriodicCrystal, positions: Any) -> None:
    """The longest of the card's functions in one whole step, each its share of all of them."""
    backend, cluster = TorchBackend(network), crystal.open_cluster(positions)
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if setting.device == "cuda" else [])]
    if setting.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with profile(activities=kinds) as profiled:
        started = time.perf_counter()
        displacement(backend, *cluster, crystal)
        seconds = time.perf_counter() - started
    setting.rows.add("whole step by Python and TorchScript, profiled", seconds * MICRO / len(positions), "µs/atom")
    name = "self_device_time_total" if setting.device == "cuda" else "self_cpu_time_total"
    events = sorted(profiled.key_averages(), key=lambda event: -getattr(event, name))
    total = sum(getattr(event, name) for event in events) or 1.0
    setting.rows.add("of it the device is busy", total / len(positions), "µs/atom")
    for event in events[:SHOWN]:
        share = 100.0 * getattr(event, name) / total
        setting.rows.add(f"function {event.key[:70]}", float(share), "%", note=f"{event.count} calls")
    if setting.device == "cuda":
        setting.rows.add("most memory of the step", torch.cuda.max_memory_allocated() / MEBIBYTE, "MiB")
    written = setting.folder / "profile.txt"
    written.write_text(profiled.key_averages().table(sort_by=name, row_limit=60))
    setting.rows.add("all functions", os.fspath(written))
