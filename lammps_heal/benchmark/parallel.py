"""Part c of the benchmark: two ranks, two threads, and the share of communication."""

from dataclasses import replace
from typing import Any

from lammps_heal.benchmark.figures import Figure, ratio
from lammps_heal.benchmark.work import MICRO, MILLI, Bench
from lammps_heal.tables import at_least


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
    """Communication of 2 ranks. What fix heal sends itself is hidden in Modify: ghosts, forces, and displacements before
    each message-passing layer."""
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

    note = "LAMMPS's Comm; fix heal's own is as much for ghosts at the most, for forces and for each message-passing layer"
    return [
        figure("communication per rank and step", "ms", seconds, note),
        figure("communication's share", "%", shares),
        figure("fix heal, slower less faster rank", "%", waits),
        figure("ghosts per rank", "atoms", ghosts),
    ]
