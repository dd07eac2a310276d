"""`lammps-heal export`: writes the model file that hosts load."""

import argparse
from pathlib import Path

from lammps_heal.commands.extras import extra
from lammps_heal.commands.parser import Subcommands

WEIGHTS, MODEL = Path("data/best_denoise_model.pth"), Path("data/pt_heal.pt")
RUNS = Path("runs")


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("export", help="write the model file of trained weights")
    parser.set_defaults(run=run)
    parser.add_argument("weights", type=Path, nargs="?", default=WEIGHTS, help="to export (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, help=f"model file (default: {MODEL}; of other weights runs/NAME.pt)")


def run(options: argparse.Namespace) -> None:
    with extra("torch"):
        from lammps_heal.model.export import export
        from lammps_heal.training.weights import read_network

    trained = read_network(options.weights)
    output = options.output or (MODEL if options.weights == WEIGHTS else RUNS / f"{options.weights.stem}.pt")
    if options.output is None:
        output.parent.mkdir(parents=True, exist_ok=True)
    export(trained, output)
    print(f"wrote {output}")
