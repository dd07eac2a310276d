"""The compiled kernel: the network's displacement on the CPU, without torch and without tensors for every edge."""

import ctypes
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lammps_heal.errors import HealError
from lammps_heal.kernel.library import (
    OK,
    OVERLAP,
    Atoms,
    Weights,
    empty_vectors,
    last_error,
    library,
    library_problem,
    pointer,
)
from lammps_heal.step.neighbours import Float64Array, Neighbourhoods, neighbours_by_id, overlap_error, periodic_ghosts

AGREEMENT = 1.0e-4  # Å; a kernel that differs from TorchScript by more is not used
N_DEGREES = 4  # of spherical harmonics, l = 0 to 3
N_COEFFICIENTS = 3  # of the quadratic in each interval of a table

Float32Array = NDArray[np.float32]


class PackedWeights(Protocol):
    """What a kernel takes of a model: see lammps_heal.model.model_file.PackedWeights."""

    n_channels: int
    n_hidden: int
    n_layers: int
    n_intervals: int
    cutoff: float
    radial: Float32Array
    messages: Float32Array
    mixing: Float32Array
    weights: tuple[Float32Array, ...]
    biases: tuple[Float32Array, ...]


class Kernel:
    """The network of one model in compiled form. The same bits for any number of threads.

    weights: as the model file holds them. length_scale: lengths of this crystal ÷ those of the model's.
    instruction_set: avx512, avx2 or portable; "": the fastest here. Raises HealError where the library is missing, or
    weights or instruction set are none that it can use.
    """

    def __init__(self, weights: PackedWeights, length_scale: float = 1.0, instruction_set: str = "") -> None:
        loaded = library()
        if loaded is None:
            raise HealError(library_problem() or "there is no kernel")
        self._library = loaded
        self.length_scale = float(length_scale)
        self.n_layers = int(weights.n_layers)
        self._kernel = loaded.heal_kernel_create(ctypes.byref(_structure(weights)), instruction_set.encode())
        self._workspace = loaded.heal_workspace_create() if self._kernel else None
        if not self._workspace:
            raise HealError(f"the kernel cannot be used: {last_error(loaded)}")
        self._vectors = empty_vectors(0)
        self._neighbourhoods: Neighbourhoods | None = None

    def __del__(self) -> None:
        if loaded := getattr(self, "_library", None):
            loaded.heal_workspace_destroy(getattr(self, "_workspace", None))
            loaded.heal_kernel_destroy(getattr(self, "_kernel", None))

    @property
    def instruction_set(self) -> str:
        return str(self._library.heal_kernel_instruction_set(self._kernel).decode())

    def forces(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, threads: int = 1
    ) -> tuple[Float64Array, Float64Array]:
        """Pair forces on all atoms, (n_atoms, 3) Å, before reverse communication, and mobility tensors, (nlocal, 3, 3).

        positions: (n_atoms, 3) Å, local atoms first. neighbourhoods: of all local atoms, in order of rows.
        Raises HealError where two atoms are at one place, or where the kernel refuses its arguments.
        """
        positions = np.ascontiguousarray(positions, np.float64)
        first = np.ascontiguousarray(neighbourhoods.first, np.int64)
        neighbours = np.ascontiguousarray(neighbourhoods.neighbours, np.int32)
        n_atoms, nlocal = len(positions), len(first) - 1
        if positions.shape != (n_atoms, 3) or (nlocal > 0 and first[-1] > len(neighbours)):
            raise ValueError("positions or neighbourhoods have another shape than the kernel needs")
        self._neighbourhoods = None
        if len(self._vectors) != n_atoms:
            self._vectors = empty_vectors(n_atoms)
        arrays = pointer(positions, np.float64), n_atoms, nlocal, pointer(first, np.int64), pointer(neighbours, np.int32)
        atoms = Atoms(*arrays, nlocal, None, self.length_scale, threads)
        overlap = (ctypes.c_int64 * 2)()
        vectors = pointer(self._vectors, np.float64)
        status = self._library.heal_pair_forces(self._kernel, self._workspace, ctypes.byref(atoms), vectors, overlap)
        if status == OVERLAP:
            raise overlap_error(positions, *overlap)
        self._require_ok(status)
        self._neighbourhoods = neighbourhoods
        mobilities = np.empty((nlocal, 3, 3), np.float32)
        if nlocal > 0:
            ctypes.memmove(mobilities.ctypes.data, self._library.heal_mobilities(self._workspace), mobilities.nbytes)
        return self._vectors[:, :3].copy(), mobilities.astype(np.float64)

    def message_layer(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, v_in: Float64Array, layer: int
    ) -> Float64Array:
        """v_out (nlocal, 3) Å of message-passing layer number `layer`, from 0, for v_in (n_atoms, 3) Å.

        positions, neighbourhoods: those of the last forces(); raises ValueError for others' neighbourhoods. v_in is rounded
        to fixed point: then v_out has the same bits whatever the order of neighbours.
        """
        if neighbourhoods is not self._neighbourhoods:
            raise ValueError("message_layer() follows forces() of the same neighbourhoods")
        self._vectors[:, :3] = v_in
        self._vectors[:, 3] = 0.0
        vectors = pointer(self._vectors, np.float64)
        self._require_ok(self._library.heal_message_layer(self._kernel, self._workspace, layer, vectors))
        return self._vectors[: len(neighbourhoods.first) - 1, :3].copy()

    def _require_ok(self, status: int) -> None:
        if status != OK:
            self._neighbourhoods = None
            raise HealError(f"the kernel failed: {last_error(self._library)}")


def _structure(weights: PackedWeights) -> Weights:
    """heal_weights, whose arrays live as long as those of `weights`. Raises HealError where one has the wrong shape."""
    n, n_hidden = weights.n_channels, weights.n_hidden
    sizes = N_DEGREES * n, n_hidden, n_hidden, (N_DEGREES + 1) * n + 1
    n_layers = len(sizes) - 1
    if len(weights.weights) != n_layers or len(weights.biases) != n_layers:
        raise HealError(f"the kernel knows per-atom networks of {n_layers} layers, the model has {len(weights.weights)}")
    table = weights.n_intervals, N_COEFFICIENTS
    expected = [
        (weights.radial, (*table, 2 * N_DEGREES * n)),
        (weights.messages, (*table, 2 * weights.n_layers)),
        (weights.mixing, (N_DEGREES, n, n)),
        *((weights.weights[k], (sizes[k + 1], sizes[k])) for k in range(n_layers)),
        *((weights.biases[k], (sizes[k + 1],)) for k in range(n_layers)),
    ]
    for array, shape in expected:
        if array.shape != shape:
            raise HealError(f"the model's weights have shape {array.shape} where the kernel needs {shape}: export it anew")
    addresses = [pointer(array, np.float32) for array, _ in expected]
    three = ctypes.c_void_p * n_layers
    integers = n, n_hidden, weights.n_layers, weights.n_intervals
    return Weights(*integers, weights.cutoff, *addresses[:3], three(*addresses[3:6]), three(*addresses[6:]))


# Below: until models are read without torch.


@dataclass(frozen=True)
class Parts:
    """The parts of a step, by the kernel or by TorchScript; of positions and neighbours of all owned rows.

    forces: those on all rows, (n_owned + n_ghost, 3) Å, ghosts' not yet folded, and mobilities, (n_owned, 3, 3).
    message_layer: (n_owned, 3) Å after layer number `layer`, of v_in of all rows before it, (n_owned + n_ghost, 3) Å.
    """

    n_layers: int
    forces: Callable[[Float64Array, Neighbourhoods], tuple[Float64Array, Float64Array]]
    message_layer: Callable[[Float64Array, Neighbourhoods, Float64Array, int], Float64Array]


def usable_kernel(model: Any, by_torch: Parts) -> Kernel | None:
    """The model's kernel, if there is one that agrees with it; otherwise None, and a warning that says why.

    by_torch: the model's parts by TorchScript, to compare with.
    """
    from lammps_heal.kernel.packing import packed_weights

    try:
        if library() is None:
            raise HealError(library_problem() or "there is no kernel")
        kernel = Kernel(packed_weights(model.network), float(getattr(model, "length_scale", 1.0)))
        positions, n_owned = _check_crystal(model.lattice_constant, model.cutoff)
        neighbourhoods = neighbours_by_id(positions, np.arange(len(positions)), n_owned, model.cutoff)
        # Forces on ghosts are not added to their owners' but multiplied by the mobility of any local atom: so they are
        # compared too.
        owned = np.arange(len(positions)) % n_owned

        def first_displacement(forces: Float64Array, mobilities: Float64Array) -> Float64Array:
            result: Float64Array = (mobilities[owned] @ forces[:, :, None])[:, :, 0]
            return result

        expected = first_displacement(*by_torch.forces(positions, neighbourhoods))
        differences = [first_displacement(*kernel.forces(positions, neighbourhoods)) - expected]
        for layer in range(kernel.n_layers):
            v_out = kernel.message_layer(positions, neighbourhoods, expected, layer)
            differences.append(v_out - by_torch.message_layer(positions, neighbourhoods, expected, layer))
        largest = float(np.max([np.abs(difference).max() for difference in differences]))  # NaN, if any is
        if not largest <= AGREEMENT:
            raise HealError(f"the kernel differs from TorchScript by {largest:.2g} Å on a small crystal")
    except HealError as problem:
        warnings.warn(f"healing by TorchScript, which is slower: {problem}", stacklevel=2)
        return None
    return kernel


def _check_crystal(lattice_constant: float, cutoff: float) -> tuple[Float64Array, int]:
    import ase.build

    atoms = ase.build.bulk("Pt", "fcc", a=lattice_constant, cubic=True).repeat((3, 3, 3))
    del atoms[-1]
    local = atoms.positions + np.random.default_rng(1).normal(0.0, 0.1 / 3.92 * lattice_constant, atoms.positions.shape)
    ghosts = periodic_ghosts(local, atoms.cell[:], np.ones(3, bool), cutoff)
    return ghosts.positions(local), len(local)
