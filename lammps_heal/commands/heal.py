"""`lammps-heal heal`: heals a LAMMPS data, dump or restart file."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import MODEL, Subcommands


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("heal", help="heal a LAMMPS data, dump or restart file")
    parser.set_defaults(run=run)
    parser.add_argument("damaged", type=Path, help="LAMMPS data file, text dump (its last frame) or restart file")
    parser.add_argument("-o", "--output", type=Path, required=True, help="trajectory to write, a LAMMPS text dump")
    parser.add_argument("--model", type=Path, default=MODEL, help="model: a name, or an exported file (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=10, help="healing steps (default: %(default)s)")
    parser.add_argument("--max", type=float, help="longest displacement of one step, Å (default: the model's)")
    parser.add_argument("--elements", nargs="+", help="element of each LAMMPS type (default: by the masses)")
    parser.add_argument("--potential", type=Path, help="EAM file, to print the energy of each step")
    parser.add_argument("--boundary", default="p p p", help="LAMMPS boundary of a data file (default: %(default)s)")
    parser.add_argument("--write-data", type=Path, help="also write the healed crystal as a LAMMPS data file")
    parser.add_argument("--host", choices=("auto", "fix", "python"), default="auto", help="fix heal, or the Python callback")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--kernel", choices=("yes", "no"), default="yes", help="no: TorchScript, some fifty times slower")
    parser.add_argument("--threads", type=int, default=1, help="of the kernel on each rank (default: %(default)s)")
    parser.add_argument("--lattice", type=float, help="lattice constant, Å, of another fcc metal than the model's")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.step.ranks import world

    ranks = world()
    from lammps_heal.hosts.files import HealOptions, heal_file
    from lammps_heal.model.names import model_path

    heal_file(
        HealOptions(
            damaged=options.damaged,
            healed=options.output,
            model=model_path(options.model),
            steps=options.steps,
            max_displacement=options.max,
            elements=options.elements,
            potential=options.potential,
            boundary=options.boundary,
            write_data=options.write_data,
            host=options.host,
            device=options.device,
            kernel=options.kernel == "yes",
            threads=options.threads,
            lattice=options.lattice,
        ),
        ranks,
    )
