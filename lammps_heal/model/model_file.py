"""The model file: the contract between training and every host, read here without torch.

A model file is a TorchScript archive. All that a host needs beside the TorchScript lies in it as extra files: metadata,
the packed weights of the kernel, and a record of the TorchScript's own displacements of a small noisy crystal, by which
a kernel is checked. A model knows nothing of boxes, MPI or LAMMPS. The format is described in this folder's README.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lammps_heal.errors import HealError
from lammps_heal.model.archive import METADATA, TRAINING, read_entries
from lammps_heal.model.names import model_path

FORMAT = "lammps-heal"
FORMAT_VERSION = 6
N_COEFFICIENTS = 3  # of the quadratic in each interval of a table
N_DEGREES = 4  # of spherical harmonics, l = 0 to 3
N_DENSE = 3  # layers of the per-atom network
MAX_DISPLACEMENT = 1.0  # Å; about a third of the nearest-neighbour distance: no atom passes another in one step
# Of the lengths of a model that sees species: its elements fix them but for heat, pressure and composition.
LARGEST_STRETCH = 0.05

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]


@dataclass(frozen=True)
class PackedWeights:
    """The network in the form that a kernel takes; see network.py for the formulas. Arrays are float32, C-contiguous.

    cutoff: Å. radial: (n_intervals, 3, 8 n_channels), coefficients of t^0 to t^2 of R_kl, then Q_kl, channels fastest,
    t from -1/2 to 1/2 in each interval of width cutoff / n_intervals. messages: (n_intervals, 3, 2 n_layers), the same
    of a and b of each message-passing layer. mixing: (4, n_channels, n_channels). weights (outputs, inputs) and biases
    (outputs,) of the three layers of the per-atom network. species_factors: (n_species, 2, n_channels), of R, then of Q;
    species_bias: (n_species, n_hidden), of the first of these layers; both without rows where n_species is 1.
    """

    n_channels: int
    n_hidden: int
    n_layers: int
    n_intervals: int
    n_species: int
    cutoff: float
    radial: Float32Array
    messages: Float32Array
    mixing: Float32Array
    weights: tuple[Float32Array, ...]
    biases: tuple[Float32Array, ...]
    species_factors: Float32Array
    species_bias: Float32Array

    def arrays(self) -> dict[str, Float32Array]:
        """All arrays by the names of their entries in the archive."""
        dense = {f"weight{k}": self.weights[k] for k in range(N_DENSE)} | {f"bias{k}": self.biases[k] for k in range(N_DENSE)}
        species = {"species_factors": self.species_factors, "species_bias": self.species_bias}
        return {"radial": self.radial, "messages": self.messages, "mixing": self.mixing, **dense, **species}

    @staticmethod
    def shapes(n_channels: int, n_hidden: int, n_layers: int, n_intervals: int, n_species: int) -> dict[str, tuple[int, ...]]:
        """Of all arrays, by the same names."""
        sizes = (N_DEGREES * n_channels, n_hidden, n_hidden, (N_DEGREES + 1) * n_channels + 1)
        n_distinguished = n_species if n_species > 1 else 0
        return {
            "radial": (n_intervals, N_COEFFICIENTS, 2 * N_DEGREES * n_channels),
            "messages": (n_intervals, N_COEFFICIENTS, 2 * n_layers),
            "mixing": (N_DEGREES, n_channels, n_channels),
            **{f"weight{k}": (sizes[k + 1], sizes[k]) for k in range(N_DENSE)},
            **{f"bias{k}": (sizes[k + 1],) for k in range(N_DENSE)},
            "species_factors": (n_distinguished, 2, n_channels),
            "species_bias": (n_distinguished, n_hidden),
        }


@dataclass(frozen=True)
class Record:
    """What the TorchScript itself says of a small noisy periodic crystal with a vacancy; Å, float64.

    positions, displacement: (n, 3), the latter before the cap. cell: (3, 3), rows are vectors. species: (n,), of each atom.
    """

    positions: Float64Array
    species: Int32Array
    cell: Float64Array
    displacement: Float64Array


@dataclass(frozen=True, repr=False)
class Model:
    """A model file as hosts know it; all lengths in Å, of this crystal (see `scaled`).

    structure: of the crystal, as "fcc", whose the lattice constants are; structures: all that a joint model is of, of equal
    nearest-neighbour distances, `structure` first. elements, masses: what it was trained on, g/mol; none if scaled: then any one
    element is healed. A network of several species sees of which element an atom is, by the element's place here, and
    keeps its elements when it is scaled. lattice_constant: of the relaxed crystal; lattice_constants, sigmas: smallest and
    largest lattice constant and noise trained on. max_displacement: default cap of one step. length_scale: lengths here ÷
    those of the file. n_layers: message-passing layers. weights_hash: SHA-256 of the network's parameters, which names
    the model.
    """

    path: Path
    structure: str
    elements: tuple[str, ...]
    masses: tuple[float, ...]
    lattice_constant: float
    lattice_constants: tuple[float, float]
    cutoff: float
    max_displacement: float
    sigmas: tuple[float, float]
    n_parameters: int
    weights_hash: str
    weights: PackedWeights
    record: Record
    training: dict[str, Any] = field(hash=False)
    file: bytes = field(hash=False)
    length_scale: float = 1.0
    structures: tuple[str, ...] = ()

    @property
    def n_layers(self) -> int:
        return self.weights.n_layers

    @property
    def n_species(self) -> int:
        """Elements that the network tells apart; 1: none."""
        return self.weights.n_species

    def __repr__(self) -> str:
        low, high = self.lattice_constants
        elements = ", ".join(self.elements) if self.elements else "any element"
        structures = ", ".join(self.structures)
        return (
            f"Model {structures} ({elements}), lattice constant {self.lattice_constant:g} Å ({low:.3g} to {high:.3g}), "
            f"noise {self.sigmas[0]:.2g} to {self.sigmas[1]:.2g} Å, cutoff {self.cutoff:g} Å, {self.weights_hash[:12]}"
        )

    def scaled(self, lattice: float) -> "Model":
        """The same for another crystal of this structure, of lattice constant `lattice`, Å: all lengths change with it.

        It then knows no elements, but where it sees species: those it keeps, and lengths may change by LARGEST_STRETCH at
        most. Raises HealError for what is no length, or too far from the model's.
        """
        if not 0.0 < lattice < math.inf:
            raise HealError(f"the lattice constant must be a length above 0 Å, got {lattice}")
        scale = lattice / self.lattice_constant
        if self.n_species > 1 and not abs(scale * self.length_scale - 1.0) <= LARGEST_STRETCH:
            raise HealError(
                f"the lattice constant {lattice:.5g} Å is more than {LARGEST_STRETCH:.0%} from the model's, "
                f"{self.lattice_constant / self.length_scale:.5g} Å, which sees the species {', '.join(self.elements)}: "
                "use a model of this crystal"
            )
        return replace(
            self,
            elements=self.elements if self.n_species > 1 else (),
            masses=self.masses if self.n_species > 1 else (),
            length_scale=scale * self.length_scale,
            lattice_constant=lattice,
            cutoff=scale * self.cutoff,
            max_displacement=scale * self.max_displacement,
            lattice_constants=(scale * self.lattice_constants[0], scale * self.lattice_constants[1]),
            sigmas=(scale * self.sigmas[0], scale * self.sigmas[1]),
        )

    def describe(self) -> dict[str, Any]:
        """All that the file says of itself, as plain values for JSON."""
        left_out = {"weights", "record", "file"}
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in left_out}
        sizes = {name: getattr(self.weights, name) for name in ("n_channels", "n_hidden", "n_layers", "n_species")}
        file_hash = hashlib.sha256(self.file).hexdigest()
        return {**values, "path": str(self.path), "format_version": FORMAT_VERSION, **sizes, "file_sha256": file_hash}


def load(name: str | Path = "fcc", lattice: float | None = None, *, lattice_constant: float | None = None) -> Model:
    """Read a model, by path or name, and check that it is one, of this version, and undamaged; torch is not needed.

    lattice: lattice constant, Å, of another crystal of this structure; see `Model.scaled`. lattice_constant: what it was
    called before, taken still. Raises HealError that names the file and what to do.
    """
    lattice = lattice_constant if lattice is None else lattice
    path = model_path(name)
    called = f'model file "{path}"'
    try:
        file = path.read_bytes()
    except OSError as reason:
        raise HealError(f"{called} cannot be read ({reason.strerror}): name a file written by lammps-heal export") from reason
    entries = read_entries(file, called)
    metadata = _metadata(entries[METADATA])
    if metadata.get("format") != [FORMAT] or metadata.get("format_version") != [str(FORMAT_VERSION)]:
        version = " ".join(metadata.get("format_version", ["unknown"]))
        raise HealError(
            f"{called} has format version {version}, needed {FORMAT_VERSION}: export it anew with this version of "
            'lammps-heal ("lammps-heal export")'
        )
    try:
        model = _read(path, file, metadata, entries)
        _require_sense(model)
    except (KeyError, ValueError, IndexError) as reason:
        raise HealError(f'{called} is damaged ({reason}): export it anew with "lammps-heal export"') from reason
    return model if lattice is None else model.scaled(lattice)


def _metadata(content: bytes) -> dict[str, list[str]]:
    """Lines of a key and its values."""
    lines = (line.split() for line in content.decode(errors="replace").splitlines())
    return {words[0]: words[1:] for words in lines if words}


def _read(path: Path, file: bytes, metadata: dict[str, list[str]], entries: dict[str, bytes]) -> Model:
    """Raises KeyError or ValueError where something is missing or of another shape."""

    def numbers(key: str, count: int | None = None) -> tuple[float, ...]:
        values = tuple(float(word) for word in metadata[key])
        if count is not None and len(values) != count:
            raise ValueError(f"{key} has {len(values)} values, needed {count}")
        return values

    def whole(key: str) -> int:
        return int(metadata[key][0])

    def array(name: str, shape: tuple[int, ...], kind: str) -> NDArray[Any]:
        return np.frombuffer(entries[f"{name}.{kind}"], f"<{kind[0]}{int(kind[1:]) // 8}").reshape(shape)

    sizes = n_channels, n_hidden, n_layers, n_intervals, n_species = [
        whole(key) for key in ("n_channels", "n_hidden", "n_layers", "n_intervals", "n_species")
    ]
    if min(n_channels, n_hidden, n_intervals, n_species) < 1 or n_layers < 0:
        raise ValueError(f"sizes {sizes} make no sense")
    arrays = {name: array(name, shape, "f32") for name, shape in PackedWeights.shapes(*sizes).items()}
    weights = PackedWeights(
        n_channels,
        n_hidden,
        n_layers,
        n_intervals,
        n_species,
        cutoff=numbers("cutoff", 1)[0],
        radial=arrays["radial"],
        messages=arrays["messages"],
        mixing=arrays["mixing"],
        weights=tuple(arrays[f"weight{k}"] for k in range(N_DENSE)),
        biases=tuple(arrays[f"bias{k}"] for k in range(N_DENSE)),
        species_factors=arrays["species_factors"],
        species_bias=arrays["species_bias"],
    )
    n_record = whole("n_record")
    of_record = array("record_species", (n_record,), "i32")
    shapes = {"positions": (n_record, 3), "cell": (3, 3), "displacement": (n_record, 3)}
    low_high = {key: numbers(key, 2) for key in ("lattice_constants", "sigmas")}
    return Model(
        path,
        structure=metadata["structure"][0],
        elements=tuple(metadata["elements"]),
        masses=numbers("masses"),
        lattice_constant=numbers("lattice_constant", 1)[0],
        lattice_constants=_pair(low_high["lattice_constants"]),
        cutoff=weights.cutoff,
        max_displacement=numbers("max_displacement", 1)[0],
        sigmas=_pair(low_high["sigmas"]),
        n_parameters=whole("n_parameters"),
        weights_hash=metadata["weights_hash"][0],
        weights=weights,
        record=Record(**{name: array(f"record_{name}", shape, "f64") for name, shape in shapes.items()}, species=of_record),
        training=json.loads(entries[TRAINING]),
        file=file,
        structures=tuple(metadata.get("structures", metadata["structure"])),
    )


def _pair(values: Sequence[float]) -> tuple[float, float]:
    low, high = values
    return low, high


def _require_sense(model: Model) -> None:
    """Raises ValueError where a number is not finite, a length not above 0, or elements and masses do not agree."""
    arrays = [*model.weights.arrays().values(), *vars(model.record).values()]
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("a weight or a number of the record is not finite")
    lengths = (model.cutoff, model.max_displacement, model.lattice_constant, *model.lattice_constants)
    if not all(0.0 < length < math.inf for length in (*lengths, *model.masses)):
        raise ValueError("a length or a mass is not above 0")
    if model.structures[:1] != (model.structure,):
        raise ValueError(f"structures {' '.join(model.structures)} do not begin with {model.structure}")
    if not model.elements or len(model.elements) != len(model.masses):
        raise ValueError(f"{len(model.elements)} elements, {len(model.masses)} masses")
    species = model.record.species
    if model.n_species not in (1, len(model.elements)) or not ((species >= 0) & (species < model.n_species)).all():
        raise ValueError(f"{model.n_species} species, {len(model.elements)} elements")
    if abs(np.linalg.det(model.record.cell)) < model.lattice_constant**3 / 8:  # smaller than any primitive cell
        raise ValueError("the record's cell is flat")
