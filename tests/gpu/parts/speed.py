"""µs per atom and step of fix heal: on the card by TorchScript and by the kernel, and by the kernel on all cores."""

from dataclasses import dataclass, field

from lammps_heal.benchmark.jobs import cells
from lammps_heal.hosts.logs import loop_time
from lammps_heal.hosts.runs import lmp_command, run
from parts.fix_heal import mpi_environment, options_of
from parts.setting import CUDA_KERNEL, MEBIBYTE, CardMemory, Setting

# Moved so little that no list is built anew: that is timed apart, by profile.py.
INPUT = """units metal
atom_style atomic
lattice fcc 3.92
region box block 0 {n} 0 {n} 0 {n}
create_box 1 box
create_atoms 1 box
mass 1 195.084
displace_atoms all random 0.2 0.2 0.2 12345 units box
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
fix heal all heal fcc {options}
thermo_style custom step f_heal[2]
run 1
run {steps}
"""
SIZES = (32_000, 256_000, 1_000_000, 4_000_000)
QUICK_SIZES = (500, 1_000)
STEPS = 5
FEWER_STEPS = 2  # from this number of atoms on
MANY_ATOMS = 2_000_000
TIME_LIMIT = 90.0  # s, of one run
ON_CARD = "CUDA kernel"
GOAL = 0.02  # µs/atom and step of it, at GOAL_ATOMS
GOAL_ATOMS = 1_000_000
MICRO = 1.0e6


@dataclass(frozen=True)
class Way:
    """How steps are computed. ranks: of mpirun. environment: beside MPI's."""

    name: str
    options: str
    ranks: int = 1
    environment: dict[str, str] = field(default_factory=dict)


def check(setting: Setting) -> None:
    mpi = mpi_environment(setting)
    ways = [Way("TorchScript on the card", options_of(setting)), Way("kernel, threads", f"threads {setting.cores}")]
    if setting.has_cuda_kernel:
        ways.append(Way(ON_CARD, f"device cuda threads {setting.cores}", environment=CUDA_KERNEL))
    if mpi is not None and setting.cores > 1:
        ways += [Way("kernel, ranks", "threads 1", setting.cores), Way("TorchScript, 2 ranks", options_of(setting), 2)]
    for n_atoms in QUICK_SIZES if setting.quick else SIZES:
        for way in ways:
            _time(setting, way, n_atoms, mpi or {})


def _time(setting: Setting, way: Way, n_atoms: int, mpi: dict[str, str]) -> None:
    steps = FEWER_STEPS if setting.quick or n_atoms >= MANY_ATOMS else STEPS
    script = setting.folder / "in.speed"
    script.write_text(INPUT.format(n=cells(n_atoms), options=way.options, steps=steps))
    with CardMemory("cpu" if way.name.startswith("kernel") else setting.device) as memory:
        done = run(lmp_command(script, ranks=way.ranks), setting.folder, {**mpi, **way.environment}, TIME_LIMIT)
    what = f"{way.name}, {n_atoms:,} atoms"
    if done.exit_code != 0:
        setting.rows.add(what, None, "", False, done.reason().splitlines()[-1])
        return
    loop = loop_time(done.output)
    per_atom = MICRO / loop.steps / loop.n_atoms
    sections = ", ".join(f"{name} {mean * per_atom:.3g}" for name, (_, mean, _) in loop.sections.items() if mean > 0.0)
    card = f"; {memory.most:,.0f} MiB of the card" if memory.most else ""
    note = f"{sections}; largest rank {done.peak / MEBIBYTE:,.0f} MiB{card}; the whole run {done.seconds:.1f} s"
    is_goal = setting.device == "cuda" and way.name == ON_CARD and n_atoms == GOAL_ATOMS
    speed = loop.seconds * per_atom
    setting.rows.add(what, speed, "µs/atom and step", speed <= GOAL if is_goal else None, note)
