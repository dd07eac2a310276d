"""Networks with random weights, for tests that compare two ways of computing; and the parts of a step, one by one."""

import numpy as np
import torch
from ase import Atoms
from conftest import LATTICE_CONSTANT

from lammps_heal.healing import PeriodicCrystal, cap, displacement
from lammps_heal.model_file import ModelFile
from lammps_heal.neighbours import Float64Array
from lammps_heal.network import HealingNetwork


def random_network(
    n_relays: int, cutoff: float = 5.0, n_channels: int = 4, n_hidden: int = 16, switch_on: float = 0.5
) -> HealingNetwork:
    """Displacements are some tenths of Å, as of a trained network; every relay changes them."""
    torch.manual_seed(n_channels)
    network = HealingNetwork(cutoff, 16, n_channels, n_hidden, switch_on, n_relays)
    with torch.no_grad():
        network.gates[4].weight *= 0.1
        network.gates[4].bias *= 0.1
        network.relay_weights.normal_(0.0, 0.02)
    return network


def model_of(network: HealingNetwork) -> ModelFile:
    return ModelFile(network, ["Pt"], [195.084], LATTICE_CONSTANT, [3.8, 4.0], [0.0, 0.1], {})


def displacements(model: torch.nn.Module, atoms: Atoms, moved: np.ndarray | None = None) -> np.ndarray:
    """(n_atoms, 3) Å by torch. moved: (n_atoms,) bool, those that a host moves, all by default; the others tell zero."""
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, model.cutoff)
    of_moved = np.ones((len(atoms), 1)) if moved is None else moved[:, None].astype(float)
    return of_moved * displacement(model, *crystal.open_cluster(atoms.positions), GhostsOfGroup(crystal, of_moved))


class GhostsOfGroup:
    """Atoms outside the group push, and tell zero. of_moved: (n_atoms, 1), 1 or 0."""

    def __init__(self, crystal: PeriodicCrystal, of_moved: np.ndarray) -> None:
        self.fold, self._crystal, self._of_moved = crystal.fold, crystal, of_moved

    def share(self, answers: Float64Array) -> Float64Array:
        return self._crystal.share(self._of_moved * answers)


def step_of_group(model: torch.jit.ScriptModule, atoms: Atoms, moved: np.ndarray) -> np.ndarray:
    """(n_atoms, 3) Å: the step of a host whose group is `moved`."""
    return cap(displacements(model, atoms, moved), model.max_displacement)[0]
