"""`lammps-heal export`: writes the model file that hosts load."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import Subcommands
from lammps_heal.commands.train import WEIGHTS


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("export", help="write the TorchScript model file")
    parser.set_defaults(run=run)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="to export (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, default=Path("data/pt_heal.pt"), help="model file (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.model.export import export
    from lammps_heal.training.weights import read_network

    export(read_network(options.weights), options.output)
    print(f"wrote {options.output}")
