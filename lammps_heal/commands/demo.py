"""`lammps-heal demo`: table and picture of a run of inputs/in.heal."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import Subcommands


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("demo", help="table and picture of a run of inputs/in.heal")
    parser.set_defaults(run=run)
    parser.add_argument("--log", type=Path, default=Path("runs/heal.log"))
    parser.add_argument("--healed", type=Path, default=Path("final_demo_vacancy_healing.lammpstrj"))
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="with reference.data and sites.data")
    parser.add_argument("--picture", type=Path, default=Path("final_demo_vacancy_healing.png"))


def run(options: argparse.Namespace) -> None:
    from lammps_heal.analysis.demo import show

    show(options.log, options.healed, options.folder, options.picture)
