"""Random systems against the float64 reference: every host, backend, boundary, group and grid of ranks, to 1e-5 Å."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import LATTICE_CONSTANT
from lammps_runs import in_a_row, write_data
from networks import GhostsOfGroup, by_torch
from reference_steps import frames
from scipy.spatial import cKDTree

from lammps_heal.hosts.floor_of_model import floor_of
from lammps_heal.model.model_file import Model
from lammps_heal.model.reference import ReferenceNetwork
from lammps_heal.step.backends import make_backend
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import periodic_ghosts
from lammps_heal.step.soft_floor import keep_apart
from lammps_heal.step.step import cap, displacement

AGREEMENT = 1.0e-5  # Å, for displacements of up to 1 Å; what is longer is divided by its length
CLOSEST = 2.0  # Å, between atoms: nearer ones are pushed apart by forces of 10 Å and more, in which float32 shows
LONGEST = 1.5  # Å, a step in LAMMPS
THINNEST = LONGEST + 1.1  # Å, of a subdomain where there are more than two in a row: a step, half a skin and a little
ALL = 300
GRIDS = [(1, 1, 1), (2, 1, 1), (1, 1, 2), (1, 3, 1), (4, 1, 1), (1, 2, 2), (2, 2, 2)]
HOSTS = ["fix", "callback"]


@dataclass(frozen=True)
class System:
    atoms: Atoms
    moves: np.ndarray  # (n_atoms,) bool
    grid: tuple[int, int, int]  # of LAMMPS's ranks
    host: str


def random_system(seed: int, is_periodic: bool = False) -> System:
    """A crystal, a gas or a cluster in a box that may be tilted, thin, open; with a group that may be all, some or none."""
    rng = np.random.default_rng([2_026, seed])
    cells = rng.integers(1, 5, 3)
    if rng.random() < 0.7:
        unit = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
        corners = np.stack(np.meshgrid(*map(range, cells), indexing="ij"), -1).reshape(-1, 1, 3)
        fractional = ((corners + unit) / cells).reshape(-1, 3)
    else:
        fractional = rng.random((int(rng.integers(1, 100)), 3))
    cell = np.diag(cells * LATTICE_CONSTANT * rng.uniform(0.96, 1.04, 3))
    if rng.random() < 0.5:  # LAMMPS's tilts go to half a side
        cell[[1, 2, 2], [0, 0, 1]] = rng.uniform(-0.45, 0.45, 3) * cell[[0, 0, 1], [0, 0, 1]]
    positions = fractional @ cell + rng.normal(0.0, rng.choice([0.0, 0.1, 0.3]), fractional.shape)
    pbc = np.array(rng.random(3) < 0.8) | is_periodic
    atoms = Atoms("Pt" * len(positions), positions=positions, cell=cell, pbc=pbc)
    atoms.wrap(pbc=pbc)
    while len(atoms) > 1:
        ghosts = periodic_ghosts(atoms.positions, atoms.cell[:], atoms.pbc, CLOSEST)
        near = cKDTree(ghosts.positions(atoms.positions)).query_pairs(CLOSEST, output_type="ndarray")
        near = near[(near < len(atoms)).any(1)]
        owners = ghosts.owners()[near]
        if not len(owners):
            break
        del atoms[int(owners[0].max())]
    moves = rng.random(len(atoms)) < rng.choice([1.0, 1.0, 0.5, 0.0])
    widths = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    fitting = [grid for grid in GRIDS if all(n <= 2 or width > n * THINNEST for n, width in zip(grid, widths, strict=True))]
    return System(atoms, moves, fitting[rng.integers(len(fitting))], str(rng.choice(HOSTS)))


@pytest.fixture(scope="module")
def reference(torchscript: torch.jit.ScriptModule) -> ReferenceNetwork:
    network = torchscript.network
    weights = {name: parameter.detach().numpy() for name, parameter in network.named_parameters()}
    return ReferenceNetwork(weights, network.cutoff, network.switch_on)


def expected_displacement(reference: ReferenceNetwork, system: System) -> np.ndarray:
    atoms = system.atoms
    ghosts = periodic_ghosts(atoms.positions, atoms.cell[:], atoms.pbc, reference.cutoff)
    found = reference.displacement(ghosts.positions(atoms.positions), ghosts.owners(), system.moves)
    return np.where(system.moves[:, None], found, 0.0)


def expected_step(reference: ReferenceNetwork, system: System, model: Model) -> np.ndarray:
    """(n_atoms, 3) Å: capped, and with the soft floor."""
    capped, _ = cap(expected_displacement(reference, system), LONGEST)
    crystal = PeriodicCrystal(system.atoms.cell[:], system.atoms.pbc, model.cutoff)
    of_moved = system.moves[:, None].astype(float)
    cluster = crystal.open_cluster(system.atoms.positions)
    return of_moved * keep_apart(capped, *cluster, GhostsOfGroup(crystal, of_moved), floor_of(model))


def assert_close(found: np.ndarray, expected: np.ndarray, seed: int) -> None:
    scale = np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1.0)
    error = np.abs((found - expected) / scale).max(initial=0.0)
    assert error < AGREEMENT, f"system {seed} is {error:.2g} Å off"


def check_backends(seed: int, reference: ReferenceNetwork, model: Model, torchscript: torch.jit.ScriptModule) -> None:
    system = random_system(seed)
    atoms, moves = system.atoms, system.moves[:, None].astype(float)
    expected = expected_displacement(reference, system)
    for backend in (make_backend(model), by_torch(torchscript)):
        crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, model.cutoff)
        found = displacement(backend, *crystal.open_cluster(atoms.positions), GhostsOfGroup(crystal, moves))
        assert_close(moves * found, expected, seed)


def test_backends(reference: ReferenceNetwork, model: Model, torchscript: torch.jit.ScriptModule) -> None:
    for seed in range(ALL):
        check_backends(seed, reference, model, torchscript)


def script(folder: Path, seed: int, system: System) -> list[str]:
    """Of a healing step, whose displacement is what a dump's second frame is from the first."""
    data = folder / f"{seed}.data"
    write_data(data, system.atoms)
    moving = " ".join(map(str, np.flatnonzero(system.moves) + 1))
    return [
        "processors {} {} {}".format(*system.grid),
        *f"units metal|atom_modify map yes|read_data {data}|mass * 195.084|timestep 0.001".split("|"),
        f"group some id {moving}" if moving else "group some empty",
        f"fix heal some heal fcc max {LONGEST}",
        f"dump all all custom 1 {seed}.dump id xu yu zu",
        *"dump_modify all sort id format float %.17g|thermo_modify lost ignore|run 1".split("|"),
    ]


@pytest.mark.lammps
@pytest.mark.mpi
@pytest.mark.parametrize("ranks", sorted({prod(grid) for grid in GRIDS}))
@pytest.mark.parametrize("host", HOSTS)
def test_hosts_in_lammps(host: str, ranks: int, tmp_path: Path, reference: ReferenceNetwork, model: Model) -> None:
    systems = {seed: random_system(seed, is_periodic=True) for seed in range(ALL)}  # LAMMPS tilts no box that is open
    chosen = {seed: system for seed, system in systems.items() if (system.host, prod(system.grid)) == (host, ranks)}
    assert chosen
    in_a_row({str(seed): script(tmp_path, seed, system) for seed, system in chosen.items()}, tmp_path, host, ranks)
    for seed, system in chosen.items():
        error = tmp_path / f"{seed}.error"
        assert not error.exists(), error.read_text()
        before, after = frames(tmp_path / f"{seed}.dump")
        assert_close(after.atoms.positions - before.atoms.positions, expected_step(reference, system, model), seed)
