"""Part h of the benchmark: a healing step of other crystals by their shipped models, beside a force call of their potential."""

from lammps_heal.benchmark.figures import Figure, ratio
from lammps_heal.benchmark.work import MICRO, Bench
from lammps_heal.tables import at_most

# Of inputs/crystals: unit cells along each side for each `Sizes.hosts` of 32,000 atoms, and what a step may cost. Silicon's
# potential is none of EAM, and no goal is set.
CELLS = {"W": 25, "Fe": 25, "Mg": 20, "Zr": 20, "Si": 16}
WHOLE = 32_000  # atoms, about, of so many cells
GOALS = {"W": 2.0, "Mg": 2.0}
NAMES = {"force": "force call", "heal": "healing step"}  # by job


def other_crystals(work: Bench) -> list[Figure]:
    """(h) One force call and one healing step of other crystals, about as many atoms, µs per atom."""
    taken: dict[tuple[str, str], list[float]] = {}
    for _ in range(work.sizes.rounds):
        for element, cells in CELLS.items():
            n = max(4, round(cells * (work.sizes.hosts / WHOLE) ** (1 / 3)))
            for job, section in (("force", "Pair"), ("heal", "Modify")):
                done = work.run_other(job, element=element, n=n, steps=work.sizes.steps)
                seconds = done.section(section) / done.steps / done.n_atoms
                taken.setdefault((element, job), []).append(MICRO * seconds)
    figures = []
    for element in CELLS:
        force, step = (Figure("h", f"{element}: {name}", "µs/atom", tuple(taken[element, job])) for job, name in NAMES.items())
        goal = at_most(GOALS[element]) if element in GOALS else None
        figures += [force, step, ratio("h", f"{element}: healing step ÷ force call", step, force, goal)]
    return figures
