"""From a trained network to the model file that hosts load: tables for the kernel, the record, the TorchScript.

Tables: in each of equal intervals of the distance, every radial function is replaced by the quadratic through its values
at three Chebyshev points.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ase.build
import numpy as np
import torch
from ase import Atoms
from torch import Tensor, nn

from lammps_heal.crystals.crystal import guess
from lammps_heal.crystals.prototypes import PROTOTYPES
from lammps_heal.model.archive import METADATA, TRAINING, with_digest
from lammps_heal.model.model_file import (
    FORMAT,
    FORMAT_VERSION,
    MAX_DISPLACEMENT,
    N_COEFFICIENTS,
    Float32Array,
    Float64Array,
    PackedWeights,
    Record,
)
from lammps_heal.model.network import HealingNetwork
from lammps_heal.model.scripted import save, scripted, weights_hash
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.step import displacement
from lammps_heal.step.torchscript import TorchBackend
from lammps_heal.whole_files import whole_file

# Å. Measured on the platinum model: quadratics of this length are as exact as float32, and faster than longer cubics;
# straight lines would need tables that leave the cache.
INTERVAL = 0.0125
RECORD_NOISE = 0.025  # lattice constants
RECORD_SIDE = 2.5  # lattice constants, at least, of the record's crystal
RECORD_SEED = 1


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network and what hosts must know of it; see `model_file.Model`."""

    network: HealingNetwork
    structure: str
    elements: list[str]
    masses: list[float]
    lattice_constant: float
    lattice_constants: list[float]
    sigmas: list[float]
    training: dict[str, Any]
    max_displacement: float = MAX_DISPLACEMENT
    structures: list[str] = field(default_factory=list)


def export(trained: TrainedNetwork, path: str | Path) -> None:
    """Write the model file, or leave what is at `path` untouched if that fails."""
    path = Path(path)
    module = scripted(trained.network)
    weights, record = pack(trained.network), make_record(module, trained)
    with whole_file(path) as unfinished:
        save(module, with_digest(_entries(trained, weights, record)), unfinished)


def _entries(trained: TrainedNetwork, weights: PackedWeights, record: Record) -> dict[str, bytes]:
    """The archive's entries but their digest."""
    values: dict[str, list[Any]] = {
        "format": [FORMAT],
        "format_version": [FORMAT_VERSION],
        "structure": [trained.structure],
        "elements": trained.elements,
        "masses": trained.masses,
        "lattice_constant": [trained.lattice_constant],
        "lattice_constants": trained.lattice_constants,
        "cutoff": [weights.cutoff],
        "max_displacement": [trained.max_displacement],
        "sigmas": trained.sigmas,
        "n_channels": [weights.n_channels],
        "n_hidden": [weights.n_hidden],
        "n_layers": [weights.n_layers],
        "n_intervals": [weights.n_intervals],
        "n_species": [weights.n_species],
        "n_record": [len(record.positions)],
        "n_parameters": [sum(parameter.numel() for parameter in trained.network.parameters())],
        "weights_hash": [weights_hash(trained.network)],
    }
    if len(trained.structures) > 1:
        values["structures"] = trained.structures
    lines = (" ".join([key, *(v if isinstance(v, str) else repr(v) for v in row)]) for key, row in values.items())
    arrays = {f"{name}.f32": array.astype("<f4").tobytes() for name, array in weights.arrays().items()}
    recorded = {
        f"record_{name}.{'i32' if name == 'species' else 'f64'}": array.astype("<i4" if name == "species" else "<f8").tobytes()
        for name, array in vars(record).items()
    }
    texts = {METADATA: "\n".join([*lines, ""]), TRAINING: json.dumps(trained.training, ensure_ascii=False, indent=1)}
    return {**{name: text.encode() for name, text in texts.items()}, **arrays, **recorded}


def pack(network: HealingNetwork) -> PackedWeights:
    """The network's weights in the form that a kernel takes."""
    network = network.cpu()
    n_intervals = max(1, math.ceil(network.cutoff / INTERVAL))
    linear = [layer for layer in network.gates if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        distances = torch.from_numpy(_sample_distances(network.cutoff, n_intervals))
        radial, messages = (
            _quadratics(_array(function(distances)), n_intervals)
            for function in (network.radial_functions, network.message_functions)
        )
    return PackedWeights(
        n_channels=network.n_channels,
        n_hidden=linear[0].out_features,
        n_layers=network.n_layers,
        n_intervals=n_intervals,
        n_species=network.n_species,
        cutoff=network.cutoff,
        radial=radial,
        messages=messages,
        mixing=_array(network.mixing),
        weights=tuple(_array(layer.weight) for layer in linear),
        biases=tuple(_array(layer.bias) for layer in linear),
        species_factors=_array_or_none(network.species_factors, (0, 2, network.n_channels)),
        species_bias=_array_or_none(network.species_bias, (0, linear[0].out_features)),
    )


def _array_or_none(tensor: Tensor | None, shape: tuple[int, ...]) -> Float32Array:
    return np.zeros(shape, np.float32) if tensor is None else _array(tensor)


def _array(tensor: Tensor) -> Float32Array:
    array: Float32Array = np.ascontiguousarray(tensor.detach().cpu().float().numpy())
    return array


def _chebyshev_points() -> list[float]:
    """Of an interval from -1/2 to 1/2."""
    return [-0.5 * math.cos(math.pi * (2 * k + 1) / (2.0 * N_COEFFICIENTS)) for k in range(N_COEFFICIENTS)]


def _sample_distances(cutoff: float, n_intervals: int) -> Float32Array:
    """(3 n_intervals,) Å: the Chebyshev points of all intervals."""
    whole = np.arange(n_intervals)[:, None] + 0.5 + np.array(_chebyshev_points())
    distances: Float32Array = (whole.ravel() * cutoff / n_intervals).astype(np.float32)
    return distances


def _quadratics(samples: Float32Array, n_intervals: int) -> Float32Array:
    """(n_intervals, 3, columns) coefficients of t^0, t^1, t^2 from values at the Chebyshev points, (3 n_intervals, columns)."""
    values = samples.reshape(n_intervals, N_COEFFICIENTS, -1).astype(np.float64)
    coefficients: Float64Array = np.zeros(values.shape)
    points = _chebyshev_points()
    for k in range(N_COEFFICIENTS):
        # Lagrange's polynomial of point k.
        product, scale = [1.0], 1.0
        for other in (points[m] for m in range(N_COEFFICIENTS) if m != k):
            product = [low - other * high for low, high in zip([0.0, *product], [*product, 0.0], strict=True)]
            scale *= points[k] - other
        for power, factor in enumerate(product):
            coefficients[:, power] += factor / scale * values[:, k]
    single: Float32Array = np.ascontiguousarray(coefficients, np.float32)
    return single


def make_record(module: torch.jit.ScriptModule, trained: TrainedNetwork) -> Record:
    """What the TorchScript says of a small noisy crystal with a vacancy."""
    atoms = _small_crystal(trained)
    numbers = {element: number for number, element in enumerate(trained.elements)}
    sees = trained.network.n_species > 1
    species = np.array([numbers[element] if sees else 0 for element in atoms.get_chemical_symbols()], np.int32)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, trained.network.cutoff)
    moved = displacement(TorchBackend(module), *crystal.open_cluster(atoms.positions), crystal, crystal.of_owners(species))
    return Record(positions=atoms.positions, cell=np.array(atoms.cell[:]), displacement=moved, species=species)


def _small_crystal(trained: TrainedNetwork) -> Atoms:
    rng = np.random.default_rng(RECORD_SEED)
    unit = _unit_cell(trained)
    crystal: Atoms = unit.repeat([math.ceil(RECORD_SIDE * trained.lattice_constant / length) for length in unit.cell.lengths()])
    crystal.positions += rng.normal(0.0, RECORD_NOISE * trained.lattice_constant, crystal.positions.shape)
    if trained.network.n_species > len(set(unit.get_chemical_symbols())):
        crystal.symbols[:] = rng.permutation(np.resize(trained.elements, len(crystal)))
    del crystal[0]
    return crystal


def _unit_cell(trained: TrainedNetwork) -> Atoms:
    """Of the structure, of any elements where it does not say which is where; of a structure without a name, fcc's."""
    structure, elements, a = trained.structure, tuple(trained.elements), trained.lattice_constant
    if structure in ("fcc", "bcc", "hcp", "diamond"):
        kind = {"orthorhombic": True} if structure == "hcp" else {"cubic": True}
        unit: Atoms = ase.build.bulk(elements[0], structure, a=a, **kind)
        return unit
    if structure in PROTOTYPES and PROTOTYPES[structure].n_species == len(elements):
        return guess(structure, elements, a).cell
    return guess("fcc", elements[:1]).cell
