"""The arithmetic of a step by torch: the reference, what heals on a GPU, and what takes the kernel's place without one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from lammps_heal.errors import HealError
from lammps_heal.model.scripted import OUT_OF_MEMORY, full_card, reason_in, without_specialising
from lammps_heal.step.neighbours import Float64Array, Int32Array, Neighbourhoods, require_separate_atoms

# Centres handed to the network at once. On the CPU the work of one chunk then stays in the cache, which halves the
# time; a GPU wants enough to do.
CHUNK = {"cpu": 256, "cuda": 16384}


class TorchNetwork(Protocol):
    """The network of model/network.py, as torch or as TorchScript."""

    n_layers: int
    n_species: int

    def parameters(self) -> Iterator[torch.nn.Parameter]: ...

    def __call__(
        self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, species: Tensor, forces: Tensor
    ) -> Tensor: ...

    def message_layer(
        self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, v_in: Tensor, layer: int
    ) -> Tensor: ...


class TorchBackend:
    """See `step.Backend`."""

    def __init__(self, network: Any) -> None:
        self._network: TorchNetwork = network
        self._device = next(network.parameters()).device

    @property
    def n_layers(self) -> int:
        return int(self._network.n_layers)

    @property
    def nearest(self) -> float:
        return 0.0

    def pair_forces(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, species: Int32Array | None = None
    ) -> tuple[Float64Array, Float64Array]:
        require_separate_atoms(positions, neighbourhoods)
        numbers = self._species(len(positions), species)
        with _errors_of_torch():
            forces = torch.zeros(positions.shape, dtype=torch.float64, device=self._device)
            of_atoms = torch.as_tensor(numbers, dtype=torch.int64, device=self._device)
            mobilities = self._in_chunks(self._network, positions, neighbourhoods, (3, 3), of_atoms, forces)
            return forces.cpu().numpy(), mobilities

    def _species(self, n_atoms: int, species: Int32Array | None) -> Int32Array:
        """(n_atoms,), zeros where the network sees none. Raises HealError where they are none of its own."""
        n_species = int(self._network.n_species)
        if n_species == 1:
            return np.zeros(n_atoms, np.int32)
        if species is None or len(species) != n_atoms or not ((species >= 0) & (species < n_species)).all():
            raise HealError(f"the model sees {n_species} species: give that of each atom, 0 to {n_species - 1}")
        return species

    def message_layer(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, v_in: Float64Array, layer: int
    ) -> Float64Array:
        with _errors_of_torch():
            vectors = torch.as_tensor(v_in, device=self._device)
            return self._in_chunks(self._network.message_layer, positions, neighbourhoods, (3,), vectors, layer)

    def _in_chunks(
        self,
        method: Callable[..., Tensor],
        positions: Float64Array,
        neighbourhoods: Neighbourhoods,
        shape: tuple[int, ...],
        *arguments: Any,
    ) -> Float64Array:
        """(nlocal, *shape): what the method returns for each local atom; its last arguments are its own."""
        centres, first = neighbourhoods.centres, neighbourhoods.first
        all_positions = torch.as_tensor(positions, device=self._device)
        result = np.empty((len(centres), *shape))
        chunk = CHUNK[self._device.type]
        with torch.inference_mode(), without_specialising():
            for start in range(0, len(centres), chunk):
                stop = min(start + chunk, len(centres))
                rows = neighbourhoods.neighbours[first[start] : first[stop]].astype(np.int64, copy=False)
                found = method(
                    all_positions,
                    torch.as_tensor(centres[start:stop], device=self._device),
                    torch.as_tensor(first[start : stop + 1] - first[start], device=self._device),
                    torch.as_tensor(rows, device=self._device),
                    *arguments,
                )
                if found.shape != (stop - start, *shape):
                    raise ValueError(f"the network returned {tuple(found.shape)}, needed {(stop - start, *shape)}")
                result[centres[start:stop]] = found.cpu().numpy()
        return result


@contextmanager
def _errors_of_torch() -> Iterator[None]:
    """Raises HealError where the device has no memory left, or the TorchScript fails otherwise."""
    try:
        yield
    except Exception as reason:  # RuntimeError, or the interpreter's own
        if OUT_OF_MEMORY in str(reason):
            raise full_card(reason) from reason
        raise HealError(f"TorchScript failed: {reason_in(reason)}") from reason
