"""Networks with random weights, for tests that compare two ways of computing; and the parts of a step, one by one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from conftest import LATTICE_CONSTANT, MODEL

from lammps_heal.hosts.floor_of_model import floor_of
from lammps_heal.model.archive import read_entries, with_digest
from lammps_heal.model.export import TrainedNetwork, export
from lammps_heal.model.model_file import Model, load
from lammps_heal.model.network import HealingNetwork
from lammps_heal.model.scripted import open_torchscript, save
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import Float64Array
from lammps_heal.step.soft_floor import keep_apart
from lammps_heal.step.step import cap, displacement
from lammps_heal.step.torchscript import TorchBackend


def random_network(
    n_layers: int,
    cutoff: float = 5.0,
    n_channels: int = 4,
    n_hidden: int = 16,
    switch_on: float = 0.5,
    n_species: int = 1,
) -> HealingNetwork:
    """Displacements are some tenths of Å, as of a trained network; every layer changes them, and every species."""
    torch.manual_seed(n_channels)
    network = HealingNetwork(cutoff, 16, n_channels, n_hidden, switch_on, n_layers, n_species)
    with torch.no_grad():
        network.gates[4].weight *= 0.1
        network.gates[4].bias *= 0.1
        network.message_weights.normal_(0.0, 0.02)
        if network.species_bias is not None:
            network.species_bias.normal_(0.0, 0.5)
    return network


ELEMENTS = {1: {"Pt": 195.084}, 2: {"Cu": 63.546, "Ni": 58.693}, 3: {"Co": 58.933, "Ni": 58.693, "Al": 26.982}}


def trained(network: HealingNetwork) -> TrainedNetwork:
    """Of platinum, or of an alloy on its sites."""
    elements, masses = zip(*ELEMENTS[network.n_species].items(), strict=True)
    return TrainedNetwork(network, "fcc", list(elements), list(masses), LATTICE_CONSTANT, [3.8, 4.0], [0.0, 0.1], {"seed": 1})


def exported(network: HealingNetwork, folder: Path) -> Model:
    """The network's model file in `folder`, read."""
    path = folder / "exported.pt"
    export(trained(network), path)
    return load(path)


def by_torch(model: Model | torch.nn.Module) -> TorchBackend:
    return TorchBackend(open_torchscript(model) if isinstance(model, Model) else model)


def displacements(model: Model | HealingNetwork, atoms: Atoms, moved: np.ndarray | None = None) -> np.ndarray:
    """(n_atoms, 3) Å by torch. moved: (n_atoms,) bool, those that a host moves, all by default."""
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, model.cutoff)
    of_moved = np.ones((len(atoms), 1)) if moved is None else moved[:, None].astype(float)
    ghosts = GhostsOfGroup(crystal, of_moved)
    return of_moved * displacement(by_torch(model), *crystal.open_cluster(atoms.positions), ghosts)


class GhostsOfGroup:
    """Atoms outside the group exert forces, and send no messages. of_moved: (n_atoms, 1), 1 or 0."""

    def __init__(self, crystal: PeriodicCrystal, of_moved: np.ndarray) -> None:
        self.reverse, self.largest, self._crystal, self._of_moved = crystal.reverse, crystal.largest, crystal, of_moved

    def forward(self, vectors: Float64Array) -> Float64Array:
        return self._crystal.forward(self._of_moved * vectors)


def step_of_group(model: Model, atoms: Atoms, moved: np.ndarray) -> np.ndarray:
    """(n_atoms, 3) Å: the step of a host whose group is `moved`."""
    crystal, of_moved = PeriodicCrystal(atoms.cell[:], atoms.pbc, model.cutoff), moved[:, None].astype(float)
    capped, _ = cap(displacements(model, atoms, moved), model.max_displacement)
    ghosts = GhostsOfGroup(crystal, of_moved)
    return of_moved * keep_apart(capped, *crystal.open_cluster(atoms.positions), ghosts, floor_of(model))


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The model file with its entries changed in place, and a digest that fits them."""
    entries = read_entries(path.read_bytes(), str(path))
    change(entries)
    network = open_torchscript(load(path))
    save(network, with_digest(entries), path)
    return path


def claiming(path: Path, structures: str) -> Model:
    """The platinum model in a file of this path, which claims to be a joint one of these structures."""
    path.write_bytes(MODEL.read_bytes())

    def claim(entries: dict[str, bytes]) -> None:
        entries["metadata.txt"] += f"structures {structures}\n".encode()

    return load(rewritten(path, claim))


def write_wrong_tables(path: Path, shipped: Model, entry: str = "radial.f32") -> Path:
    """The shipped model with a table for kernels that is not its TorchScript's: 1 % too large."""
    path.write_bytes(shipped.file)

    def enlarge(entries: dict[str, bytes]) -> None:
        entries[entry] = (np.float32(1.01) * np.frombuffer(entries[entry], "<f4")).tobytes()

    return rewritten(path, enlarge)
