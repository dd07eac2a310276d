"""Part b of the benchmark: time to the ground state, healing against conjugate gradients, from the same noise."""

import math
from collections.abc import Callable

from lammps_heal.benchmark.figures import Figure, ratio
from lammps_heal.benchmark.jobs import Timing
from lammps_heal.benchmark.work import Bench
from lammps_heal.hosts.logs import thermo_tables
from lammps_heal.tables import at_least

NEAR = 1.0e-4  # eV/atom above the ground state: close enough for most uses
STILL = 1.0e-3  # Å; healing has ended once no atom moves further in a step
MOST_STEPS = 100  # of healing
MOST_ITERATIONS = 100_000  # of CG, which ends by itself at 1e-8 eV/Å
GOALS = {0.1: 2.0, 0.3: 4.0, 0.5: 8.0}  # CG's time ÷ healing's, by noise in Å
MEV = 1000.0  # in one eV
SKIN = 2.0  # Å of CG, LAMMPS's own; at 1.0 it is up to a tenth slower where sigma = 0.5 Å, and as fast at 0.1

Run = Callable[..., Timing]


def minimisation(work: Bench) -> list[Figure]:
    """(b) Time to the ground state on one core, with all neighbour lists, without making the crystal or reading the
    model: healing without any energy, for it needs none, CG with its force calls."""
    rounds = max(1, min(3, work.sizes.rounds))
    return [figure for sigma in work.sizes.sigmas for figure in _at(work.run, work.sizes.minimised, sigma, rounds)]


def _at(run: Run, n_atoms: int, sigma: float, rounds: int) -> list[Figure]:
    """Seconds of each, and their ratios; how many steps are needed is found in runs that are not timed."""
    healing = run("energies", n_atoms, sigma=sigma, steps=MOST_STEPS, stop=STILL, thermo=1)
    minimising = run("cg", n_atoms, sigma=sigma, steps=MOST_ITERATIONS, skin=SKIN, thermo=1)
    healed, minimised = _excess(healing), _excess(minimising)
    ended = healing.steps < MOST_STEPS
    jobs = {
        "healing to 0.1 meV/atom": ("heal", _first(healed, NEAR)),
        "CG to 0.1 meV/atom": ("cg", _first(minimised, NEAR)),
        "healing to its end": ("heal", healing.steps if ended else None),
        "CG to its end": ("cg", minimising.steps),
        "CG to healing's last energy": ("cg", _first(minimised, healed[-1])),
    }
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, (job, steps) in jobs.items():
            if steps is not None:
                skin = {"skin": SKIN} if job == "cg" else {}
                seconds[name].append(run(job, n_atoms, sigma=sigma, steps=steps, **skin).elapsed)

    def figure(name: str) -> Figure:
        steps = jobs[name][1]
        note = "not reached" if steps is None else f"{steps} {'steps' if jobs[name][0] == 'heal' else 'iterations'}"
        return Figure("b", f"σ = {sigma} Å: {name}, {n_atoms:,} atoms", "s", tuple(seconds[name]), note=note)

    near, cg_near, end, cg_end, cg_same = (figure(name) for name in jobs)
    goal = at_least(GOALS[sigma]) if sigma in GOALS else None
    return [
        *(near, cg_near, end, cg_end, cg_same),
        Figure("b", f"σ = {sigma} Å: healing's last energy above the ground state", "meV/atom", (healed[-1] * MEV,)),
        Figure("b", f"σ = {sigma} Å: CG's last energy above the ground state", "meV/atom", (minimised[-1] * MEV,)),
        ratio("b", f"σ = {sigma} Å: CG ÷ healing, to 0.1 meV/atom", cg_near, near, goal),
        ratio("b", f"σ = {sigma} Å: CG ÷ healing, each to its end", cg_end, end),
        ratio("b", f"σ = {sigma} Å: CG ÷ healing, to healing's last energy", cg_same, end),
    ]


def _excess(done: Timing) -> list[float]:
    """Energy above the ground state after each step, from the start on, eV/atom."""
    ground = done.printed("ground")
    return [energy - ground for energy in thermo_tables(done.output)[-1]["PotEng"]]


def _first(excess: list[float], limit: float) -> int | None:
    """The first step with no more than this; None where there is none."""
    found = next((step for step, energy in enumerate(excess) if energy <= limit), math.inf)
    return None if math.isinf(found) else int(found)
