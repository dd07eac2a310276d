"""The compiled kernel: the network's displacement on the CPU, without torch and without tensors for every edge."""

import ctypes

import numpy as np

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
    thread_count,
)
from lammps_heal.model.model_file import N_DENSE, PackedWeights
from lammps_heal.step.neighbours import Float64Array, Int32Array, Neighbourhoods, overlap_error


class Kernel:
    """The network of one model in compiled form. The same bits for any number of threads.

    weights: as the model file holds them. length_scale: lengths of this crystal ÷ those of the model's.
    instruction_set: avx512, avx2 or portable; "": the fastest here; cuda:0, cuda:1, ...: on that CUDA device, which finds
    neighbours itself. Raises HealError where the library is missing, or weights or instruction set are none that it can use.
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

    def pair_forces(
        self,
        positions: Float64Array,
        neighbourhoods: Neighbourhoods,
        threads: int = 1,
        species: Int32Array | None = None,
    ) -> tuple[Float64Array, Float64Array]:
        """Pair forces on all atoms, (n_atoms, 3) Å, before reverse communication, and mobility tensors, (nlocal, 3, 3).

        positions: (n_atoms, 3) Å, local atoms first. neighbourhoods: of all local atoms, in order of rows. species:
        (n_atoms,), from 0; None serves a model of one.
        Raises HealError where two atoms are at one place, or where the kernel refuses its arguments.
        """
        positions = np.ascontiguousarray(positions, np.float64)
        first = np.ascontiguousarray(neighbourhoods.first, np.int64)
        neighbours = np.ascontiguousarray(neighbourhoods.neighbours, np.int32)
        n_atoms, nlocal = len(positions), len(first) - 1
        of_atoms = None if species is None else np.ascontiguousarray(species, np.int32)
        if (
            positions.shape != (n_atoms, 3)
            or (nlocal > 0 and first[-1] > len(neighbours))
            or (of_atoms is not None and of_atoms.shape != (n_atoms,))
        ):
            raise ValueError("positions, neighbourhoods or species have another shape than the kernel needs")
        self._neighbourhoods = None
        if len(self._vectors) != n_atoms:
            self._vectors = empty_vectors(n_atoms)
        arrays = pointer(positions, np.float64), n_atoms, nlocal, pointer(first, np.int64), pointer(neighbours, np.int32)
        numbers = None if of_atoms is None else pointer(of_atoms, np.int32)
        atoms = Atoms(*arrays, nlocal, None, numbers, self.length_scale, thread_count(threads))
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

    @property
    def nearest(self) -> float:
        """Å, of the last `pair_forces`: no two neighbours are nearer to each other, or the cutoff where none are within it."""
        return float(self._library.heal_nearest(self._workspace))

    def message_layer(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, v_in: Float64Array, layer: int
    ) -> Float64Array:
        """v_out (nlocal, 3) Å of message-passing layer number `layer`, from 0, for v_in (n_atoms, 3) Å.

        positions, neighbourhoods: those of the last pair_forces(); raises ValueError for others' neighbourhoods. v_in is rounded
        to fixed point: then v_out has the same bits whatever the order of neighbours.
        """
        if neighbourhoods is not self._neighbourhoods:
            raise ValueError("message_layer() follows pair_forces() of the same neighbourhoods")
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
    integers = weights.n_channels, weights.n_hidden, weights.n_layers, weights.n_intervals, weights.n_species
    shapes, arrays = PackedWeights.shapes(*integers), weights.arrays()
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise HealError(f"the model's {name} has shape {arrays[name].shape}, needed {shape}: export it anew")
    radial, messages, mixing, *dense, factors, bias = (pointer(arrays[name], np.float32) for name in shapes)
    three = ctypes.c_void_p * N_DENSE
    of_layers = three(*dense[:N_DENSE]), three(*dense[N_DENSE:])
    return Weights(*integers, weights.cutoff, radial, messages, mixing, *of_layers, factors, bias)
