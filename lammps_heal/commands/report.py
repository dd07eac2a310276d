"""`lammps-heal report`: what was observed in runs, as one HTML page."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import Subcommands


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("report", help="one HTML page of what was observed: charts, pictures, defects to be turned")
    parser.set_defaults(run=run)
    parser.add_argument("runs", type=Path, nargs="+", help='JSON of "lammps-heal observe --json", or log of a LAMMPS run')
    parser.add_argument("--dump", type=Path, help="observed dump of a log, or of JSON whose dump was moved")
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="page to write (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.errors import HealError
    from lammps_heal.hosts.observed_runs import read_run
    from lammps_heal.hosts.reporter import Reporter
    from lammps_heal.report.page import page
    from lammps_heal.whole_files import require_other_files, write_text

    if options.dump is not None and len(options.runs) > 1:
        raise HealError("--dump belongs to one run, got more: make a page of each, or give JSON, which names its dump")
    runs = [read_run(path, options.dump) for path in options.runs]
    require_other_files([options.output], [path for run in runs for path in run.files])
    reporter = Reporter(speaks=True)
    for note in (note for run in runs for note in run.notes):
        reporter.note(note)
    write_text(options.output, page(runs))
    print(f"wrote {options.output}")
