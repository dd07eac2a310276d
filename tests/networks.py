"""Networks with random weights, for tests that compare two ways of computing; and the parts of a step, one by one."""

from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from conftest import LATTICE_CONSTANT

from lammps_heal.model import model_file
from lammps_heal.model.model_file import ModelFile
from lammps_heal.model.network import HealingNetwork
from lammps_heal.step.neighbours import Float64Array
from lammps_heal.step.step import PeriodicCrystal, cap, displacement


def random_network(
    n_layers: int, cutoff: float = 5.0, n_channels: int = 4, n_hidden: int = 16, switch_on: float = 0.5
) -> HealingNetwork:
    """Displacements are some tenths of Å, as of a trained network; every relay changes them."""
    torch.manual_seed(n_channels)
    network = HealingNetwork(cutoff, 16, n_channels, n_hidden, switch_on, n_layers)
    with torch.no_grad():
        network.gates[4].weight *= 0.1
        network.gates[4].bias *= 0.1
        network.message_weights.normal_(0.0, 0.02)
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
        self.reverse, self._crystal, self._of_moved = crystal.reverse, crystal, of_moved

    def forward(self, answers: Float64Array) -> Float64Array:
        return self._crystal.forward(self._of_moved * answers)


def step_of_group(model: torch.jit.ScriptModule, atoms: Atoms, moved: np.ndarray) -> np.ndarray:
    """(n_atoms, 3) Å: the step of a host whose group is `moved`."""
    return cap(displacements(model, atoms, moved), model.max_displacement)[0]


class WrongTables(HealingNetwork):
    """What it tells a kernel of its radial functions is not what its own forward uses."""

    @torch.jit.export
    def radial_functions(self, d: torch.Tensor) -> torch.Tensor:
        return 1.01 * (self.basis(d) @ self.radial_weights)


class WrongRelays(HealingNetwork):
    """The same of the functions of its last relay."""

    @torch.jit.export
    def message_functions(self, d: torch.Tensor) -> torch.Tensor:
        functions = self.basis(d) @ self.message_weights
        return torch.cat([functions[..., :-2], 1.2 * functions[..., -2:]], -1)


class NoNumbers(HealingNetwork):
    """Those of its last relay are none."""

    @torch.jit.export
    def message_functions(self, d: torch.Tensor) -> torch.Tensor:
        functions = self.basis(d) @ self.message_weights
        return torch.cat([functions[..., :-2], functions[..., -2:] * float("nan")], -1)


WRONG = (WrongTables, WrongRelays, NoNumbers)


def write_wrong_tables(path: Path, shipped: torch.jit.ScriptModule, wrong: type[HealingNetwork] = WrongTables) -> Path:
    """The shipped weights in a network of this class."""
    weights = shipped.network.state_dict()
    n_basis, n_columns = weights["radial_weights"].shape
    n_hidden, n_layers = len(weights["gates.0.bias"]), weights["message_weights"].shape[1] // 2
    network = wrong(shipped.network.cutoff, n_basis, n_columns // 8, n_hidden, n_layers=n_layers)
    network.switch_on = shipped.network.switch_on
    network.load_state_dict(weights)
    model_file.export(model_of(network), path)
    return path
