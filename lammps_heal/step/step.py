"""One healing step, and healing of positions in a cell without LAMMPS."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from lammps_heal.errors import HealError
from lammps_heal.kernel.kernel import Kernel, Parts, usable_kernel
from lammps_heal.model import model_file
from lammps_heal.step.neighbours import (
    Float64Array,
    Int64Array,
    Neighbourhoods,
    PeriodicGhosts,
    neighbours_by_id,
    periodic_ghosts,
    require_separate_atoms,
    summed_by_place,
)

# Centres handed to the model at once. On the CPU the work of one chunk then stays in the cache, which halves
# the time; a GPU wants enough to do.
CHUNK = {"cpu": 256, "cuda": 16384}
SKIN = 1.0  # Å; a neighbour list serves until an atom has moved half of it


class Model(Protocol):
    """What a host needs of a model: network.py's forward and relay, the number of relays, and the cutoff in Å."""

    cutoff: float
    n_layers: int

    def parameters(self) -> Iterator[torch.nn.Parameter]: ...

    def __call__(self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, forces: Tensor) -> Tensor: ...

    def message_layer(
        self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, answers: Tensor, layer: int
    ) -> Tensor: ...


class Ghosts(Protocol):
    """What goes from ghosts to their owners and back within a step; collective calls on several ranks."""

    def reverse(self, forces: Float64Array) -> Float64Array:
        """From the forces on all rows, (n_owned + n_ghost, 3) Å, those on the owned atoms, (n_owned, 3), with their ghosts'."""

    def forward(self, answers: Float64Array) -> Float64Array:
        """From the answers of the owned atoms, (n_owned, 3) Å, those of all rows, (n_owned + n_ghost, 3).

        What is handed over may be zero for atoms that do not move.
        """


def displacement(model: Model, positions: Float64Array, neighbourhoods: Neighbourhoods, ghosts: Ghosts) -> Float64Array:
    """Displacement that moves each owned atom toward its lattice site, not yet capped, by TorchScript or torch.

    positions: (n_owned + n_ghost, 3) Å. neighbourhoods: of all owned atoms, out to the model's cutoff at least.
    Returns (n_owned, 3) Å, in order of rows, to be added. Raises HealError for a position or an answer that is not finite.
    """
    if not np.isfinite(positions).all():
        raise HealError(f"{int((~np.isfinite(positions)).any(1).sum())} atoms have positions that are not finite")
    return _whole_step(_by_torch(model), positions, neighbourhoods, ghosts)


def _whole_step(parts: Parts, positions: Float64Array, neighbourhoods: Neighbourhoods, ghosts: Ghosts) -> Float64Array:
    forces, mobilities = parts.forces(positions, neighbourhoods)
    answers: Float64Array = np.einsum("nij,nj->ni", mobilities, ghosts.reverse(forces))
    for layer in range(parts.n_layers):
        answers = parts.message_layer(positions, neighbourhoods, ghosts.forward(answers), layer)
    if not np.isfinite(answers).all():
        raise HealError("the model's answer is not finite: its weights are damaged; export it anew")
    return answers


def _by_torch(model: Model) -> Parts:
    """The parts of a step by TorchScript, or by torch: the reference."""
    return Parts(model.n_layers, partial(_forces_by_torch, model), partial(_message_layer_by_torch, model))


def _forces_by_torch(model: Model, positions: Float64Array, neighbourhoods: Neighbourhoods) -> tuple[Float64Array, Float64Array]:
    device = next(model.parameters()).device
    forces = torch.zeros(positions.shape, dtype=torch.float64, device=device)
    mobilities = _in_chunks(model, device, positions, neighbourhoods, (3, 3), forces)
    return forces.cpu().numpy(), mobilities


def _message_layer_by_torch(
    model: Model, positions: Float64Array, neighbourhoods: Neighbourhoods, answers: Float64Array, layer: int
) -> Float64Array:
    device = next(model.parameters()).device
    return _in_chunks(
        model.message_layer, device, positions, neighbourhoods, (3,), torch.as_tensor(answers, device=device), layer
    )


def _in_chunks(
    method: Callable[..., Tensor],
    device: torch.device,
    positions: Float64Array,
    neighbourhoods: Neighbourhoods,
    shape: tuple[int, ...],
    *arguments: Any,
) -> Float64Array:
    """(n_owned, *shape): what the method says of each owned atom; its last arguments are its own."""
    centres, first = neighbourhoods.centres, neighbourhoods.first
    all_positions = torch.as_tensor(positions, device=device)
    result = np.empty((len(centres), *shape))
    chunk = CHUNK[device.type]
    with torch.inference_mode(), model_file.without_specialising():
        for start in range(0, len(centres), chunk):
            stop = min(start + chunk, len(centres))
            rows = neighbourhoods.neighbours[first[start] : first[stop]].astype(np.int64, copy=False)
            said = method(
                all_positions,
                torch.as_tensor(centres[start:stop], device=device),
                torch.as_tensor(first[start : stop + 1] - first[start], device=device),
                torch.as_tensor(rows, device=device),
                *arguments,
            )
            result[centres[start:stop]] = said.cpu().numpy()
    return result


Displace = Callable[[Float64Array, Neighbourhoods, Ghosts], Float64Array]
KERNELS = ("auto", "torchscript")
# Making a kernel and comparing it with TorchScript takes as long as some twenty steps of a small crystal.
_kernels: WeakKeyDictionary[torch.jit.ScriptModule, Kernel | None] = WeakKeyDictionary()


def fastest_displacement(model: torch.jit.ScriptModule, kernel: str = "auto", threads: int = 1) -> Displace:
    """`displacement` of this model by the fastest way that there is, for neighbourhoods in order of rows.

    kernel: auto takes the compiled kernel on the CPU, where it is built and agrees with TorchScript;
    torchscript never does. threads: of the kernel; torch has its own setting. The function raises HealError
    where two atoms are on one spot or an answer is not finite.
    """
    if kernel not in KERNELS:
        raise HealError(f"kernel must be one of {', '.join(KERNELS)}, got {kernel}")
    if threads < 1:
        raise HealError(f"threads must be 1 or more, got {threads}")
    is_on_cpu = next(model.parameters()).device.type == "cpu"
    compiled = _kernel_of(model) if kernel == "auto" and is_on_cpu else None
    if compiled is None:
        return partial(_displacement_of_separate_atoms, model)
    threaded = Parts(compiled.n_layers, partial(compiled.forces, threads=threads), compiled.message_layer)
    return partial(_whole_step, threaded)


def _kernel_of(model: torch.jit.ScriptModule) -> Kernel | None:
    if model not in _kernels:
        _kernels[model] = usable_kernel(model, _by_torch(model))
    return _kernels[model]


def _displacement_of_separate_atoms(
    model: torch.jit.ScriptModule, positions: Float64Array, neighbourhoods: Neighbourhoods, ghosts: Ghosts
) -> Float64Array:
    require_separate_atoms(positions, neighbourhoods)
    return displacement(model, positions, neighbourhoods, ghosts)


def cap(displacements: Float64Array, longest: float) -> tuple[Float64Array, int]:
    """Displacements (n, 3), Å, shortened to `longest` where longer; and how many were."""
    lengths = np.linalg.norm(displacements, axis=1)
    too_long = lengths > longest
    capped = displacements.copy()
    capped[too_long] *= (longest / lengths[too_long])[:, None]
    return capped, int(too_long.sum())


def outrun_skin(positions: Float64Array, listed: Float64Array) -> bool:
    """Whether an atom of (n, 3), Å, has moved so far from where it was listed that the neighbour list may miss a pair."""
    return bool(((positions - listed) ** 2).sum(1).max(initial=0.0) > (0.5 * SKIN) ** 2)


class PeriodicCrystal:
    """Positions in a cell and the list of their neighbours, which is built anew only when it must be."""

    def __init__(self, cell: Float64Array, pbc: np.ndarray, cutoff: float, threads: int = 1) -> None:
        self.cell, self.pbc, self.cutoff, self.threads = cell, pbc, cutoff, threads
        self._listed_positions: Float64Array | None = None
        self._ghosts: PeriodicGhosts
        self._owners: Int64Array
        self._neighbourhoods: Neighbourhoods

    def open_cluster(self, positions: Float64Array) -> tuple[Float64Array, Neighbourhoods]:
        """Owned and ghost positions (n_owned + n_ghost, 3) Å and neighbours, for (n_owned, 3) positions."""
        if self._is_stale(positions):
            self._listed_positions = positions.copy()
            self._ghosts = periodic_ghosts(positions, self.cell, self.pbc, self.cutoff + SKIN)
            cluster = self._ghosts.positions(positions)
            self._owners = self._ghosts.owners()
            self._neighbourhoods = neighbours_by_id(cluster, self._owners, len(positions), self.cutoff + SKIN, self.threads)
        return self._ghosts.positions(positions), self._neighbourhoods

    def reverse(self, forces: Float64Array) -> Float64Array:
        """See `Ghosts`; of the last `open_cluster`, as all below."""
        return summed_by_place(self._owners, forces, len(self._ghosts.wrap))

    def forward(self, answers: Float64Array) -> Float64Array:
        """See `Ghosts`."""
        return answers[self._owners]

    def _is_stale(self, positions: Float64Array) -> bool:
        if self._listed_positions is None:
            return True
        return outrun_skin(positions, self._listed_positions)


def heal(
    atoms: Atoms,
    model: torch.jit.ScriptModule,
    steps: int = 10,
    longest: float | None = None,
    kernel: str = "auto",
    threads: int = 1,
) -> Atoms:
    """A healed copy of `atoms`: `steps` times x <- x + Delta(x), positions never wrapped.

    longest: cap of one step in Å, by default the model's. kernel: auto or torchscript. threads: of the kernel. Raises
    HealError for an element that the model does not know, an empty or non-finite structure, or two atoms on one spot.
    """
    if len(atoms) == 0:
        raise HealError("the structure has no atoms: give at least one")
    elements = set(atoms.get_chemical_symbols())
    unknown = sorted(elements - set(model.elements))
    if not model.elements and len(elements) > 1:
        raise HealError(f"a model scaled to a lattice constant heals one element, got {', '.join(unknown)}")
    if model.elements and unknown:
        raise HealError(f"element {', '.join(unknown)} is not in the model, which knows {', '.join(model.elements)}")
    if not np.isfinite(atoms.positions).all():
        raise HealError("a position is not finite: check the structure file")
    displace = fastest_displacement(model, kernel, threads)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, model.cutoff, threads)
    healed: Atoms = atoms.copy()
    for _ in range(steps):
        step = displace(*crystal.open_cluster(healed.positions), crystal)
        healed.positions += cap(step, model.max_displacement if longest is None else longest)[0]
    return healed
