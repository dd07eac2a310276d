"""The network as TorchScript: the reference for kernels, and what heals on a GPU. The only place that calls torch.jit."""

import hashlib
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from lammps_heal.errors import HealError
from lammps_heal.model.model_file import Model
from lammps_heal.model.network import HealingNetwork
from lammps_heal.model.torchscript_operators import require_allowed_operators, require_nothing_runs_when_loaded

OUT_OF_MEMORY = "out of memory"  # in torch's message of a full card; its class differs with where it happens


class ScaledNetwork(nn.Module):
    """The network for another length scale: lengths of the crystal ÷ those that the network was trained on."""

    def __init__(self, network: HealingNetwork, length_scale: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.length_scale = length_scale
        self.n_layers = network.n_layers
        self.n_species = network.n_species

    def forward(
        self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, species: Tensor, forces: Tensor
    ) -> Tensor:
        # Forces are those of the unscaled crystal, so that they stay multiples of the fixed-point unit.
        mobilities: Tensor = self.network(positions / self.length_scale, centres, first, neighbours, species, forces)
        return mobilities * self.length_scale

    @torch.jit.export
    def message_layer(
        self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, v_in: Tensor, layer: int
    ) -> Tensor:
        v_out: Tensor = self.network.message_layer(positions / self.length_scale, centres, first, neighbours, v_in, layer)
        return v_out


def weights_hash(network: nn.Module) -> str:
    """SHA-256 over names and float32 values of all parameters, in order of name."""
    digest = hashlib.sha256()
    for name, parameter in sorted(network.named_parameters()):
        digest.update(name.encode())
        digest.update(parameter.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def scripted(network: HealingNetwork) -> torch.jit.ScriptModule:
    """The TorchScript of a network, on the CPU."""
    module = ScaledNetwork(network).cpu().eval()
    with _without_deprecation():
        return cast(torch.jit.ScriptModule, torch.jit.script(module))


def save(module: torch.jit.ScriptModule, extra_files: Mapping[str, bytes], path: Path) -> None:
    """Write an archive of TorchScript and extra files."""
    with _without_deprecation():
        torch.jit.save(module, str(path), _extra_files=dict(extra_files))


def open_torchscript(model: Model, device: str = "cpu", number: int = 0) -> torch.jit.ScriptModule:
    """The TorchScript of a model, scaled as the model is.

    device: cpu or cuda. number: of this process on its node; CUDA devices are dealt out by it. Raises HealError where
    there is no such device, or the TorchScript is damaged or has other weights than the model.
    """
    if device not in ("cpu", "cuda"):
        raise HealError(f"device must be cpu or cuda, got {device}")
    if device == "cuda":
        if not torch.cuda.is_available():
            raise HealError("device cuda needs a CUDA device and a torch with CUDA, got none: use device cpu")
        device = f"cuda:{number % torch.cuda.device_count()}"
    try:
        require_nothing_runs_when_loaded(model.file)
        with _without_deprecation():
            module: Any = torch.jit.load(io.BytesIO(model.file), map_location=device)
        require_allowed_operators(module)
        module.length_scale = model.length_scale
        found = weights_hash(module.network)
    except Exception as reason:
        if OUT_OF_MEMORY in str(reason):
            raise full_card(reason) from reason
        raise HealError(
            f'the TorchScript of model file "{model.path}" cannot be used ({reason_in(reason)}): write it anew with '
            '"lammps-heal export"'
        ) from reason
    if found != model.weights_hash:
        raise HealError(f'the TorchScript of model file "{model.path}" has other weights than it records: export it anew')
    return cast(torch.jit.ScriptModule, module.eval())


def reason_in(failure: Exception) -> str:
    """The line that says why: the first, or in a trace of the TorchScript interpreter the last of an error."""
    lines = str(failure).strip().splitlines() or [type(failure).__name__]
    errors = [line.split("Error: ", 1)[1] for line in lines if re.match(r"\S+Error: ", line)]
    reason = (errors or lines)[-1 if errors else 0]
    return "".join(letter if letter.isprintable() else "?" for letter in reason)  # it may be of the file's own words


def full_card(reason: Exception) -> HealError:
    """What to say where a card has no memory left; of the TorchScript interpreter's trace, the line that says so."""
    last = [line for line in str(reason).splitlines() if OUT_OF_MEMORY in line][-1]
    return HealError(f"{last.rpartition('Error: ')[2]}: free memory of the device, use more devices, or device cpu")


def without_specialising() -> AbstractContextManager[None]:
    """TorchScript as it is: its executor would compile anew for each number of atoms and neighbours."""
    unoptimised: AbstractContextManager[None] = torch.jit.optimized_execution(False)  # type: ignore[attr-defined]
    return unoptimised


@contextmanager
def _without_deprecation() -> Iterator[None]:
    """torch calls TorchScript deprecated from 2.10 on; it is the contract until another exporter stands here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
