"""`lammps-heal evaluate`: measures a model on structures that it was not trained on."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import MODEL, Subcommands


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("evaluate", help="measure a model on structures it was not trained on")
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, nargs="?", default=MODEL, help="name or file (default: %(default)s)")
    parser.add_argument("--case", action="append", help="one of the table's cases; may be repeated (default: all)")
    parser.add_argument("--quick", action="store_true", help="small structures, to try the evaluation itself")
    parser.add_argument("--json", type=Path, default=Path("runs/evaluation.json"), help="figures (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.evaluation.evaluate import Evaluation

    evaluation = Evaluation(options.model, options.case, options.quick)
    for case in evaluation.run(options.json):
        print(f"{case}: {evaluation.seconds[case]} s", flush=True)
    print(f"{evaluation.table()}\nfigures: {options.json}, {options.json.with_suffix('.txt')}")
