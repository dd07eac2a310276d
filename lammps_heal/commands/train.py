"""`lammps-heal train`: trains a network by a recipe."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from lammps_heal.commands.extras import extra
from lammps_heal.commands.parser import Subcommands, count
from lammps_heal.errors import Interrupted


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("train", help="train a network by a recipe")
    parser.set_defaults(run=run)
    parser.add_argument("recipe", type=Path, help="TOML file, such as inputs/training/pt.toml")
    parser.add_argument("-o", "--output", type=Path, help="trained weights (default: FOLDER/RECIPE.pth)")
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="of checkpoint and log (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    add_recipe_options(parser)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: cuda where there is one")
    parser.add_argument("--threads", type=count, default=1, help="of torch (default: %(default)s)")


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a key of the recipe, such as training.seed=2 or stage.1.steps=100; may be repeated",
    )


def run(options: argparse.Namespace) -> None:
    from lammps_heal.training.recipe_file import read_recipe

    recipe = read_recipe(options.recipe, options.set)
    with extra("train"):
        import torch

        from lammps_heal.training.stages import Files, is_done, train
        from lammps_heal.training.validation import table

    torch.set_num_threads(options.threads)
    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    files = Files(options.output or options.folder / f"{options.recipe.stem}.pth", options.folder)
    if options.resume and is_done(recipe, files):
        print("trained already, by this recipe and on these data: without --resume it is trained anew")
    try:
        figures = train(recipe, files, command_line(), device, options.resume)
    except Interrupted as interrupted:
        end(interrupted, "go on with the same command and --resume")
    print(f"weights: {files.weights} (lammps-heal export {files.weights})")
    print(table(figures))


def command_line() -> str:
    """For the record."""
    return shlex.join(["lammps-heal", *sys.argv[1:]])


def end(interrupted: Interrupted, remedy: str) -> NoReturn:
    print(f"lammps-heal: {interrupted}: {remedy}", file=sys.stderr, flush=True)
    raise SystemExit(interrupted.exit_code) from None
