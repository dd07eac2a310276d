"""A training that begins with the weights of a model file, of another potential or metal of the same structure."""

from dataclasses import fields

from torch import Tensor

from lammps_heal.crystals.crystal import guess
from lammps_heal.crystals.prototypes import PROTOTYPES
from lammps_heal.errors import HealError
from lammps_heal.model.model_file import Model, load
from lammps_heal.model.rescaling import rescaled
from lammps_heal.model.scripted import open_torchscript
from lammps_heal.training.recipe import NetworkSizes

SAME_LENGTH = 1.0e-6  # parts of it, but for rounding


def sizes_of_model(name: str, nearest_neighbour: float) -> NetworkSizes:
    """Of the model's network, its cutoff scaled to a crystal with this nearest-neighbour distance, Å."""
    model = load(name)
    recorded = model.training.get("network", {})
    names = [field.name for field in fields(NetworkSizes) if field.name != "n_species"]
    missing = [name for name in names if name not in recorded]
    if missing:
        raise HealError(f'the training record of model "{name}" lacks {", ".join(missing)} of its network: begin from another')
    kept = {name: recorded[name] for name in names}
    scale = nearest_neighbour / nearest_neighbour_of(model)
    return NetworkSizes(**{**kept, "cutoff": scale * model.cutoff, "n_hidden": model.weights.n_hidden})


def weights_of_model(name: str, nearest_neighbour: float, cutoff: float) -> dict[str, Tensor]:
    """State of a HealingNetwork that does to a crystal with this nearest-neighbour distance, Å, what the model does to its own.

    cutoff: Å, of that network. Raises HealError where it is not the model's, scaled.
    """
    model = load(name)
    scale = nearest_neighbour / nearest_neighbour_of(model)
    if abs(scale * model.cutoff - cutoff) > SAME_LENGTH * cutoff:
        raise HealError(
            f'model "{name}" has a cutoff of {scale * model.cutoff:.6f} Å, scaled to the crystal, got {cutoff:.6f}: '
            "give the network of the recipe that cutoff"
        )
    network = {key: value.detach().clone() for key, value in open_torchscript(model).network.state_dict().items()}
    return rescaled(network, scale)


def nearest_neighbour_of(model: Model) -> float:
    """Å, of the model's own crystal."""
    prototype = PROTOTYPES.get(model.structure)
    n_elements = len(model.elements) if prototype is None else prototype.n_species  # of an alloy any one will do
    return guess(model.structure, tuple(model.elements[:n_elements]), model.lattice_constant).nn
