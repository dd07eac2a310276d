"""The compiled kernel's library, called through ctypes. Only this module knows its C functions.

Arrays are passed as they are: float64 positions in Å, (n, 3); rows as in neighbours.py.
"""

import ctypes
import functools
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lammps_heal.errors import HealError

LIBRARY = Path(__file__).parent / "libhealkernel.so"

_Pointer = ctypes.c_void_p


@functools.cache
def library() -> ctypes.CDLL | None:
    """The library, or None where it is not built or does not load here; `library_problem` says why."""
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
        _declare(loaded)
    except (OSError, AttributeError):
        return None
    return loaded


def library_problem() -> str | None:
    """Why there is no kernel, and what to do; None where there is one."""
    if library() is not None:
        return None
    if not LIBRARY.is_file():
        built = Path(*LIBRARY.parts[-3:])
        installed = next((folder for folder in sys.path if (Path(folder) / built).is_file()), None)
        if installed is not None:
            return (
                f"Python imported the sources in {LIBRARY.parents[2]}, which have no kernel, and not the package installed in "
                f"{installed}: run from another folder"
            )
        return 'the kernel is not built: install g++, then run "lammps-heal build-plugin"'
    return f'{LIBRARY} does not load: run "lammps-heal build-plugin"'


def instruction_sets() -> list[str]:
    """What the kernel can use on this machine, fastest first; empty without the library."""
    loaded = library()
    return [] if loaded is None else loaded.heal_instruction_sets().decode().split()


def last_error(loaded: ctypes.CDLL) -> str:
    """What the last call that failed said."""
    message: str = loaded.heal_last_error().decode()
    return message


def pointer(array: NDArray[np.generic]) -> ctypes.c_void_p:
    """Address of a C-contiguous array, which must outlive the call."""
    if not array.flags.c_contiguous:
        raise ValueError("the kernel needs C-contiguous arrays")
    return ctypes.c_void_p(array.ctypes.data)


def neighbours_by_id(
    loaded: ctypes.CDLL,
    positions: NDArray[np.float64],
    ids: NDArray[np.int64],
    n_owned: int,
    cutoff: float,
    threads: int = 1,
    instruction_set: str = "",
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """first (n_owned + 1,) and neighbours (n_edges,) of the owned rows, by id as neighbours.py orders them.

    Raises HealError where the memory does not suffice or the machine lacks the instruction set.
    """
    positions, ids = np.ascontiguousarray(positions), np.ascontiguousarray(ids)
    n_edges = ctypes.c_int64()
    options = n_owned, len(positions), cutoff, threads, instruction_set.encode()
    made = loaded.heal_neighbour_list(pointer(positions), pointer(ids), *options, ctypes.byref(n_edges))
    if not made:
        raise HealError(f"the neighbour list failed: {last_error(loaded)}")
    first, neighbours = np.empty(n_owned + 1, np.int64), np.empty(n_edges.value, np.int32)
    loaded.heal_take_neighbour_list(made, pointer(first), pointer(neighbours))
    return first, neighbours


def check_crystal(loaded: ctypes.CDLL, lattice_constant: float, cutoff: float) -> tuple[NDArray[np.float64], int]:
    """Positions (n_rows, 3) Å of a small noisy crystal, owned atoms first, and how many are owned."""
    n_owned = ctypes.c_int64()
    n_rows = loaded.heal_check_crystal(lattice_constant, cutoff, None, 0, ctypes.byref(n_owned))
    positions = np.empty((n_rows, 3))
    loaded.heal_check_crystal(lattice_constant, cutoff, pointer(positions), n_rows, ctypes.byref(n_owned))
    return positions, n_owned.value


def _declare(loaded: ctypes.CDLL) -> None:
    integer, long, double, text = ctypes.c_int, ctypes.c_int64, ctypes.c_double, ctypes.c_char_p
    functions = {
        "heal_last_error": (text, []),
        "heal_instruction_sets": (text, []),
        "heal_sample_distances": (long, [double, _Pointer, long]),
        "heal_kernel": (_Pointer, [integer, integer, integer, double, *[_Pointer] * 9, text]),
        "heal_delete_kernel": (None, [_Pointer]),
        "heal_instruction_set": (text, [_Pointer]),
        "heal_step": (_Pointer, []),
        "heal_delete_step": (None, [_Pointer]),
        "heal_forces": (integer, [_Pointer, _Pointer, long, long, _Pointer, _Pointer, double, integer, *[_Pointer] * 4]),
        "heal_message_layer": (integer, [_Pointer, _Pointer, integer, _Pointer, long, _Pointer]),
        "heal_neighbour_list": (_Pointer, [_Pointer, _Pointer, long, long, double, integer, text, _Pointer]),
        "heal_take_neighbour_list": (None, [_Pointer, _Pointer, _Pointer]),
        "heal_check_crystal": (long, [double, double, _Pointer, long, _Pointer]),
    }
    for name, (result, arguments) in functions.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
