"""Trained weights, and what is known of them: reading and writing the file that a training leaves."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from ase.data import atomic_masses, atomic_numbers
from torch import Tensor

from lammps_heal.errors import HealError
from lammps_heal.model.export import TrainedNetwork
from lammps_heal.model.network import HealingNetwork
from lammps_heal.training.options import TrainingOptions
from lammps_heal.training.recipe import NetworkSizes

STRUCTURE = "fcc"


@dataclass(frozen=True)
class TrainedWeights:
    """A network and what it was trained on.

    network: state dict of a HealingNetwork of `sizes`. lattice_constant: Å, of the relaxed crystal.
    lattice_constants: Å, smallest and largest trained on. sigmas: Å, smallest and largest noise trained on.
    record: how the weights were trained and what they reach, as plain values that JSON can write.
    """

    network: dict[str, Tensor]
    sizes: NetworkSizes
    structure: str
    elements: list[str]
    lattice_constant: float
    lattice_constants: list[float]
    sigmas: list[float]
    record: dict[str, Any]


def read_weights(path: Path) -> TrainedWeights:
    """The weights of a training. Raises HealError where there are none or they are damaged."""
    if not path.is_file():
        raise HealError(f'trained weights "{path}" do not exist: run "lammps-heal train" first')
    try:
        trained = torch.load(path, map_location="cpu", weights_only=True)
        options, crystals = trained["options"], trained["crystals"]
        return TrainedWeights(
            network=trained["network"],
            sizes=NetworkSizes(**{field.name: options[field.name] for field in fields(NetworkSizes)}),
            structure=STRUCTURE,
            elements=[crystals["element"]],
            lattice_constant=crystals["lattice_constant"],
            lattice_constants=crystals["lattice_constants"],
            sigmas=[options["sigma_min"], options["sigma_max"]],
            record={key: trained[key] for key in ("options", "command", "data_sha256", "step", "figures")},
        )
    except Exception as reason:
        raise HealError(f'"{path}" holds no trained weights ({type(reason).__name__}): train anew') from reason


def network_sizes(options: TrainingOptions) -> NetworkSizes:
    """Those that the options name."""
    return NetworkSizes(**{field.name: getattr(options, field.name) for field in fields(NetworkSizes)})


def make_network(sizes: NetworkSizes) -> HealingNetwork:
    """A network of these sizes, with fresh weights."""
    return HealingNetwork(sizes.cutoff, sizes.n_basis, sizes.n_channels, sizes.n_hidden, sizes.switch_on, sizes.n_layers)


def read_network(path: Path) -> TrainedNetwork:
    """The network of a training's weights, as `model.export` takes it. Raises HealError as `read_weights`."""
    trained = read_weights(path)
    network = make_network(trained.sizes)
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
    )
