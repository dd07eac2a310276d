"""What the parts of the benchmark need: how much is measured, and how a job is run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lammps_heal.benchmark import jobs
from lammps_heal.benchmark.jobs import Timing
from lammps_heal.errors import HealError

MICRO, MILLI = 1e6, 1e3  # of them in one
MIB = 2**20  # bytes


@dataclass(frozen=True)
class Sizes:
    """How much is measured. Atoms, but for `rounds` and `sigmas` (Å)."""

    step: tuple[int, ...] = (4_000, 32_000, 256_000, 1_000_000)
    rounds: int = 5
    minimised: int = 16_384
    sigmas: tuple[float, ...] = (0.1, 0.3, 0.5)
    parallel: int = 256_000
    communication: tuple[int, ...] = (32_000, 256_000)
    memory: tuple[int, ...] = (256_000, 1_000_000)
    start: int = 4_000
    hosts: int = 32_000
    steps: int = 20  # and force calls of one run, at all sizes: the lists are built in the first of them
    timesteps: int = 200  # of a hot crystal, observed and not
    torchscript: int = 1_020_000  # the most that TorchScript heals, in a minute
    valgrind: bool = True


QUICK = Sizes(
    step=(500, 4_000),
    rounds=2,
    minimised=500,
    sigmas=(0.1,),
    parallel=4_000,
    communication=(4_000,),
    memory=(32_000,),
    start=500,
    hosts=500,
    steps=4,
    timesteps=100,
    torchscript=4_000,
    valgrind=False,
)


@dataclass
class Bench:
    """What the parts need. kernel, threads: why these keywords of fix heal cannot be measured; empty where they can."""

    model: Path
    sizes: Sizes
    kernel: str = ""
    threads: str = ""
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, model: Path, sizes: Sizes) -> "Bench":
        """Try what fix heal knows. Raises HealError where it does not run at all."""
        return cls(model, sizes, _why_not("kernel yes", model), _why_not("threads 2", model))

    def run(self, job: str, n_atoms: int, **variables: Any) -> Timing:
        return self._noted(jobs.run(job, n_atoms, model=self.model, **variables))

    def run_other(self, job: str, **variables: Any) -> Timing:
        """Of a crystal of inputs/crystals, with its own model."""
        return self._noted(jobs.run(job, 0, **variables))

    def _noted(self, done: Timing) -> Timing:
        self.warnings += [warning for warning in done.warnings() if warning not in self.warnings]
        return done


def _why_not(options: str, model: Path) -> str:
    message = jobs.try_options(options, model)
    if message is None:
        return ""
    keyword, _ = options.split()
    if f'got "{keyword}"' in message:
        return f"not measured: this fix heal has no keyword {keyword}"
    raise HealError(message)
