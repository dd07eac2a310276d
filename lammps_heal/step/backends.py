"""Which backend computes the steps of a model: the kernel where it is built and right, else TorchScript."""

import os
import warnings
from collections.abc import Sequence
from weakref import WeakValueDictionary

import numpy as np

from lammps_heal.errors import HealError
from lammps_heal.kernel.kernel import Kernel
from lammps_heal.model.model_file import Model
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import Float64Array, Int32Array, Neighbourhoods
from lammps_heal.step.step import Backend, displacement

AGREEMENT = 1.0e-4  # Å; a kernel that differs by more from what the TorchScript recorded is not used


class KernelBackend:
    """See `step.Backend`. threads: of the kernel; any number gives the same bits."""

    def __init__(self, kernel: Kernel, threads: int = 1) -> None:
        self.kernel, self.threads = kernel, threads

    @property
    def n_layers(self) -> int:
        return self.kernel.n_layers

    @property
    def nearest(self) -> float:
        return self.kernel.nearest

    def pair_forces(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, species: Int32Array | None = None
    ) -> tuple[Float64Array, Float64Array]:
        return self.kernel.pair_forces(positions, neighbourhoods, self.threads, species)

    def message_layer(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, v_in: Float64Array, layer: int
    ) -> Float64Array:
        return self.kernel.message_layer(positions, neighbourhoods, v_in, layer)


# To make a kernel and to check it takes as long as some twenty steps of a small crystal.
_kernels: WeakValueDictionary[tuple[str, float, str], Kernel] = WeakValueDictionary()


def make_backend(model: Model, kernel: bool = True, threads: int = 1, device: str = "cpu", number: int = 0) -> Backend:
    """The backend of a model, for neighbourhoods in order of rows.

    kernel: the compiled kernel on the CPU, or with a warning TorchScript where the kernel is not built or does not agree
    with the model's record; False: TorchScript. threads: of the kernel, or of torch in this process. device: cpu or
    cuda. number: of this process on its node. Raises HealError, also where TorchScript is needed and torch is not there.

    On a CUDA device the kernel has been seen in emulation only: LAMMPS_HEAL_CUDA=kernel in the environment takes it.
    """
    require_threads(threads)
    if device == "cuda" and kernel and os.environ.get("LAMMPS_HEAL_CUDA") == "kernel":
        return KernelBackend(_checked_kernel(model, f"cuda:{number}"), threads)
    if device == "cpu" and kernel:
        try:
            return KernelBackend(_checked_kernel(model), threads)
        except HealError as problem:
            warnings.warn(f"healing by TorchScript, some fifty times slower: {problem}", stacklevel=3)
    try:
        import torch

        from lammps_heal.model.scripted import open_torchscript
        from lammps_heal.step.torchscript import TorchBackend
    except ImportError as reason:
        raise HealError(f"TorchScript needs torch, which does not import ({reason}): pip install 'lammps-heal[torch]'") from None
    torch.set_num_threads(threads)  # LAMMPS brings an OpenMP runtime of its own
    return TorchBackend(open_torchscript(model, device, number))


def require_threads(threads: int) -> None:
    """Raise HealError for a number of threads that makes no sense."""
    if threads < 1:
        raise HealError(f"threads must be 1 or more, got {threads}")


def _checked_kernel(model: Model, instruction_set: str = "") -> Kernel:
    key = (model.weights_hash, model.length_scale, instruction_set)
    made = _kernels.get(key)
    if made is None:
        made = Kernel(model.weights, model.length_scale, instruction_set)
        differs = difference(KernelBackend(made), model)
        if not differs <= AGREEMENT:
            raise HealError(f"the kernel differs by {differs:.2g} Å from what the model's TorchScript recorded")
        _kernels[key] = made
    return made


def difference(backend: Backend, model: Model) -> float:
    """Å, the largest of a component between a backend and the model's record; NaN where a displacement is none."""
    return largest_difference(record_displacement(backend, model), model.record.displacement * model.length_scale)


def record_displacement(backend: Backend, model: Model) -> Float64Array:
    """(n_record, 3) Å: displacement of the record's crystal, scaled as the model is."""
    record, scale = model.record, model.length_scale
    crystal = PeriodicCrystal(record.cell * scale, np.ones(3, bool), model.cutoff)
    cluster = crystal.open_cluster(record.positions * scale)
    return displacement(backend, *cluster, crystal, crystal.of_owners(record.species))


def largest_difference(one: Float64Array, other: Float64Array) -> float:
    """Å, of a component."""
    return float(np.abs(one - other).max(initial=0.0))


def verify(model: Model) -> Sequence[tuple[str, float]]:
    """Pairs of backend and largest difference from the record, Å: of the kernel on each instruction set, and of TorchScript."""
    from lammps_heal.kernel.library import instruction_sets
    from lammps_heal.model.scripted import open_torchscript
    from lammps_heal.step.torchscript import TorchBackend

    found = [
        (f"kernel, {name}", difference(KernelBackend(Kernel(model.weights, model.length_scale, name)), model))
        for name in instruction_sets()
    ]
    return [*found, ("TorchScript", difference(TorchBackend(open_torchscript(model)), model))]
