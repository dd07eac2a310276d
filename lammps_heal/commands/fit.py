"""`lammps-heal fit`: a model for a crystal and a potential of your own."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lammps_heal.commands.parser import Subcommands, count
from lammps_heal.errors import HealError

if TYPE_CHECKING:
    from lammps_heal.training.recipe import Crystal

EXAMPLE = 'lammps-heal fit --structure bcc --elements Fe --pair-style eam/fs --pair-coeff "* * Fe_mm.eam.fs Fe" -o fe.pt'


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser(
        "fit",
        help="make a model for a crystal and a potential: structures, training, acceptance",
        epilog=EXAMPLE,
    )
    parser.set_defaults(run=run)
    parser.add_argument("recipe", type=Path, nargs="?", help="TOML file that has all this in [crystal], and its training")
    parser.add_argument("--structure", help="fcc, bcc, hcp, diamond and others by name, or a file with a unit cell")
    parser.add_argument("--elements", nargs="+", help="in the order of the LAMMPS types")
    parser.add_argument("--composition", nargs="+", type=float, default=(), help="shares of the elements of a random alloy")
    parser.add_argument("--spread", type=float, default=0.0, help="of these shares from structure to structure, either way")
    parser.add_argument("--pair-style", help="as in a LAMMPS input, units metal")
    parser.add_argument("--pair-coeff", action="append", help="the same; may be repeated")
    parser.add_argument(
        "--setting", action="append", default=[], help="further LAMMPS line, such as a kspace_style; may be repeated"
    )
    parser.add_argument("--atom-style", default="atomic", choices=("atomic", "charge"), help="default: %(default)s")
    parser.add_argument("--lattice", type=float, default=0.0, help="lattice constant to begin from, Å (default: guessed)")
    parser.add_argument("--melting-point", type=float, default=0.0, help="K (default: estimated)")
    parser.add_argument(
        "--base", help="model to begin from, or none (default: the shipped one of the elements, or of the structure)"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="model file; trained weights go beside it")
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="of structures and checkpoint (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="fewer structures and steps, a shorter acceptance")
    parser.add_argument("--steps", type=count, help="of the training, all stages together")
    parser.add_argument("--threads", type=count, default=1, help="of torch (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    from dataclasses import replace

    import torch

    from lammps_heal.commands.train import command_line, end
    from lammps_heal.crystals.fit import QUICK, Effort, fit_by_recipe, fit_from_nothing_or_base, verdict
    from lammps_heal.errors import Interrupted
    from lammps_heal.evaluation.rows import text
    from lammps_heal.training.recipe_file import read_recipe

    torch.set_num_threads(options.threads)
    effort = QUICK if options.quick else Effort()
    if options.steps:
        effort = replace(effort, steps=options.steps, fine_steps=options.steps)
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        if options.recipe:
            recipe = read_recipe(options.recipe)
            rows = fit_by_recipe(recipe, options.output, options.folder, effort, command_line(), say)
        else:
            described = _described(options)
            rows = fit_from_nothing_or_base(described, options.output, options.folder, effort, options.base, command_line(), say)
    except Interrupted as interrupted:
        end(interrupted, "go on with the same command")
    print(text(rows))
    print(f"wrote {options.output}")
    print(verdict(rows))


def _described(options: argparse.Namespace) -> "Crystal":
    from lammps_heal.training.recipe import Crystal

    needed = {"--structure": options.structure, "--elements": options.elements, "--pair-style": options.pair_style}
    missing = [name for name, value in {**needed, "--pair-coeff": options.pair_coeff}.items() if not value]
    if missing:
        raise HealError(f"fit needs {', '.join(missing)}, or a recipe that says so")
    return Crystal(
        structure=options.structure,
        elements=tuple(options.elements),
        composition=tuple(options.composition),
        spread=options.spread,
        pair_style=options.pair_style,
        pair_coeff=tuple(options.pair_coeff),
        settings=tuple(options.setting),
        atom_style=options.atom_style,
        lattice_constant=options.lattice,
        melting_point=options.melting_point,
    )


def say(line: str) -> None:
    print(line, flush=True)
