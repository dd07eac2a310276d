"""`lammps-heal evaluate`: measures a model on structures that it was not trained on."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import MODEL, Subcommands


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("evaluate", help="measure a model on structures it was not trained on")
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, nargs="?", default=MODEL)
    parser.add_argument("--case", action="append", help="one of the table's cases; may be repeated (default: all)")
    parser.add_argument("--quick", action="store_true", help="small structures, to try the evaluation itself")
    parser.add_argument("--json", type=Path, default=Path("runs/evaluation.json"), help="figures (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.evaluation import evaluate
    from lammps_heal.model.model_file import model_path

    evaluate(model_path(options.model), options.case, options.json, options.quick)
