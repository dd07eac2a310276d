"""`lammps-heal export`: writes the model file that hosts load."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import MODEL, Subcommands
from lammps_heal.commands.train import WEIGHTS


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("export", help="write the TorchScript model file")
    parser.set_defaults(run=run)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="to export (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, default=MODEL, help="model file (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.model import model_file
    from lammps_heal.model.export import model_from_weights

    model_file.export(model_from_weights(options.weights), options.output)
    print(f"wrote {options.output}")
