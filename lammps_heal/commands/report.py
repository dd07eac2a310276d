"""`lammps-heal report`: what was observed in runs, as one HTML page."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import Subcommands


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("report", help="one HTML page of what was observed: charts, pictures, defects to be turned")
    parser.set_defaults(run=run)
    parser.add_argument("counts", type=Path, nargs="+", help='JSON of "lammps-heal observe --json"; its dump is found by it')
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="page to write (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.hosts.observed_runs import read_run
    from lammps_heal.report.page import page
    from lammps_heal.whole_files import write_text

    write_text(options.output, page([read_run(path) for path in options.counts]))
    print(f"wrote {options.output}")
