"""From the weights of a training to the model file that hosts load."""

from pathlib import Path

import torch
from ase.data import atomic_masses, atomic_numbers

from lammps_heal.errors import HealError
from lammps_heal.model.model_file import ModelFile
from lammps_heal.model.network import HealingNetwork
from lammps_heal.training.options import TrainingOptions


def model_from_weights(path: Path) -> ModelFile:
    """The model of a training's weights. Raises HealError where there is none or it is damaged."""
    if not path.is_file():
        raise HealError(f'trained weights "{path}" do not exist: run "lammps-heal train" first')
    try:
        trained = torch.load(path, map_location="cpu", weights_only=True)
        options = TrainingOptions(**trained["options"])
        network = make_network(options)
        network.load_state_dict(trained["network"])
        crystals = trained["crystals"]
        record = {key: trained[key] for key in ("options", "command", "data_sha256", "step", "figures")}
    except Exception as reason:
        raise HealError(f'"{path}" holds no trained weights ({type(reason).__name__}): train anew') from reason
    return ModelFile(
        network,
        elements=[crystals["element"]],
        masses=[float(atomic_masses[atomic_numbers[crystals["element"]]])],
        lattice_constant=crystals["lattice_constant"],
        lattice_constants=crystals["lattice_constants"],
        sigmas=[options.sigma_min, options.sigma_max],
        training=record,
    )


def make_network(options: TrainingOptions) -> HealingNetwork:
    """The network that the options describe, with fresh weights."""
    return HealingNetwork(
        options.cutoff, options.n_basis, options.n_channels, options.n_hidden, options.switch_on, options.n_layers
    )
