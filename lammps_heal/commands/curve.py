"""`lammps-heal curve`: trains networks of other sizes, shortly, and times them."""

import argparse
from pathlib import Path

from lammps_heal.commands.extras import extra
from lammps_heal.commands.parser import Subcommands
from lammps_heal.commands.train import add_recipe_options, command_line, end
from lammps_heal.errors import Interrupted


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("curve", help="train networks of other sizes, shortly, and time them")
    parser.set_defaults(run=run)
    parser.add_argument("recipe", type=Path, help="TOML file, such as inputs/training/curve.toml")
    parser.add_argument("--folder", type=Path, default=Path("runs/curve"), help="of networks and figures (default: %(default)s)")
    add_recipe_options(parser)


def run(options: argparse.Namespace) -> None:
    from lammps_heal.training.recipe_file import read_recipe

    recipe = read_recipe(options.recipe, options.set)
    with extra("train"):
        import torch

        from lammps_heal.training.curve import curve

    torch.set_num_threads(1)
    try:
        curve(recipe, options.folder, command_line())
    except Interrupted as interrupted:
        end(interrupted, "go on with the same command")
