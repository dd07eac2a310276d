import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import LATTICE_CONSTANT, TOLERANCE, fcc, noisy
from networks import displacements, random_network
from scipy.spatial.transform import Rotation

from lammps_heal.model.model_file import Model
from lammps_heal.model.network import HealingNetwork, real_spherical_harmonics
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import neighbour_list, periodic_ghosts
from lammps_heal.step.step import displacement
from lammps_heal.step.torchscript import TorchBackend


@pytest.fixture(params=["shipped", "no layers", "two layers"])
def any_model(request: pytest.FixtureRequest, model: Model) -> torch.nn.Module:
    return model if request.param == "shipped" else random_network(2 if request.param == "two layers" else 0)


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
def test_a_perfect_crystal_stays(model: Model, scale: float) -> None:
    assert np.abs(displacements(model, fcc(3, LATTICE_CONSTANT * scale))).max() < 1.0e-4


def test_a_step_depends_on_what_is_within_two_cutoffs_and_one_more_for_each_layer(
    any_model: torch.nn.Module, rng: np.random.Generator
) -> None:
    bar = noisy(fcc(1).repeat((2, 2, 14)), 0.2, rng)
    bar.pbc = False
    end = int(bar.positions[:, 2].argmin())
    distance = np.linalg.norm(bar.positions - bar.positions[end], axis=1)
    before = displacements(any_model, bar)[end]
    for n_cutoffs in range(any_model.n_layers + 3):
        # All that is farther than so many cutoffs goes farther still.
        outside = distance > n_cutoffs * any_model.cutoff
        assert 0 < outside.sum() < len(bar)
        other = bar.copy()
        other.positions[outside, 2] += 0.3
        change = np.linalg.norm(displacements(any_model, other)[end] - before)
        if n_cutoffs == any_model.n_layers + 2:
            assert change == 0.0
        else:
            assert change > 1e-9, n_cutoffs


def test_an_atom_that_enters_the_cutoff_enters_smoothly(any_model: torch.nn.Module, damaged: Atoms) -> None:
    damaged.pbc = False
    outward = np.array([0.0, 0.6, 0.8])
    tip = int((damaged.positions @ outward).argmax())  # all others are farther from what comes from that side
    moves = []
    for distance in (any_model.cutoff - 1.0e-3, any_model.cutoff + 1.0e-3, 0.7 * any_model.cutoff):
        atoms = damaged + Atoms("Pt", positions=[damaged.positions[tip] + distance * outward])
        moves.append(displacements(any_model, atoms))
    np.testing.assert_allclose(moves[0], moves[1], atol=1e-6)
    assert np.abs(moves[2] - moves[1]).max() > 1e-3


@pytest.mark.parametrize("n", [1, 3])
def test_training_computes_the_same_displacements(n: int, rng: np.random.Generator) -> None:
    """Also where the images of one atom are its neighbours."""
    network, atoms = random_network(3), noisy(fcc(n), 0.2, rng)
    ghosts = periodic_ghosts(atoms.positions, atoms.cell[:], atoms.pbc, network.cutoff)
    cluster = ghosts.positions(atoms.positions)
    listed = neighbour_list(cluster, len(atoms), network.cutoff)
    arrays = (cluster, listed.centres, listed.first, listed.neighbours, ghosts.owners())
    with torch.no_grad():
        trained_on = network.displacement(*map(torch.as_tensor, arrays)).numpy()
    np.testing.assert_allclose(displacements(network, atoms), trained_on, atol=1e-6)


def test_a_layer_adds_the_messages_of_the_neighbours(rng: np.random.Generator) -> None:
    """v_i + sum_j [a(d) v_j + b(d) u (u . v_j)], with the a and b that are tabulated for a kernel."""
    network, atoms = random_network(2), noisy(fcc(2), 0.2, rng)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, network.cutoff)
    positions, listed = crystal.open_cluster(atoms.positions)
    v_in = crystal.forward(rng.normal(0.0, 0.1, atoms.positions.shape))
    half = len(atoms) // 2  # centres need not be the first rows
    first, neighbours = listed.first[half:] - listed.first[half], listed.neighbours[listed.first[half] :].astype(np.int64)
    inputs = [torch.as_tensor(a) for a in (positions, listed.centres[half:], first, neighbours, v_in)]
    for layer in range(2):
        expected = v_in[: len(atoms)].copy()
        centres = listed.centre_of_edge()
        vectors = positions[listed.neighbours] - positions[centres]
        distances = np.linalg.norm(vectors, axis=1)
        inside = distances < network.cutoff
        u, v = vectors[inside] / distances[inside, None], v_in[listed.neighbours[inside]]
        with torch.no_grad():
            functions = network.message_functions(torch.as_tensor(distances[inside]).float()).double().numpy()
            v_out = network.message_layer(*inputs, layer).numpy()
        a, b = functions[:, 2 * layer, None], functions[:, 2 * layer + 1, None]
        np.add.at(expected, centres[inside], a * v + b * u * (u * v).sum(1, keepdims=True))
        assert np.abs(expected - v_in[: len(atoms)]).max() > 0.01
        np.testing.assert_allclose(v_out, expected[half:], atol=1e-6)


def test_fresh_layers_change_nothing(damaged: Atoms) -> None:
    torch.manual_seed(1)
    fresh = HealingNetwork(5.0, 8, 4, 8, n_layers=2)
    crystal = PeriodicCrystal(damaged.cell[:], damaged.pbc, 5.0)
    cluster = crystal.open_cluster(damaged.positions)
    alone = HealingNetwork(5.0, 8, 4, 8)
    alone.load_state_dict({**fresh.state_dict(), "message_weights": torch.zeros(8, 0)})
    np.testing.assert_array_equal(displacements(fresh, damaged), displacement(TorchBackend(alone), *cluster, crystal))


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
