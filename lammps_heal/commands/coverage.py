"""`lammps-heal coverage`: fits a model to each of many crystals and heals them hot; one table of all of them."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import Subcommands, count


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("coverage", help="fit a model to each of many crystals, and heal them hot")
    parser.set_defaults(run=run)
    parser.add_argument(
        "crystals", type=Path, nargs="?", default=Path("inputs/coverage.toml"), help="TOML file (default: %(default)s)"
    )
    parser.add_argument("--only", action="append", help="name of a crystal; may be repeated (default: all)")
    parser.add_argument("--quick", action="store_true", help="quick fits")
    parser.add_argument("--threads", type=count, default=1, help="of torch (default: %(default)s)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("runs/coverage"),
        help="of models and figures; what is there is kept (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> None:
    import json
    from dataclasses import asdict

    import torch

    from lammps_heal.commands.fit import say
    from lammps_heal.commands.train import command_line, end
    from lammps_heal.crystals.coverage import Covered, cover, from_json, page, table
    from lammps_heal.crystals.fit import QUICK, Effort, fit_from_nothing_or_base, verdict
    from lammps_heal.errors import HealError, Interrupted
    from lammps_heal.model.model_file import load
    from lammps_heal.training.recipe_file import read_crystals
    from lammps_heal.whole_files import write_json, write_text

    torch.set_num_threads(options.threads)
    crystals = read_crystals(options.crystals)
    unknown = [name for name in options.only or () if name not in crystals]
    if unknown:
        raise HealError(f'"{options.crystals}" has no crystal "{unknown[0]}", only {", ".join(crystals)}')
    options.folder.mkdir(parents=True, exist_ok=True)
    covered: dict[str, Covered] = {}
    failed: dict[str, str] = {}
    for name in options.only or crystals:
        model, figures = options.folder / f"{name}.pt", options.folder / f"{name}.json"
        try:
            if not model.is_file():
                effort = QUICK if options.quick else Effort()
                rows = fit_from_nothing_or_base(crystals[name], model, options.folder, effort, None, command_line(), say)
                say(f"{name}: {verdict(rows)}")
            if not figures.is_file():
                write_json(figures, asdict(cover(crystals[name], load(model))))
            covered[name] = from_json(json.loads(figures.read_text()))
        except Interrupted as interrupted:
            end(interrupted, "go on with the same command")
        except HealError as reason:
            failed[name] = str(reason)
        write_text(options.folder / "coverage.md", page(covered, failed, crystals))
    print(table(covered, failed))
