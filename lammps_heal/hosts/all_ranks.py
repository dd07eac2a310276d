"""Ends all ranks where one alone cannot go on: the others would wait for it for ever."""

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lammps_heal.errors import AgreedError, HealError, Interrupted
from lammps_heal.step.ranks import Ranks

PATIENCE = 3.0  # s for all ranks to fail together; LAMMPS raises most errors on all at once
STAGGER = 0.3  # s for each rank: the first that fails alone says so, and ends the others before they say it too
POLL = 0.01  # s
PRINTING = 0.2  # s, less than STAGGER, in which mpirun prints what a rank has written, before it ends all of them
FAILED = 1  # exit code
SHOWN = 200  # characters of a file's name


@contextmanager
def ends_together(ranks: Ranks) -> Iterator[None]:
    """What all ranks raise together is raised, as HealError or SystemExit; for what some raise alone, all are ended with one
    message, within seconds. What nobody has foreseen becomes one line, too.
    """
    try:
        yield
    except Interrupted as interrupted:
        if ranks.rank == 0:
            print(f"lammps-heal: {interrupted}", file=sys.stderr, flush=True)
        raise SystemExit(interrupted.exit_code) from None
    except AgreedError:
        raise
    except BrokenPipeError:
        if ranks.comm is not None:
            ranks.comm.Abort(FAILED)
        raise  # nobody reads what is printed
    except Exception as error:
        message = str(error) if isinstance(error, HealError) else _of_file(error) or _unforeseen(error)
        if ranks.comm is not None and not _all_are_here(ranks.comm):
            time.sleep(STAGGER * ranks.rank)
            print(f"lammps-heal: {message}", file=sys.stderr, flush=True)
            time.sleep(PRINTING)
            ranks.comm.Abort(FAILED)
            os._exit(FAILED)  # Abort of MPICH 5 may return before this process is ended
        raise HealError(message) from error


def _all_are_here(comm: Any) -> bool:
    """Whether all ranks come to this point."""
    arrival = comm.Ibarrier()
    deadline = time.monotonic() + PATIENCE
    while not arrival.Test():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def _of_file(error: Exception) -> str | None:
    """What the system says of a file, as a name that is too long; None where it is another error."""
    if not isinstance(error, OSError) or error.filename is None:
        return None
    name = str(error.filename)
    shown = name if len(name) <= SHOWN else f"{name[:SHOWN]}..."
    return f'"{shown}": {error.strerror}: name another file'


def _unforeseen(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    said = str(error).strip().splitlines()
    return f"unexpected {type(error).__name__} at {place.filename}:{place.lineno} ({said[0] if said else ''}): please report it"
