"""Part g of the benchmark: instructions, which a busy machine does not change."""

import shutil

from lammps_heal.benchmark import jobs
from lammps_heal.benchmark.figures import Figure, ratio
from lammps_heal.benchmark.work import Bench


def instructions(work: Bench) -> list[Figure]:
    """(g) Instructions per atom: runs of n and of 2n steps differ by n steps."""
    size, n = 2_048, 4
    names = {"force": f"EAM force call, {size:,} atoms", "heal": f"healing step, kernel, {size:,} atoms"}
    missing = {job: "" if job == "force" else work.kernel for job in names}
    if not work.sizes.valgrind:
        missing = dict.fromkeys(names, "not measured: takes a minute")
    elif shutil.which("valgrind") is None:
        missing = dict.fromkeys(names, "not measured: no valgrind")
    counted: dict[str, tuple[float, ...]] = dict.fromkeys(names, ())
    measured = [job for job in names if not missing[job]]
    tasks: list[tuple[str, int, dict[str, object]]] = [
        (job, size, {"model": work.model, "steps": k * n}) for job in measured for k in (1, 2)
    ]
    found = jobs.instructions(tasks) if tasks else []
    for k, job in enumerate(measured):
        counted[job] = ((found[2 * k + 1] - found[2 * k]) / n / size,)
    note = "valgrind has AVX2 at the most"
    eam, heal = (
        Figure("g", names[job], "instructions/atom", counted[job], note=missing[job] or note * (job == "heal")) for job in names
    )
    return [eam, heal, ratio("g", "healing step ÷ EAM force call", heal, eam)]
