"""The command `lammps-heal`: collects the sub-commands, one module each, and turns how one ends into an exit code.

exit code    meaning
0            done
1            not done: one line on standard error says what is wrong and what to do (HealError)
2            the command line is not understood, likewise
3            done, but the result is not what was asked for, and the command has said what it is
130, 143     interrupted by Ctrl-C (SIGINT); ended by SIGTERM
"""

import argparse
import os
import sys
from collections.abc import Sequence

from lammps_heal.commands import (
    bench,
    build_plugin,
    coverage,
    curve,
    demo,
    doctor,
    evaluate,
    export,
    fit,
    heal,
    info,
    observe,
    report,
    train,
)
from lammps_heal.commands.parser import Parser
from lammps_heal.errors import HealError

COMMANDS = (heal, observe, report, info, evaluate, bench, demo, doctor, build_plugin, fit, coverage, train, curve, export)
FAILED, INTERRUPTED = 1, 130
EXIT_CODES = (
    "exit code: 0 done; 1 not done, one line says why; 2 command line not understood; 3 done, but not as asked for; "
    "130, 143 interrupted, ended"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one sub-command; where it raises HealError, print its message once and exit with code 1."""
    options = parser().read(sys.argv[1:] if arguments is None else arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # as "lammps-heal info FILE | head -1" may have it; nobody reads what is left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILED) from None
    except HealError as error:
        _say(str(error))
        raise SystemExit(FAILED) from None
    except KeyboardInterrupt:
        _say("interrupted")
        raise SystemExit(INTERRUPTED) from None


def parser() -> Parser:
    """The whole command line, with a sub-parser from each command's module."""
    whole = Parser(prog="lammps-heal", description="Heals damaged crystals inside LAMMPS.", epilog=EXIT_CODES)
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = whole.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    return whole


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"lammps-heal {version('lammps-heal')}")
        parser.exit()


def _say(message: str) -> None:
    """One line on standard error, of one rank only: what is wrong is agreed upon among ranks before it is raised."""
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or mpi.COMM_WORLD.rank == 0:
        print(f"lammps-heal: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
