"""fix heal on the card: several ranks of one card, ranks without atoms, tiled communication, each against the kernel."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lammps_heal.hosts.runs import Finished, lmp_command, run
from parts.setting import CUDA_KERNEL, TOLERANCE, CardMemory, Setting, crystal, write_data

INPUT = """units metal
boundary {boundary}
atom_style atomic
atom_modify map yes
{layout}
read_data {data}
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
{balance}
fix heal all heal fcc {options}
thermo_style custom step atoms f_heal[1] f_heal[2] f_heal[3]
thermo 1
thermo_modify lost error
run {steps}
write_dump all custom {dump} id x y z modify sort id format float %.17g
"""
STEPS = 8
TIME_LIMIT = 60.0  # s
OFF_FACE = 5.0  # Å
# MPI starts without a network in one of these ways; the first that does is used for all.
MPI_SETTINGS: list[dict[str, str]] = [
    {},
    {"FI_PROVIDER": "tcp", "FI_TCP_IFACE": "lo"},
    {"UCX_TLS": "self,sm,tcp", "UCX_NET_DEVICES": "lo", "MPIR_CVAR_CH4_NETMOD": "ucx"},
]


@dataclass(frozen=True)
class Case:
    """What is healed, and how it is dealt out to the ranks."""

    name: str
    ranks: int
    boundary: str = "p p p"
    layout: str = ""
    balance: str = ""
    is_slab: bool = False


CASES = (
    Case("1 rank", 1),
    Case("2 ranks", 2),
    Case("2 ranks, tiled", 2, layout="comm_style tiled", balance="balance 1.0 rcb"),
    Case("2 ranks, one without atoms", 2, "f p p", "processors 2 1 1", is_slab=True),
)


@dataclass(frozen=True)
class Way:
    """How the device computes. environment: beside MPI's. difference: Å, the most that ranks may make."""

    name: str
    options: str
    environment: dict[str, str]
    difference: float


def ways(setting: Setting) -> list[Way]:
    found = [Way("TorchScript", options_of(setting), {}, TOLERANCE)]
    if setting.has_cuda_kernel:
        found.append(Way("CUDA kernel", "device cuda", CUDA_KERNEL, 0.0))
    return found


def options_of(setting: Setting) -> str:
    """fix heal's keywords for TorchScript on the device."""
    return "device cuda" if setting.device == "cuda" else "device cpu kernel no"


def check(setting: Setting) -> None:
    mpi = mpi_environment(setting)
    positions, side = crystal(4 if setting.quick else 12, 0.3)
    one_rank: dict[str, NDArray[np.float64]] = {}
    for case in CASES:
        data = setting.folder / f"{'slab' if case.is_slab else 'crystal'}.data"
        if case.is_slab:  # all in the half of the box that the first rank has, off its open faces
            write_data(data, positions + np.array([OFF_FACE, 0.0, 0.0]), (3.0 * side, side, side))
        else:
            write_data(data, positions, (side, side, side))
        wanted = _heal(setting, case, data, "device cpu kernel yes", mpi)
        for way in ways(setting):
            with CardMemory(setting.device) as memory:
                found = _heal(setting, case, data, way.options, None if mpi is None else {**mpi, **way.environment})
            what = f"{way.name}, {case.name}"
            if isinstance(wanted, str) or isinstance(found, str):
                setting.rows.add(f"{what}: runs", None, "", False, f"kernel: {_words(wanted)}; device: {_words(found)}")
                continue
            differs = float(np.abs(found - wanted).max())
            note = f"{len(found):,} atoms, {STEPS} steps" + (f", {memory.most:.0f} MiB of the card" if memory.most else "")
            setting.rows.add(f"{what}: difference from the kernel on the CPU", differs, "Å", differs <= TOLERANCE, note)
            if not case.is_slab:
                differs = float(np.abs(found - one_rank.setdefault(way.name, found)).max())
                setting.rows.add(f"{what}: difference from 1 rank", differs, "Å", differs <= way.difference)


def mpi_environment(setting: Setting) -> dict[str, str] | None:
    """What MPI needs here to start two ranks; None where it does not start."""
    script = setting.folder / "in.mpi"
    script.write_text("region box block 0 1 0 1 0 1\ncreate_box 1 box\ninfo comm\n")
    said = ""
    for environment in MPI_SETTINGS:
        done = run(lmp_command(script, ranks=2), setting.folder, environment, TIME_LIMIT / 3)
        if done.exit_code == 0 and "Nprocs = 2" in done.output:
            setting.rows.add("mpirun starts 2 ranks", " ".join(environment) or "as it is", "", True)
            return environment
        said = done.reason()
    setting.rows.add("mpirun starts 2 ranks", None, "", False, said.splitlines()[-1])
    return None


def _heal(setting: Setting, case: Case, data: Path, options: str, mpi: dict[str, str] | None) -> NDArray[np.float64] | str:
    """(n_atoms, 3) Å after all steps, by atom id; or why there are none."""
    if mpi is None and case.ranks > 1:
        return "mpirun does not start"
    dump, script = setting.folder / "healed.dump", setting.folder / "in.heal"
    dump.unlink(missing_ok=True)
    filled = INPUT.format(
        boundary=case.boundary,
        layout=case.layout,
        balance=case.balance,
        data=data,
        options=options,
        steps=STEPS,
        dump=dump,
    )
    script.write_text(filled)
    done = run(lmp_command(script, ranks=case.ranks), setting.folder, mpi, TIME_LIMIT)
    return np.loadtxt(dump, skiprows=9)[:, 1:] if done.exit_code == 0 and dump.is_file() else _last_line(done)


def _last_line(done: Finished) -> str:
    return done.reason().splitlines()[-1]


def _words(found: NDArray[np.float64] | str) -> str:
    return found if isinstance(found, str) else "runs"
