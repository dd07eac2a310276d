"""Parts d and e of the benchmark: memory and start of whole processes, and one very large crystal."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from lammps_heal.benchmark import jobs
from lammps_heal.benchmark.figures import Figure, ratio
from lammps_heal.benchmark.work import MIB, Bench
from lammps_heal.hosts.runs import Finished
from lammps_heal.tables import at_least, at_most

BASELINE = 500  # atoms of the run whose memory is taken for the program's own


def memory(work: Bench) -> list[Figure]:
    """(d) Peak memory of one rank less that of a tiny run."""
    baseline = work.run("heal", BASELINE, steps=2)
    figures = [Figure("d", "peak memory of the program", "MiB", (baseline.peak / MIB,), note=f"{BASELINE} atoms")]
    for size in work.sizes.memory:
        done = work.run("heal", size, steps=2)
        per_atom = (done.peak - baseline.peak) / (done.n_atoms - baseline.n_atoms)
        figures.append(Figure("d", f"peak memory, {size:,} atoms", "bytes/atom", (per_atom,)))
    return figures


def start(work: Bench) -> list[Figure]:
    """(e) Whole processes of `lmp`: to the first healed frame, and with nothing to do, with this package and without."""
    size = work.sizes.start
    whole: dict[str, list[float]] = {"frame": [], "nothing": []}
    empty: dict[bool, list[Finished]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(work.sizes.rounds):
            for job, seconds in whole.items():
                seconds.append(work.run(job, size, steps=1, out=Path(folder, "out.lammpstrj")).whole)
            for with_package, done in empty.items():
                done.append(jobs.run_empty(with_package))

    def figures(name: str, unit: str, value: Callable[[Finished], float], limit: float) -> list[Figure]:
        ours, without = (tuple(value(done) for done in empty[which]) for which in (True, False))
        with_package = Figure("e", f"{name} of lmp on an empty input", unit, ours)
        alone = Figure("e", f"{name} of the same without this package", unit, without)
        return [with_package, alone, ratio("e", f"{name}, with ÷ without", with_package, alone, at_most(limit))]

    frame = Figure("e", f"start of lmp to first healed frame, {size:,} atoms", "s", tuple(whole["frame"]), at_most(0.3))
    nothing = Figure("e", "the same without fix heal", "s", tuple(whole["nothing"]))
    return [
        *(frame, nothing, ratio("e", "first healed frame ÷ the same without fix heal", frame, nothing)),
        *figures("time", "s", lambda done: done.seconds, 1.2),
        *figures("resident memory", "MiB", lambda done: done.peak / MIB, 1.1),
    ]


def largest_crystal(work: Bench, n_atoms: int, sigma: float = 0.3, stop: float = 0.001) -> list[Figure]:
    """(largest) One crystal healed from noise sigma (Å) until no atom moves further than `stop` (Å) in a step."""
    done = work.run("check", n_atoms, sigma=sigma, stop=stop, steps=100)
    part, note = "largest", f"σ = {sigma} Å, {done.steps} steps"
    return [
        Figure(part, "atoms healed", "atoms", (float(done.n_atoms),), at_least(10_000_000), note),
        Figure(part, "their healing", "s", (done.elapsed,)),
        Figure(part, "whole process", "s", (done.whole,)),
        Figure(part, "peak memory", "MiB", (done.peak / MIB,), note="with the sites that the residual is measured from"),
        Figure(part, "residual RMSD per component", "Å", (done.printed("residual"),)),
    ]
