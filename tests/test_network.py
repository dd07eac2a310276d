import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import LATTICE_CONSTANT, TOLERANCE, fcc, noisy
from scipy.spatial.transform import Rotation

from lammps_heal.healing import displacement
from lammps_heal.neighbours import neighbour_list, periodic_ghosts
from lammps_heal.network import HealingNetwork, real_spherical_harmonics


def displacements(model: torch.nn.Module, atoms: Atoms) -> np.ndarray:
    cutoff = model.cutoff
    cluster = periodic_ghosts(atoms.positions, atoms.cell[:], atoms.pbc, cutoff).positions(atoms.positions)
    return displacement(model, cluster, neighbour_list(cluster, len(atoms), cutoff))


@pytest.fixture(params=["shipped", "untrained"])
def any_model(request: pytest.FixtureRequest, model: torch.jit.ScriptModule) -> torch.nn.Module:
    torch.manual_seed(3)
    return model if request.param == "shipped" else HealingNetwork(cutoff=5.0, n_channels=4, n_basis=8, n_hidden=8)


@pytest.fixture
def damaged(rng: np.random.Generator) -> Atoms:
    atoms = noisy(fcc(3), 0.3, rng)
    del atoms[17]
    return atoms


@pytest.mark.parametrize("reflect", [1.0, -1.0])
def test_turns_and_reflects_with_the_crystal(any_model: torch.nn.Module, damaged: Atoms, reflect: float) -> None:
    matrix = reflect * Rotation.random(rng=np.random.default_rng(5)).as_matrix()
    turned = damaged.copy()
    turned.set_cell(damaged.cell[:] @ matrix)
    turned.positions = damaged.positions @ matrix
    difference = displacements(any_model, turned) - displacements(any_model, damaged) @ matrix
    assert np.abs(difference).max() < TOLERANCE[torch.float32]


def test_a_shifted_crystal_moves_alike(any_model: torch.nn.Module, damaged: Atoms) -> None:
    shifted = damaged.copy()
    shifted.positions += [123.4, -56.7, 8.9]
    difference = displacements(any_model, shifted) - displacements(any_model, damaged)
    assert np.abs(difference).max() < TOLERANCE[torch.float32]


def test_order_of_atoms_does_not_matter(any_model: torch.nn.Module, damaged: Atoms, rng: np.random.Generator) -> None:
    order = rng.permutation(len(damaged))
    difference = displacements(any_model, damaged[order]) - displacements(any_model, damaged)[order]
    assert np.abs(difference).max() < TOLERANCE[torch.float32]


@pytest.mark.parametrize("scale", [0.96, 0.98, 1.0, 1.015, 1.04])
def test_a_perfect_crystal_stays(model: torch.jit.ScriptModule, scale: float) -> None:
    assert np.abs(displacements(model, fcc(3, LATTICE_CONSTANT * scale))).max() < 1.0e-4


def test_atoms_beyond_the_cutoff_have_no_influence(any_model: torch.nn.Module, damaged: Atoms) -> None:
    damaged.pbc = False
    centre = damaged.positions.mean(0)
    distance = np.linalg.norm(damaged.positions - centre, axis=1)
    middle = int(distance.argmin())
    from_middle = np.linalg.norm(damaged.positions - damaged.positions[middle], axis=1)
    outside = from_middle > any_model.cutoff
    assert outside.any()
    before = displacements(any_model, damaged)[middle]
    damaged.positions[outside] += 0.3 * (damaged.positions[outside] - damaged.positions[middle])
    np.testing.assert_allclose(displacements(any_model, damaged)[middle], before, atol=1e-6)


def test_an_atom_that_enters_the_cutoff_enters_smoothly(any_model: torch.nn.Module, damaged: Atoms) -> None:
    damaged.pbc = False
    middle = int(np.linalg.norm(damaged.positions - damaged.positions.mean(0), axis=1).argmin())
    direction = np.array([0.0, 0.6, 0.8])
    answers = []
    for distance in (any_model.cutoff - 1.0e-3, any_model.cutoff + 1.0e-3):
        atoms = damaged + Atoms("Pt", positions=[damaged.positions[middle] + distance * direction])
        answers.append(displacements(any_model, atoms)[middle])
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)


def test_spherical_harmonics_are_normalised_and_orthogonal() -> None:
    unit = torch.nn.functional.normalize(torch.randn(200_000, 3, generator=torch.Generator().manual_seed(1)).double(), dim=1)
    harmonics = real_spherical_harmonics(unit)
    for degree, values in enumerate(harmonics):
        assert values.shape[1] == 2 * degree + 1
        torch.testing.assert_close((values**2).sum(1), torch.ones(len(unit)).double())
    overlap = torch.cat(harmonics, 1).T @ torch.cat(harmonics, 1) / len(unit)
    assert (overlap - torch.diag(overlap.diagonal())).abs().max() < 0.01


def test_crystal_without_neighbours_within_the_cutoff_does_not_move(any_model: torch.nn.Module) -> None:
    lonely = Atoms("Pt2", positions=[[0, 0, 0], [0, 0, 50.0]])
    np.testing.assert_array_equal(displacements(any_model, lonely), 0.0)
