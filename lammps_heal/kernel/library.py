"""The compiled kernel's library, called through ctypes. Only this module, kernel.py and soft_floor.py know its C functions.

What they do, and what they want of their arguments, is said in heal_kernel.h.
"""

import ctypes
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lammps_heal.errors import HealError

LIBRARY = Path(__file__).parent / "libhealkernel.so"
ABI_VERSION = 5  # of heal_kernel.h
ALIGNMENT = 64  # bytes, of vectors
OK, FAILED, OVERLAP = range(3)  # status

_Pointer = ctypes.c_void_p


class Weights(ctypes.Structure):
    """heal_weights."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("n_channels", "n_hidden", "n_layers", "n_intervals", "n_species")),
        ("cutoff", ctypes.c_double),
        *((name, _Pointer) for name in ("radial", "messages", "mixing")),
        ("weights", _Pointer * 3),
        ("biases", _Pointer * 3),
        ("species_factors", _Pointer),
        ("species_bias", _Pointer),
    )


class Atoms(ctypes.Structure):
    """heal_atoms."""

    _fields_ = (
        ("positions", _Pointer),
        ("n_atoms", ctypes.c_int64),
        ("nlocal", ctypes.c_int64),
        ("first", _Pointer),
        ("neighbours", _Pointer),
        ("n_centres", ctypes.c_int64),
        ("centres", _Pointer),
        ("species", _Pointer),
        ("length_scale", ctypes.c_double),
        ("n_threads", ctypes.c_int32),
        ("ids", _Pointer),
    )


@functools.cache
def library() -> ctypes.CDLL | None:
    """The library, or None where it is not built or does not load here; `library_problem` says why."""
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
        _declare(loaded)
    except (OSError, AttributeError):
        return None
    return loaded if loaded.heal_abi_version() == ABI_VERSION else None


def library_problem() -> str | None:
    """Why there is no kernel, and what to do; None where there is one."""
    if library() is not None:
        return None
    if not LIBRARY.is_file():
        from lammps_heal.compiling import PARTS

        return PARTS["kernel"].why_missing(LIBRARY.parents[1])
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
        _declare(loaded)
        reason = f"its interface is of version {loaded.heal_abi_version()}, needed {ABI_VERSION}"
    except (OSError, AttributeError) as error:
        reason = str(error)
    return f'{LIBRARY} does not load ({reason}): run "lammps-heal build-plugin"'


def instruction_sets() -> list[str]:
    """What the kernel can use on this machine, fastest first; empty without the library."""
    loaded = library()
    return [] if loaded is None else loaded.heal_instruction_sets().decode().split()


def max_threads() -> int:
    """The most threads that the kernel takes on this machine; 1 without the library."""
    loaded = library()
    return 1 if loaded is None else int(loaded.heal_max_threads())


def last_error(loaded: ctypes.CDLL) -> str:
    """What the last call that failed says."""
    return str(loaded.heal_last_error().decode(errors="replace"))


def pointer(array: NDArray[np.generic], dtype: type[np.generic]) -> int:
    """Address of a C-contiguous array of this type, which must outlive the call."""
    if not array.flags.c_contiguous or array.dtype != dtype:
        raise ValueError(f"the kernel needs a C-contiguous array of {dtype.__name__}, got {array.dtype}")
    return array.ctypes.data


def thread_count(threads: int) -> int:
    """As the kernel takes it: a number that int32 cannot hold is not cut off, but refused there."""
    return max(-1, min(threads, 2**31 - 1))


def empty_vectors(n_atoms: int) -> NDArray[np.float64]:
    """(n_atoms, 4), aligned as the kernel wants its vectors, not cleared."""
    n_rows = max(n_atoms, 1)  # an empty part of an array begins where that does, aligned or not
    room = np.empty(4 * n_rows + ALIGNMENT // 8)
    start = -room.ctypes.data % ALIGNMENT // 8
    return room[start : start + 4 * n_rows].reshape(n_rows, 4)[:n_atoms]


def neighbours_by_id(
    loaded: ctypes.CDLL,
    positions: NDArray[np.float64],
    ids: NDArray[np.int64],
    nlocal: int,
    cutoff: float,
    threads: int = 1,
    instruction_set: str = "",
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """first (nlocal + 1,) and neighbours (n_edges,) of the local atoms, as heal_list_build orders them.

    positions: (n_atoms, 3) Å. ids: (n_atoms,). Raises HealError where an argument is wrong, as an instruction set that the
    machine lacks, or the memory does not suffice.
    """
    positions, ids = np.ascontiguousarray(positions, np.float64), np.ascontiguousarray(ids, np.int64)
    if positions.shape != (len(ids), 3):
        raise ValueError(f"positions have shape {positions.shape}, needed ({len(ids)}, 3), as there are ids")
    built = loaded.heal_list_create()
    try:
        arrays = pointer(positions, np.float64), pointer(ids, np.int64)
        if (
            loaded.heal_list_build(built, *arrays, nlocal, len(ids), cutoff, thread_count(threads), instruction_set.encode())
            != OK
        ):
            raise HealError(f"the neighbour list failed: {last_error(loaded)}")
        first, neighbours = np.empty(nlocal + 1, np.int64), np.empty(0, np.int32)
        ctypes.memmove(pointer(first, np.int64), loaded.heal_list_first(built), first.nbytes)
        if first[-1] > 0:
            neighbours = np.empty(first[-1], np.int32)
            ctypes.memmove(pointer(neighbours, np.int32), loaded.heal_list_neighbours(built), neighbours.nbytes)
        return first, neighbours
    finally:
        loaded.heal_list_destroy(built)


def _declare(loaded: ctypes.CDLL) -> None:
    status, integer, long, double, text = ctypes.c_int, ctypes.c_int32, ctypes.c_int64, ctypes.c_double, ctypes.c_char_p
    functions = {
        "heal_abi_version": (integer, []),
        "heal_last_error": (text, []),
        "heal_max_threads": (integer, []),
        "heal_instruction_sets": (text, []),
        "heal_kernel_create": (_Pointer, [ctypes.POINTER(Weights), text]),
        "heal_kernel_destroy": (None, [_Pointer]),
        "heal_kernel_instruction_set": (text, [_Pointer]),
        "heal_workspace_create": (_Pointer, []),
        "heal_workspace_destroy": (None, [_Pointer]),
        "heal_workspace_bytes": (long, [_Pointer]),
        "heal_pair_forces": (status, [_Pointer, _Pointer, ctypes.POINTER(Atoms), _Pointer, _Pointer]),
        "heal_mobilities": (_Pointer, [_Pointer]),
        "heal_nearest": (double, [_Pointer]),
        "heal_apply_mobilities": (status, [_Pointer, _Pointer]),
        "heal_message_layer": (status, [_Pointer, _Pointer, integer, _Pointer]),
        "heal_list_create": (_Pointer, []),
        "heal_list_destroy": (None, [_Pointer]),
        "heal_list_build": (status, [_Pointer, _Pointer, _Pointer, long, long, double, integer, text]),
        "heal_list_first": (_Pointer, [_Pointer]),
        "heal_list_neighbours": (_Pointer, [_Pointer]),
        "heal_list_bytes": (long, [_Pointer]),
        "heal_floor_create": (_Pointer, []),
        "heal_floor_destroy": (None, [_Pointer]),
        "heal_floor_begin": (status, [_Pointer, double, double]),
        "heal_floor_look": (status, [_Pointer, ctypes.POINTER(Atoms), _Pointer, _Pointer]),
        "heal_floor_take_back": (status, [_Pointer, _Pointer]),
        "heal_local_structure": (status, [_Pointer, _Pointer, _Pointer]),
        "heal_bonded_average": (status, [_Pointer, _Pointer, _Pointer]),
        "heal_nearest_sites": (status, [_Pointer, _Pointer]),
    }
    for name, (result, arguments) in functions.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
