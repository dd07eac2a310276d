"""`lammps-heal observe`: defects of a trajectory, seen on healed copies of its frames."""

import argparse
import shlex
import sys
from pathlib import Path

from lammps_heal.commands.parser import MODEL_OR_AUTO, Subcommands, lattice_or_auto
from lammps_heal.model.names import AUTO

SHOWN = ("timestep", "vacancies", "interstitials", "irregular", "doubtful")
SHOWN_ON_SITES = ("empty_sites", "frenkel_pairs", "antisites")


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser(
        "observe", help="count defects and label atoms of a trajectory, on healed copies of its frames"
    )
    parser.set_defaults(run=run)
    parser.add_argument("trajectory", type=Path, help="LAMMPS dump or data file, or what ASE reads")
    parser.add_argument("-o", "--output", type=Path, help="dump to write: where atoms are, their healed copies, labels")
    parser.add_argument("--json", type=Path, help="counts of all frames, for lammps-heal report")
    parser.add_argument("--model", default=AUTO, help=MODEL_OR_AUTO)
    parser.add_argument("--steps", type=int, default=3, help="healing steps of a copy (default: %(default)s)")
    parser.add_argument("--frames", default="all", help="last, all, a number or a:b:c (default: %(default)s)")
    parser.add_argument("--lattice", help="lattice constant, Å, or auto: find it (default: the model's; auto for other elements)")
    parser.add_argument("--elements", nargs="+", default=(), help="element of each type (default: the file says)")
    parser.add_argument("--atom-style", help="of a data file whose Atoms line names none")
    parser.add_argument("--sites", type=Path, help="undamaged crystal at rest: count defects on its sites, too")
    parser.add_argument("--defects", type=Path, help="dump to write: sites that are empty, hold two atoms, or another type")
    parser.add_argument("--threads", type=int, default=1, help="of the kernel (default: %(default)s)")
    parser.add_argument("--follow", type=float, metavar="SECONDS", help="wait for more frames; end when none came for so long")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.analysis.observation import NAMES_OF_LABELS
    from lammps_heal.hosts.all_ranks import ends_together
    from lammps_heal.hosts.frame_choice import parse_frames
    from lammps_heal.hosts.observing import ObserveOptions, observe_file
    from lammps_heal.hosts.reporter import Reporter
    from lammps_heal.step.ranks import Ranks

    lattice, auto_lattice = lattice_or_auto(options.lattice)
    chosen = ObserveOptions(
        options.trajectory,
        options.output,
        options.model,
        options.steps,
        parse_frames(options.frames) or slice(-1, None),
        lattice,
        tuple(options.elements),
        auto_lattice=auto_lattice,
        atom_style=options.atom_style,
        threads=options.threads,
        follow=options.follow,
        counts=options.json,
        sites=options.sites,
        defects=options.defects,
    )
    shown = (*SHOWN, *(SHOWN_ON_SITES if options.sites else ()))
    titles = ["  ".join(f"{name:>13}" for name in (*shown, "labels"))]  # until they are printed, above the first row

    def show(row: dict[str, float]) -> None:
        if titles:
            print(titles.pop())
        labels = ", ".join(f"{row[name]:g} {name}" for name in NAMES_OF_LABELS.values() if row[name])
        print("  ".join(f"{row[name]:13g}" for name in shown) + f"  {labels}", flush=True)

    reporter = Reporter(speaks=True)
    with ends_together(Ranks()), reporter.takes_warnings():
        observe_file(chosen, shlex.join(["lammps-heal", *sys.argv[1:]]), show, reporter.note)
