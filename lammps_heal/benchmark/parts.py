"""The parts of the benchmark: each takes what it needs of `Bench` and gives its figures."""

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lammps_heal.benchmark import jobs as bench_lammps
from lammps_heal.benchmark import minimise as bench_minimise
from lammps_heal.benchmark.jobs import Timing
from lammps_heal.benchmark.python_hosts import measure_hosts
from lammps_heal.benchmark.table import Figure, at_least, at_most, ratio

MICRO, MILLI = 1e6, 1e3  # of them in one
MIB = 2**20
# Score-based denoising (Hsu et al., npj Comput. Mater. 2024), µs per atom and iteration without its neighbour
# graph: its fastest and its slowest figure on Pt crystals of 4,000 atoms, one core.
OFFLINE_DENOISER = {"fastest": 119.0, "slowest": 287.0}
TORCHSCRIPT_ATOMS = 64_000  # TorchScript takes 4 s for so many; larger crystals take one turn and one step


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
    torchscript=4_000,
    valgrind=False,
)
BASELINE = 500  # atoms of the run whose memory is taken for the program's own


@dataclass
class Bench:
    """What the parts need. kernel: why the kernel cannot be measured; empty where it can."""

    model: Path
    sizes: Sizes
    kernel: str = ""
    threads: str = ""
    warnings: list[str] = field(default_factory=list)

    def run(self, job: str, n_atoms: int, **variables: Any) -> Timing:
        done = bench_lammps.run(job, n_atoms, model=self.model, **variables)
        self.warnings += [warning for warning in done.warnings() if warning not in self.warnings]
        return done


def force_and_step(work: Bench) -> list[Figure]:
    """(a) One EAM force call, one healing step by the kernel and by TorchScript, µs per atom."""
    part, sizes = "a", work.sizes.step
    values: dict[tuple[str, int], list[float]] = {}

    def note_down(name: str, size: int, seconds: float, done: Timing) -> None:
        values.setdefault((name, size), []).append(seconds * MICRO / done.steps / done.n_atoms)

    for turn in range(work.sizes.rounds):
        for size in sizes:
            steps = work.sizes.steps
            done = work.run("eam", size, steps=steps)
            note_down("eam", size, done.section("Pair"), done)
            if not work.kernel:
                done = work.run("heal", size, steps=steps, options="kernel yes")
                note_down("kernel", size, done.section("Modify"), done)
                note_down("ghosts", size, done.section("Neigh") + done.section("Comm"), done)
                note_down("whole", size, done.loop, done)
            if size <= work.sizes.torchscript and (turn == 0 or size <= TORCHSCRIPT_ATOMS):
                steps = max(1, min(work.sizes.steps, TORCHSCRIPT_ATOMS // size))
                done = work.run("heal", size, steps=steps, options="" if work.kernel else "kernel no")
                note_down("torchscript", size, done.section("Modify"), done)

    def figure(name: str, size: int, words: str, note: str = "") -> Figure:
        found = tuple(values.get((name, size), ()))
        missing = "not measured: too long" if name == "torchscript" else work.kernel
        return Figure(part, f"{words}, {size:,} atoms", "µs/atom", found, note=note if found else missing)

    figures = []
    for size in sizes:
        eam = figure("eam", size, "EAM force call")
        kernel = figure("kernel", size, "healing step, kernel", "time in fix heal, its lists included")
        ghosts = figure("ghosts", size, "its ghosts and exchange", "LAMMPS's Neigh and Comm")
        whole = figure("whole", size, "all of a step")
        torchscript = figure("torchscript", size, "healing step, TorchScript")
        figures += [
            *(eam, kernel, ghosts, whole, torchscript),
            ratio(part, f"healing step ÷ EAM force call, {size:,} atoms", kernel, eam, at_most(3)),
            ratio(part, f"all of a step ÷ EAM force call, {size:,} atoms", whole, eam),
            ratio(part, f"TorchScript ÷ kernel, {size:,} atoms", torchscript, kernel),
        ]
    few, many = min(sizes), max(sizes)
    figures.append(
        ratio(
            part,
            f"healing step per atom at {many:,} ÷ at {few:,} atoms",
            figure("kernel", many, ""),
            figure("kernel", few, ""),
            at_most(1.1),
        )
    )
    step = figure("kernel", few, "healing step")
    for speed, published in OFFLINE_DENOISER.items():
        offline = Figure(part, "", "µs/atom", (published,) * len(step.values))
        goal = at_least(60) if speed == "fastest" else None
        note = f"{published:g} µs/atom published, not measured in this run" if step.values else ""
        figures.append(
            ratio(part, f"offline denoiser's {speed} iteration ÷ healing step", offline, step, goal, note or work.kernel)
        )
    return figures


def minimisation(work: Bench) -> list[Figure]:
    """(b) Time to the ground state on one core, with all neighbour lists, without making the crystal or reading the
    model: healing without any energy, for it needs none, CG with its force calls."""
    sizes = work.sizes
    return bench_minimise.measure(work.run, sizes.minimised, sizes.sigmas, max(1, min(3, sizes.rounds)))


def parallel(work: Bench) -> list[Figure]:
    """(c) Two ranks, two threads, and the share of communication."""
    part, size = "c", work.sizes.parallel
    ways: dict[str, dict[str, Any]] = {"1 rank": {}, "2 ranks": {"ranks": 2}}
    if not work.threads:
        ways["2 threads"] = {"options": "threads 2"}
    loops: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(work.sizes.rounds):
        for way, chosen in ways.items():
            done = work.run("heal", size, steps=work.sizes.steps, **chosen)
            loops[way].append(done.loop * MICRO / done.steps / done.n_atoms)

    def figure(way: str) -> Figure:
        return Figure(part, f"all of a step, {way}, {size:,} atoms", "µs/atom", tuple(loops.get(way, ())), note=work.threads)

    one = replace(figure("1 rank"), note="")
    ranks = replace(figure("2 ranks"), note="")
    figures = [one, ranks, figure("2 threads")]
    figures.append(ratio(part, f"2 ranks' speed-up, {size:,} atoms", one, ranks, at_least(1.9)))
    figures.append(ratio(part, f"2 threads' speed-up, {size:,} atoms", one, figures[2]))
    for size in work.sizes.communication:
        figures += _communication(work, size)
    return figures


def _communication(work: Bench, size: int) -> list[Figure]:
    """Communication of 2 ranks. What fix heal sends itself is hidden in Modify: ghosts, forces, and answers at each relay."""
    seconds, shares, waits, ghosts = [], [], [], []
    for _ in range(min(3, work.sizes.rounds)):
        done = work.run("heal", size, steps=work.sizes.steps, ranks=2)
        seconds.append(done.section("Comm") * MILLI / done.steps)
        shares.append(100 * done.section("Comm") / done.loop)
        low, _, high = done.of_loop.sections["Modify"]
        waits.append(100 * (high - low) / done.loop)
        ghosts.append(done.of_loop.ghosts)

    def figure(name: str, unit: str, values: list[float], note: str = "") -> Figure:
        return Figure("c", f"{name}, 2 ranks, {size:,} atoms", unit, tuple(values), note=note)

    note = "LAMMPS's Comm; fix heal's own is as much for ghosts at the most, for forces and for each relay"
    return [
        figure("communication per rank and step", "ms", seconds, note),
        figure("communication's share", "%", shares),
        figure("fix heal, slower less faster rank", "%", waits),
        figure("ghosts per rank", "atoms", ghosts),
    ]


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
    """(e) From the start of `lmp` to the first healed frame: the whole process."""
    size = work.sizes.start
    whole: dict[str, list[float]] = {"frame": [], "nothing": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(work.sizes.rounds):
            for job, seconds in whole.items():
                seconds.append(work.run(job, size, steps=1, out=Path(folder, "out.lammpstrj")).whole)
    frame = Figure("e", f"start of lmp to first healed frame, {size:,} atoms", "s", tuple(whole["frame"]), at_most(2))
    return [frame, Figure("e", "the same without fix heal", "s", tuple(whole["nothing"]))]


def hosts(work: Bench) -> list[Figure]:
    """(f) The Python hosts beside fix heal, in one process that does nothing else."""
    size, steps = work.sizes.hosts, work.sizes.steps
    # TorchScript has no overhead to speak of beside its own time.
    seconds = measure_hosts(work.model, size, 2 if work.kernel else steps, min(3, work.sizes.rounds))
    n_atoms = bench_lammps.ATOMS_PER_CELL * bench_lammps.cells(size) ** 3
    note = "TorchScript" if work.kernel else ""
    per_atom = {name: tuple(value * MICRO / n_atoms for value in found) for name, found in seconds.items()}
    fix, callback, atoms = (
        Figure("f", f"{name}, all of a step, {size:,} atoms", "µs/atom", per_atom[name], note=note)
        for name in ("fix heal", "Python host", "heal() on ASE Atoms")
    )
    return [
        *(fix, callback, atoms),
        ratio("f", "Python host ÷ fix heal", callback, fix, at_most(1.2)),
        ratio("f", "heal() on ASE Atoms ÷ fix heal", atoms, fix),
    ]


def instructions(work: Bench) -> list[Figure]:
    """(g) Instructions per atom: runs of n and of 2n steps differ by n steps."""
    size, n = 2_048, 4
    names = {"eam": f"EAM force call, {size:,} atoms", "heal": f"healing step, kernel, {size:,} atoms"}
    missing = {job: "" if job == "eam" else work.kernel for job in names}
    if not work.sizes.valgrind:
        missing = dict.fromkeys(names, "not measured: takes a minute")
    elif shutil.which("valgrind") is None:
        missing = dict.fromkeys(names, "not measured: no valgrind")
    counted: dict[str, tuple[float, ...]] = dict.fromkeys(names, ())
    jobs = [job for job in names if not missing[job]]
    tasks: list[tuple[str, int, dict[str, object]]] = [
        (job, size, {"model": work.model, "steps": k * n}) for job in jobs for k in (1, 2)
    ]
    found = bench_lammps.instructions(tasks) if tasks else []
    for k, job in enumerate(jobs):
        counted[job] = ((found[2 * k + 1] - found[2 * k]) / n / size,)
    note = "valgrind has AVX2 at the most"
    eam, heal = (
        Figure("g", names[job], "instructions/atom", counted[job], note=missing[job] or note * (job == "heal")) for job in names
    )
    return [eam, heal, ratio("g", "healing step ÷ EAM force call", heal, eam)]


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
