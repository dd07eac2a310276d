"""Part i of the benchmark: what it costs to observe a hot crystal, in its own timesteps."""

from lammps_heal.benchmark.figures import Figure
from lammps_heal.benchmark.work import MILLI, Bench
from lammps_heal.tables import at_most

HOT = 1332  # K, 0.9 of platinum's melting point
OFTEN, SELDOM = 10, 100  # timesteps from one observation to the next
RANKS = {1: "1 rank", 2: "2 ranks"}


def observing(work: Bench) -> list[Figure]:
    """(i) Observing a hot crystal by three steps, beside its timesteps without."""
    figures = []
    for ranks, words in RANKS.items():
        timesteps, costs, shares = [], [], []
        for _ in range(work.sizes.rounds):
            plain, often, seldom = (
                _timestep(work, ranks, **observed)
                for observed in ({"observe": 0}, {"observe": 3, "every": OFTEN}, {"observe": 3, "every": SELDOM})
            )
            timesteps.append(MILLI * plain)
            costs.append(OFTEN * (often / plain - 1.0))
            shares.append(100.0 * (seldom / plain - 1.0))
        size = f"{work.sizes.hosts:,} atoms, {words}"
        figures += [
            Figure("i", f"timestep at {HOT} K, {size}", "ms", tuple(timesteps)),
            Figure("i", f"one observation, {size}", "timesteps", tuple(costs), at_most(6) if ranks == 1 else None),
            Figure("i", f"overhead at every {SELDOM} observe 3, {size}", "%", tuple(shares), at_most(6)),
        ]
    return figures


def _timestep(work: Bench, ranks: int, **observed: int) -> float:
    """s, without the observation of the start."""
    done = work.run("md", work.sizes.hosts, ranks=ranks, hot=HOT, steps=work.sizes.timesteps, **observed)
    return done.loop / done.steps
