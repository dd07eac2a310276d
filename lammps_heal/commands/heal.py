"""`lammps-heal heal`: heals structure files and trajectories.

exit code 3: healed and written, but steps do not get smaller, or atoms came too near to each other.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lammps_heal.commands.parser import MODEL_OR_AUTO, Subcommands, lattice_or_auto
from lammps_heal.model.names import AUTO

if TYPE_CHECKING:
    from lammps_heal.hosts.files import Summary
    from lammps_heal.hosts.heal_options import HealOptions

NOT_HEALED = 3
EPILOG = (
    "The output's name says its format: .data or .lmp a LAMMPS data file, .xyz, .cif, .traj, POSCAR and others that of ASE, any "
    "other name a LAMMPS dump; .gz after it: compressed. Exit code 3: done, but atoms still move, or came too near."
)


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("heal", help="heal a structure file or a trajectory", epilog=EPILOG)
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("damaged", type=Path, help="LAMMPS data file, text dump or restart file, or what ASE reads; may be compressed")
    add("-o", "--output", type=Path, required=True, help="file to write: every step, or with --frames every frame healed")
    add("--model", default=AUTO, help=MODEL_OR_AUTO)
    add("--steps", type=int, help="healing steps (default: until healed, 50 at the most)")
    add("--stop", type=float, metavar="D", help="healed: no atom moves farther in a step, Å (default: 0.001, with --steps: 0)")
    add("--frames", default="last", help="last, all, or a:b:c as in Python: a trajectory, frame by frame (default: %(default)s)")
    add("--lattice", metavar="A", help="lattice constant of another crystal than the model's, Å, or auto: find it (default for "
        "other elements)")  # fmt: skip
    add("--elements", nargs="+", metavar="E", help="element of each atom type, or of all (default: by the file)")
    add("--max", type=float, metavar="D", help="longest displacement of one step, Å (default: the model's)")
    add("--boundary", default="p p p", help="LAMMPS boundary of a data file, which has none (default: %(default)s)")
    add("--atom-style", metavar="S", help="of a data file whose Atoms line names none (default: atomic)")
    add("--write-data", type=Path, metavar="FILE", help="also write the healed crystal as a LAMMPS data file")
    add("--potential", type=Path, metavar="FILE", help="EAM file (eam, eam/alloy, eam/fs), for energies")
    add("--pair-style", metavar="S", help="LAMMPS pair style, for energies; with --pair-coeff")
    add("--pair-coeff", action="append", default=[], metavar="C", help="its coefficients; may be repeated")
    add("--host", choices=("auto", "fix", "python"), default="auto", help="fix heal, or the Python callback")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--kernel", choices=("yes", "no"), default="yes", help="no: TorchScript, some fifty times slower")
    add("--threads", type=int, default=1, help="of the kernel on each rank (default: %(default)s)")
    add("--force", action="store_true", help="heal also where the crystal is likely to be ruined")
    add("--quiet", action="store_true", help="say nothing but warnings and errors")
    add("-v", "--verbose", action="store_true", help="a line for each step, and what LAMMPS prints")
    add("--json", action="store_true", help="print what was done as JSON")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.hosts.all_ranks import ends_together
    from lammps_heal.step.ranks import world

    ranks = world()
    with ends_together(ranks):
        from lammps_heal.hosts.files import heal_file
        from lammps_heal.hosts.reporter import Reporter

        quiet = options.quiet or options.json
        summary = heal_file(_heal_options(options), ranks, Reporter(ranks.rank == 0, quiet, options.verbose))
    if ranks.rank == 0:
        if options.json:
            print(json.dumps(asdict(summary), indent=1, ensure_ascii=False))
        elif not options.quiet:
            print(_line(summary))
        for problem in summary.problems:
            print(f"lammps-heal: not healed: {problem}", file=sys.stderr)
    if summary.problems:
        raise SystemExit(NOT_HEALED)


def _heal_options(options: argparse.Namespace) -> "HealOptions":
    from lammps_heal.hosts.heal_options import HealOptions
    from lammps_heal.hosts.healing_run import HostOptions

    lattice, auto = lattice_or_auto(options.lattice)
    host = HostOptions(
        options.host, options.max, options.kernel == "yes", options.threads, options.device, options.verbose and not options.json
    )
    return HealOptions(
        options.damaged,
        options.output,
        str(options.model),
        options.steps,
        options.stop,
        options.frames,
        lattice,
        auto,
        tuple(options.elements or ()),
        options.potential,
        options.pair_style,
        tuple(options.pair_coeff),
        options.boundary,
        options.atom_style,
        options.write_data,
        options.force,
        host,
    )


def _line(summary: "Summary") -> str:
    """What was done, in one line."""
    energy = f", energy {summary.energy:.6g} eV" if summary.energy is not None else ""
    lattice = f", lattice constant {summary.lattice:g} Å" if summary.lattice is not None else ""
    model = f", model {summary.model}"
    sites = _sites(summary)
    if summary.frames > 1:
        resumed = f" ({summary.resumed} of them before)" if summary.resumed else ""
        return (
            f"{summary.output}: {summary.frames} frames healed{resumed}, the last in {summary.steps} steps to moves of "
            f"{summary.largest:.2g} Å{sites}{energy}{model}{lattice}; {summary.seconds:.3g} s"
        )
    done = f"{summary.output}: {summary.atoms} atoms, {summary.steps} steps, the last moved none by more than"
    return f"{done} {summary.largest:.2g} Å{sites}{energy}{model}{lattice}; {summary.seconds:.3g} s"


def _sites(summary: "Summary") -> str:
    """Empty and double ones, where they are known."""
    now, before = summary.sites, summary.sites_before
    if now is None or before is None:
        return ""
    earlier = "as before" if now == before else f"before: {before.empty}, {before.double}"
    return f", empty sites {now.empty}, double {now.double} ({earlier})"
