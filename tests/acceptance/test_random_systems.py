"""Random systems against the float64 reference: every host, backend, boundary, group and grid of ranks, to 1e-5 Å.

A few in every run of the tests; all of them in the acceptance tier.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import LATTICE_CONSTANT
from lammps_runs import DUMP_WITH_DISPLACEMENT, heal
from networks import GhostsOfGroup, by_torch
from scipy.spatial import cKDTree

from lammps_heal.model.model_file import Model
from lammps_heal.model.reference import ReferenceNetwork
from lammps_heal.step.backends import make_backend
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import periodic_ghosts
from lammps_heal.step.step import cap, displacement

AGREEMENT = 1.0e-5  # Å, for displacements of up to 1 Å; what is longer is divided by its length
CLOSEST = 2.0  # Å, between atoms: nearer ones are pushed apart by forces of 10 Å and more, in which float32 shows
LONGEST = 1.5  # Å, a step in LAMMPS
THINNEST = LONGEST + 1.1  # Å, of a subdomain: a step, half a skin and a little
FEW, ALL, IN_LAMMPS, FEW_IN_LAMMPS = 24, 300, 60, 4


@dataclass(frozen=True)
class System:
    atoms: Atoms
    moves: np.ndarray  # (n_atoms,) bool
    ranks: int
    grid: str  # of LAMMPS's processors


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
    # More than two ranks need subdomains thicker than a step and half a skin.
    thinnest = (1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)).min()
    ranks = min(int(rng.choice([1, 2, 3, 4, 8])), max(2, int(thinnest / THINNEST)))
    return System(atoms, moves, ranks, str(rng.choice(["", "processors 1 1 *", "processors * 1 1"])))


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


@pytest.mark.parametrize("seed", range(FEW))
def test_backends(seed: int, reference: ReferenceNetwork, model: Model, torchscript: torch.jit.ScriptModule) -> None:
    check_backends(seed, reference, model, torchscript)


@pytest.mark.acceptance
def test_backends_on_all(reference: ReferenceNetwork, model: Model, torchscript: torch.jit.ScriptModule) -> None:
    for seed in range(FEW, ALL):
        check_backends(seed, reference, model, torchscript)


def check_fix_heal(seed: int, folder: Path, reference: ReferenceNetwork) -> None:
    system = random_system(seed, is_periodic=True)  # LAMMPS tilts no box that is open
    moving = " ".join(map(str, np.flatnonzero(system.moves) + 1))
    some = f"group some id {moving}\n" if moving else "group some empty\n"
    commands = some + "fix heal some heal {model} max {longest}\n" + DUMP_WITH_DISPLACEMENT + "thermo_modify lost ignore\nrun 1\n"
    commands = commands.replace("{longest}", str(LONGEST))
    frame = heal(folder, system.atoms, commands, system.grid, system.ranks).dump("all.dump")[1]
    assert_close(frame[:, 3:6], cap(expected_displacement(reference, system), LONGEST)[0], seed)


@pytest.mark.mpi
@pytest.mark.parametrize("seed", range(FEW_IN_LAMMPS))
def test_fix_heal(seed: int, tmp_path: Path, reference: ReferenceNetwork) -> None:
    check_fix_heal(seed, tmp_path, reference)


@pytest.mark.mpi
@pytest.mark.acceptance
def test_fix_heal_on_all(tmp_path: Path, reference: ReferenceNetwork) -> None:
    for seed in range(FEW_IN_LAMMPS, IN_LAMMPS):
        check_fix_heal(seed, tmp_path, reference)
