"""Trained weights, and what is known of them: reading and writing the file that a training leaves."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from ase.data import atomic_masses, atomic_numbers
from torch import Tensor

from lammps_heal.errors import HealError
from lammps_heal.model.export import TrainedNetwork
from lammps_heal.model.model_file import MAX_DISPLACEMENT
from lammps_heal.model.network import HealingNetwork
from lammps_heal.training.recipe import NetworkSizes
from lammps_heal.whole_files import whole_file

FORMAT = "lammps-heal weights"
FORMAT_VERSION = 2


@dataclass(frozen=True)
class TrainedWeights:
    """A network and what it was trained on.

    network: state dict of a HealingNetwork of `sizes`. lattice_constant: Å, of the relaxed crystal.
    lattice_constants: Å, smallest and largest trained on. sigmas: Å, smallest and largest noise trained on.
    record: how the weights were trained and what they reach, as plain values that JSON can write: the recipe's text,
    changes to it, and what came of it (crystal, network, data, stages); data_sha256, command, figures, and the stage,
    from 1, and step of it that the weights are of. structures: all of a joint model, the first is `structure`; weights of one
    may leave them out.
    """

    network: dict[str, Tensor]
    sizes: NetworkSizes
    structure: str
    elements: list[str]
    lattice_constant: float
    lattice_constants: list[float]
    sigmas: list[float]
    record: dict[str, Any]
    max_displacement: float = MAX_DISPLACEMENT
    structures: list[str] = field(default_factory=list)


def read_weights(path: Path) -> TrainedWeights:
    """The weights of a training. Raises HealError where there are none, or they are damaged or of another version."""
    if not path.is_file():
        raise HealError(f'trained weights "{path}" do not exist: make them with "lammps-heal train RECIPE"')
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        file_format, version = state.pop("format", None), state.pop("format_version", None)
    except Exception as reason:
        raise HealError(f'"{path}" holds no trained weights ({type(reason).__name__}): train anew') from reason
    if (file_format, version) != (FORMAT, FORMAT_VERSION):
        raise HealError(
            f'"{path}" holds no trained weights of this version, got format {file_format!r} {version}, '
            f"needed {FORMAT!r} {FORMAT_VERSION}: train anew"
        )
    try:
        return TrainedWeights(**{**state, "sizes": NetworkSizes(**{"n_species": 1, **state["sizes"]})})
    except (TypeError, KeyError) as reason:
        raise HealError(f'"{path}" holds no trained weights ({reason}): train anew') from reason


def write_weights(weights: TrainedWeights, path: Path) -> None:
    """Whole or not at all, and read again before it takes the name. Raises HealError."""
    state = {**vars(weights), "sizes": asdict(weights.sizes), "format": FORMAT, "format_version": FORMAT_VERSION}
    with whole_file(path, read_weights) as unfinished:
        torch.save(state, unfinished)


def read_network(path: Path) -> TrainedNetwork:
    """The network of a training's weights, as `model.export` takes it. Raises HealError as `read_weights`."""
    trained = read_weights(path)
    network = HealingNetwork(**asdict(trained.sizes))
    network.load_state_dict(trained.network)
    return TrainedNetwork(
        network,
        trained.structure,
        trained.elements,
        [float(atomic_masses[atomic_numbers[element]]) for element in trained.elements],
        trained.lattice_constant,
        trained.lattice_constants,
        trained.sigmas,
        trained.record,
        trained.max_displacement,
        trained.structures,
    )
