"""The compiled kernel: the exported network's displacement on the CPU, without tensors for every edge.

It takes its numbers from the model file and nothing else, and is used only where it agrees with TorchScript.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lammps_heal.errors import HealError
from lammps_heal.kernel.library import check_crystal, last_error, library, library_problem, pointer
from lammps_heal.step.neighbours import Float64Array, Neighbourhoods, neighbours_by_id, overlap_error

AGREEMENT = 1.0e-4  # Å; a kernel that differs from TorchScript by more is not used


@dataclass(frozen=True)
class Parts:
    """The parts of a step, by the kernel or by TorchScript; of positions and neighbours of all owned rows.

    forces: those on all rows, (n_owned + n_ghost, 3) Å, ghosts' not yet folded, and mobilities, (n_owned, 3, 3).
    message_layer: (n_owned, 3) Å after relay number `layer`, of the answers of all rows before it, (n_owned + n_ghost, 3) Å.
    """

    n_layers: int
    forces: Callable[[Float64Array, Neighbourhoods], tuple[Float64Array, Float64Array]]
    message_layer: Callable[[Float64Array, Neighbourhoods, Float64Array, int], Float64Array]


class Kernel:
    """The network of one model in compiled form: see `Parts`. Raises HealError where the library is missing.

    instruction_set: avx512, avx2 or portable; by default the fastest here. The same bits for any number of threads.
    """

    def __init__(self, model: Any, instruction_set: str = "") -> None:
        loaded = library()
        if loaded is None:
            raise HealError(library_problem() or "there is no kernel")
        self._library = loaded
        network = model.network
        self.length_scale = float(getattr(model, "length_scale", 1.0))
        cutoff = float(network.cutoff)
        distances = np.empty(loaded.heal_sample_distances(cutoff, None, 0), np.float32)
        loaded.heal_sample_distances(cutoff, pointer(distances), len(distances))
        with torch.inference_mode():
            samples = [_array(f(torch.from_numpy(distances))) for f in (network.radial_functions, network.message_functions)]
        mixing = _array(network.mixing)
        layers = [_array(p) for name, p in network.named_parameters() if name.startswith("gates.")]
        if len(layers) != 6:
            raise HealError(f"the kernel knows gates of three layers, the model has {len(layers) / 2:g}")
        self.n_layers = int(network.n_layers)
        self._kernel = loaded.heal_kernel(
            mixing.shape[1],
            layers[0].shape[0],
            self.n_layers,
            cutoff,
            *(pointer(array) for array in (*samples, mixing, *layers)),
            instruction_set.encode(),
        )
        if not self._kernel:
            raise HealError(last_error(loaded))
        self._step = loaded.heal_step()
        self._neighbourhoods: Neighbourhoods | None = None

    def __del__(self) -> None:
        if getattr(self, "_kernel", None):
            self._library.heal_delete_kernel(self._kernel)
        if getattr(self, "_step", None):
            self._library.heal_delete_step(self._step)

    @property
    def instruction_set(self) -> str:
        name: str = self._library.heal_instruction_set(self._kernel).decode()
        return name

    def forces(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, threads: int = 1
    ) -> tuple[Float64Array, Float64Array]:
        """Forces on all rows, (n_owned + n_ghost, 3) Å, ghosts' not yet folded, and mobilities, (n_owned, 3, 3).

        positions: (n_owned + n_ghost, 3) Å. neighbourhoods: of all owned rows, in order of rows.
        Raises HealError where two atoms are on one spot.
        """
        positions = np.ascontiguousarray(positions)
        self._first = np.ascontiguousarray(neighbourhoods.first)  # relays read it
        self._neighbourhoods = neighbourhoods
        neighbours = np.ascontiguousarray(neighbourhoods.neighbours, np.int32)
        n_owned = len(self._first) - 1
        forces, mobilities, overlapping = np.empty(positions.shape), np.empty((n_owned, 3, 3)), np.empty(2, np.int64)
        sizes = len(positions), n_owned
        arrays = pointer(positions), *sizes, pointer(self._first), pointer(neighbours)
        results = pointer(forces), pointer(mobilities), self._step, pointer(overlapping)
        self._check(self._library.heal_forces(self._kernel, *arrays, self.length_scale, threads, *results))
        if overlapping[0] >= 0:
            raise overlap_error(positions, *overlapping)
        return forces, mobilities

    def message_layer(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, answers: Float64Array, layer: int
    ) -> Float64Array:
        """(n_owned, 3) Å after relay number `layer`, from 0, of the answers of all rows, (n_owned + n_ghost, 3) Å.

        positions, neighbourhoods: those of the last forces(); raises ValueError for others' neighbourhoods. Answers are
        rounded to 2^-40 Å first: then it has the same bits whatever the order of neighbours.
        """
        if neighbourhoods is not self._neighbourhoods:
            raise ValueError("message_layer() follows forces() of the same neighbourhoods")
        told, n_owned = np.ascontiguousarray(answers), len(self._first) - 1
        result = np.empty((n_owned, 3))
        self._check(self._library.heal_message_layer(self._kernel, self._step, layer, pointer(told), n_owned, pointer(result)))
        return result

    def _check(self, failed: int) -> None:
        if failed:
            self._neighbourhoods = None
            raise HealError(f"the kernel failed: {last_error(self._library)}")


def usable_kernel(model: Any, by_torch: Parts) -> Kernel | None:
    """The model's kernel, if there is one that agrees with it; otherwise None, and a warning that says why.

    by_torch: the model's parts by TorchScript, to compare with.
    """
    try:
        kernel = Kernel(model)
        positions, n_owned = check_crystal(kernel._library, model.lattice_constant, model.cutoff)
        neighbourhoods = neighbours_by_id(positions, np.arange(len(positions)), n_owned, model.cutoff)
        # Forces on ghosts are not folded but answered, by the mobility of any owned atom: so they are compared too.
        owned = np.arange(len(positions)) % n_owned

        def answers(forces: Float64Array, mobilities: Float64Array) -> Float64Array:
            result: Float64Array = (mobilities[owned] @ forces[:, :, None])[:, :, 0]
            return result

        expected = answers(*by_torch.forces(positions, neighbourhoods))
        differences = [answers(*kernel.forces(positions, neighbourhoods)) - expected]
        for layer in range(kernel.n_layers):
            relayed = kernel.message_layer(positions, neighbourhoods, expected, layer)
            differences.append(relayed - by_torch.message_layer(positions, neighbourhoods, expected, layer))
        largest = float(np.max([np.abs(difference).max() for difference in differences]))  # NaN, if any is
        if not largest <= AGREEMENT:
            raise HealError(f"the kernel differs from TorchScript by {largest:.2g} Å on a small crystal")
    except HealError as problem:
        warnings.warn(f"healing by TorchScript, which is slower: {problem}", stacklevel=2)
        return None
    return kernel


def _array(tensor: Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().float().numpy())
