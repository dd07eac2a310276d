"""`lammps-heal curve`: trains networks of other sizes, shortly, and times them."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import Subcommands
from lammps_heal.commands.train import add_training_options, training_options


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("curve", help="train networks of other sizes, shortly, and time them")
    parser.set_defaults(run=run)
    parser.add_argument("--folder", type=Path, default=Path("runs/curve"), help="of networks and figures (default: %(default)s)")
    add_training_options(parser)


def run(options: argparse.Namespace) -> None:
    import torch

    from lammps_heal.training.curve import curve

    torch.set_num_threads(1)
    curve(options.data, training_options(options), options.folder)
