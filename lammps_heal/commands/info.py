"""`lammps-heal info`: prints what a model file says of itself."""

import argparse
import json
from pathlib import Path

from lammps_heal.commands.parser import MODEL, Subcommands


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("info", help="print what a model file says of itself")
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, nargs="?", default=MODEL)


def run(options: argparse.Namespace) -> None:
    from lammps_heal.model.model_file import load

    print(json.dumps(load(options.model).describe(), indent=2, ensure_ascii=False))
