"""The exported model file: the contract between training and every host. Only this module knows TorchScript.

A model file is a TorchScript module with the network's `forward` and `relay` (see network.py) and, as attributes,
everything a host must know. It knows nothing of boxes, MPI or LAMMPS.

    format, format_version              "lammps-heal", 4
    elements, masses                    what the model was trained on; g/mol
    cutoff                              Å
    max_displacement                    Å, default cap of one healing step
    lattice_constant, lattice_constants Å: of the relaxed crystal; smallest and largest trained on
    sigmas                              Å: smallest and largest noise trained on
    length_scale                        1.0; `load` changes it, and all lengths above, for another fcc metal
    n_layers                            how often answers are relayed, with `relay`, before they are displacements
    weights_hash                        SHA-256 of all parameters
    training_record                     JSON: how the weights were trained and what they reach
"""

import copy
import hashlib
import json
import math
import os
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from lammps_heal.errors import HealError
from lammps_heal.model.network import HealingNetwork

FORMAT = "lammps-heal"
FORMAT_VERSION = 4
MAX_DISPLACEMENT = 1.0  # Å; about a third of the nearest-neighbour distance: no atom passes another in one step


class ModelFile(nn.Module):
    """The network and what a host must know of it; see the module's docstring."""

    elements: list[str]
    masses: list[float]
    lattice_constants: list[float]
    sigmas: list[float]

    def __init__(
        self,
        network: HealingNetwork,
        elements: list[str],
        masses: list[float],
        lattice_constant: float,
        lattice_constants: list[float],
        sigmas: list[float],
        training: dict[str, Any],
    ) -> None:
        super().__init__()
        self.network = network
        self.format = FORMAT
        self.format_version = FORMAT_VERSION
        self.elements = elements
        self.masses = masses
        self.cutoff = network.cutoff
        self.max_displacement = MAX_DISPLACEMENT
        self.lattice_constant = lattice_constant
        self.lattice_constants = lattice_constants
        self.sigmas = sigmas
        self.length_scale = 1.0
        self.n_layers = network.n_layers
        self.weights_hash = weights_hash(network)
        self.training_record = json.dumps(training)

    def forward(self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, forces: Tensor) -> Tensor:
        # Forces are those of the unscaled crystal, so that they stay on their grid.
        mobilities: Tensor = self.network(positions / self.length_scale, centres, first, neighbours, forces)
        return mobilities * self.length_scale

    @torch.jit.export
    def message_layer(
        self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, answers: Tensor, layer: int
    ) -> Tensor:
        relayed: Tensor = self.network.message_layer(positions / self.length_scale, centres, first, neighbours, answers, layer)
        return relayed


def weights_hash(network: nn.Module) -> str:
    """SHA-256 over names and float32 values of all parameters, in order of name."""
    digest = hashlib.sha256()
    for name, parameter in sorted(network.named_parameters()):
        digest.update(name.encode())
        digest.update(parameter.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def export(model: ModelFile, path: str | Path) -> None:
    """Write the TorchScript model file, or leave what is at `path` untouched if that fails."""
    path = Path(path)
    with warnings.catch_warnings():
        # torch 2.13 calls TorchScript deprecated; it is the contract until another exporter stands here.
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted = torch.jit.script(model.cpu().eval())
    unfinished = path.with_name(path.name + ".unfinished")
    torch.jit.save(scripted, str(unfinished))
    os.replace(unfinished, path)


def load(path: str | Path, device: str = "cpu", number: int = 0, lattice_constant: float | None = None) -> torch.jit.ScriptModule:
    """Read a model file and check that it is one, of this version, and undamaged.

    device: cpu or cuda. number: of this process on its node; CUDA devices are dealt out by it.
    lattice_constant: Å, of another fcc metal, to which all lengths of the model are scaled; it then knows no
    elements, and hosts take any. Raises HealError that names the file and what to do.
    """
    path = Path(path)
    if device == "cuda":
        if not torch.cuda.is_available():
            raise HealError("device cuda needs a CUDA device and a torch with CUDA, got none: use --device cpu")
        device = f"cuda:{number % torch.cuda.device_count()}"
    if not path.is_file():
        raise HealError(f'model file "{path}" does not exist: name a file written by "lammps-heal export"')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            model = torch.jit.load(str(path), map_location=device)
    except Exception as reason:
        first_line = str(reason).strip().splitlines()[0] if str(reason).strip() else type(reason).__name__
        raise HealError(
            f'model file "{path}" is damaged or no TorchScript file ({first_line}): write it anew with "lammps-heal export"'
        ) from reason
    if getattr(model, "format", None) != FORMAT:
        raise HealError(
            f'model file "{path}" is TorchScript but no lammps-heal model: name a file written by "lammps-heal export"'
        )
    if model.format_version != FORMAT_VERSION:
        raise HealError(
            f'model file "{path}" has format version {model.format_version}, needed {FORMAT_VERSION}: '
            'export it anew with this version of lammps-heal ("lammps-heal export")'
        )
    if weights_hash(model.network) != model.weights_hash:
        raise HealError(f'model file "{path}" is damaged: its weights do not have the hash it records; export it anew')
    if lattice_constant is not None:
        _scale(model, lattice_constant)
    return cast(torch.jit.ScriptModule, model.eval())


def scaled(model: torch.jit.ScriptModule, lattice_constant: float) -> torch.jit.ScriptModule:
    """A copy of a loaded model that acts on any one fcc metal of this lattice constant, Å; see `load`."""
    other = copy.deepcopy(model)
    _scale(other, lattice_constant)
    return other


def _scale(model: Any, lattice_constant: float) -> None:
    if not 0.0 < lattice_constant < math.inf:
        raise HealError(f"the lattice constant must be a length above 0 Å, got {lattice_constant}")
    scale = lattice_constant / model.lattice_constant
    model.length_scale = scale
    for length in ("cutoff", "max_displacement", "lattice_constant"):
        setattr(model, length, scale * getattr(model, length))
    for lengths in ("lattice_constants", "sigmas"):
        setattr(model, lengths, [scale * length for length in getattr(model, lengths)])
    model.elements, model.masses = [], []


def without_specialising() -> AbstractContextManager[None]:
    """TorchScript as it is: its executor would compile anew for each number of atoms and neighbours."""
    unoptimised: AbstractContextManager[None] = torch.jit.optimized_execution(False)  # type: ignore[attr-defined]
    return unoptimised


def describe(model: torch.jit.ScriptModule) -> dict[str, Any]:
    """Everything a model file says of itself, as plain Python values."""
    return {
        "format_version": model.format_version,
        "elements": model.elements,
        "masses": model.masses,
        "cutoff": model.cutoff,
        "max_displacement": model.max_displacement,
        "lattice_constant": model.lattice_constant,
        "lattice_constants": model.lattice_constants,
        "sigmas": model.sigmas,
        "length_scale": model.length_scale,
        "n_layers": model.n_layers,
        "weights_hash": model.weights_hash,
        "parameters": sum(p.numel() for p in model.parameters()),
        "training": json.loads(model.training_record),
    }
