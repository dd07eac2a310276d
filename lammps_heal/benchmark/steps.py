"""Part a of the benchmark: one EAM force call, one healing step by the kernel and by TorchScript, µs per atom."""

from lammps_heal.benchmark.figures import Figure, ratio
from lammps_heal.benchmark.jobs import Timing
from lammps_heal.benchmark.work import MICRO, Bench
from lammps_heal.tables import at_least, at_most

# Score-based denoising (Hsu et al., doi:10.1038/s41524-024-01337-z), µs per atom and iteration without its neighbour
# graph: its fastest and its slowest on Pt crystals of 4,000 atoms, one core. See README.md.
OFFLINE_DENOISER = {"fastest": 119.0, "slowest": 287.0}
TORCHSCRIPT_ATOMS = 64_000  # TorchScript takes 4 s for so many; larger crystals take one turn and one step

Values = dict[tuple[str, int], list[float]]  # µs/atom, one of each round, by what was measured and number of atoms


def force_and_step(work: Bench) -> list[Figure]:
    """(a) One EAM force call, one healing step by the kernel and by TorchScript, µs per atom."""
    values: Values = {}
    for turn in range(work.sizes.rounds):
        for size in work.sizes.step:
            _measure(work, turn, size, values)
    figures = [figure for size in work.sizes.step for figure in _of_size(work, size, values)]
    few, many = min(work.sizes.step), max(work.sizes.step)
    per_atom = {size: _figure(work, values, "kernel", size, "healing step") for size in (few, many)}
    name = f"healing step per atom at {many:,} ÷ at {few:,} atoms"
    figures.append(ratio("a", name, per_atom[many], per_atom[few], at_most(1.1)))
    return figures + _offline_denoisers(work, per_atom[few])


def _measure(work: Bench, turn: int, size: int, values: Values) -> None:
    """One round at one size."""

    def note_down(name: str, seconds: float, done: Timing) -> None:
        values.setdefault((name, size), []).append(seconds * MICRO / done.steps / done.n_atoms)

    done = work.run("force", size, steps=work.sizes.steps)
    note_down("eam", done.section("Pair"), done)
    if not work.kernel:
        done = work.run("heal", size, steps=work.sizes.steps, options="kernel yes")
        note_down("kernel", done.section("Modify"), done)
        note_down("ghosts", done.section("Neigh") + done.section("Comm"), done)
        note_down("whole", done.loop, done)
    if size <= work.sizes.torchscript and (turn == 0 or size <= TORCHSCRIPT_ATOMS):
        steps = max(1, min(work.sizes.steps, TORCHSCRIPT_ATOMS // size))
        done = work.run("heal", size, steps=steps, options="" if work.kernel else "kernel no")
        note_down("torchscript", done.section("Modify"), done)


def _figure(work: Bench, values: Values, name: str, size: int, words: str, note: str = "") -> Figure:
    found = tuple(values.get((name, size), ()))
    missing = "not measured: too long" if name == "torchscript" else work.kernel
    return Figure("a", f"{words}, {size:,} atoms", "µs/atom", found, note=note if found else missing)


def _of_size(work: Bench, size: int, values: Values) -> list[Figure]:
    def figure(name: str, words: str, note: str = "") -> Figure:
        return _figure(work, values, name, size, words, note)

    eam = figure("eam", "EAM force call")
    kernel = figure("kernel", "healing step, kernel", "time in fix heal, its lists included")
    ghosts = figure("ghosts", "its ghosts and exchange", "LAMMPS's Neigh and Comm")
    whole = figure("whole", "all of a step")
    torchscript = figure("torchscript", "healing step, TorchScript")
    return [
        *(eam, kernel, ghosts, whole, torchscript),
        ratio("a", f"healing step ÷ EAM force call, {size:,} atoms", kernel, eam, at_most(3)),
        ratio("a", f"all of a step ÷ EAM force call, {size:,} atoms", whole, eam),
        ratio("a", f"TorchScript ÷ kernel, {size:,} atoms", torchscript, kernel),
    ]


def _offline_denoisers(work: Bench, step: Figure) -> list[Figure]:
    figures = []
    for speed, taken in OFFLINE_DENOISER.items():
        offline = Figure("a", "", "µs/atom", (taken,) * len(step.values))
        goal = at_least(60) if speed == "fastest" else None
        note = f"{taken:g} µs/atom, not measured in this run" if step.values else work.kernel
        figures.append(ratio("a", f"offline denoiser's {speed} iteration ÷ healing step", offline, step, goal, note))
    return figures
