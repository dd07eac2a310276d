"""A network of several species: what it sees of them, and that all that compute with it agree."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import TOLERANCE, fcc, noisy
from networks import ELEMENTS, GhostsOfGroup, by_torch, exported, random_network
from scipy.spatial.transform import Rotation

from lammps_heal.errors import HealError
from lammps_heal.kernel.kernel import Kernel
from lammps_heal.kernel.library import instruction_sets
from lammps_heal.model.elements import element_of_mass, require_elements, species_of, species_of_types
from lammps_heal.model.model_file import LARGEST_STRETCH, Model
from lammps_heal.model.network import HealingNetwork
from lammps_heal.model.reference import ReferenceNetwork
from lammps_heal.step.backends import KernelBackend, verify
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import periodic_ghosts
from lammps_heal.step.step import Backend, displacement

EXACT = TOLERANCE[torch.float64]  # Å
SAME = TOLERANCE[torch.float32]
SEVERAL = pytest.mark.parametrize("n_species", [2, 3])
# Seven channels share vectors of four and eight; eight are two edges in a vector of AVX-512.
SIZES = [(4, 16, 5.0, 1), (8, 64, 5.5, 2), (7, 7, 4.5, 2)]


def alloy(n_species: int, rng: np.random.Generator, sigma: float = 0.2) -> Atoms:
    """A noisy random alloy with a vacancy."""
    atoms = noisy(fcc(3), sigma, rng)
    atoms.symbols[:] = rng.permutation(np.resize(list(ELEMENTS[n_species]), len(atoms)))
    del atoms[17]
    return atoms


def species(atoms: Atoms, n_species: int) -> np.ndarray:
    elements = list(ELEMENTS[n_species])
    return np.array([elements.index(symbol) for symbol in atoms.get_chemical_symbols()])


def reference_of(network: torch.nn.Module) -> ReferenceNetwork:
    weights = {name: parameter.detach().numpy() for name, parameter in network.named_parameters()}
    return ReferenceNetwork(weights, network.cutoff, network.switch_on)


def by_reference(
    reference: ReferenceNetwork, atoms: Atoms, numbers: np.ndarray, moves: np.ndarray | None = None, scale: float = 1.0
) -> np.ndarray:
    ghosts = periodic_ghosts(atoms.positions, atoms.cell[:], atoms.pbc, reference.cutoff * scale)
    return reference.displacement(ghosts.positions(atoms.positions), ghosts.owners(), moves, scale, numbers)


def by_backend(backend: Backend, model: Model, atoms: Atoms, numbers: np.ndarray, moves: np.ndarray) -> np.ndarray:
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, model.cutoff)
    cluster, ghosts = crystal.open_cluster(atoms.positions), GhostsOfGroup(crystal, moves[:, None].astype(float))
    return moves[:, None] * displacement(backend, *cluster, ghosts, crystal.of_owners(numbers))


@pytest.fixture(params=["TorchScript", *instruction_sets()])
def backend_of(request: pytest.FixtureRequest) -> Callable[[Model], Backend]:
    if request.param == "TorchScript":
        return by_torch
    return lambda model: KernelBackend(Kernel(model.weights, model.length_scale, request.param))


@SEVERAL
@pytest.mark.parametrize("size", SIZES)
def test_backends_agree_with_the_reference(
    backend_of: Callable[[Model], Backend],
    n_species: int,
    size: tuple[int, int, float, int],
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    """Also where a group moves, and where the crystal is a little larger."""
    n_channels, n_hidden, cutoff, n_layers = size
    network = random_network(n_layers, cutoff, n_channels, n_hidden, n_species=n_species)
    model = exported(network, tmp_path)
    for sigma, stretch in ((0.05, 1.0), (0.4, 1.0), (0.2, 1.03)):
        atoms = alloy(n_species, rng, sigma)
        atoms.set_cell(stretch * atoms.cell[:], scale_atoms=True)
        numbers, scaled = species(atoms, n_species), model.scaled(stretch * model.lattice_constant)
        for moves in (np.ones(len(atoms), bool), np.arange(len(atoms)) % 3 > 0):
            expected = by_reference(reference_of(network), atoms, numbers, moves, scaled.length_scale)
            assert np.abs(expected).max() > 1e-2
            np.testing.assert_allclose(by_backend(backend_of(scaled), scaled, atoms, numbers, moves), expected, atol=SAME)


@SEVERAL
def test_every_species_counts(n_species: int, rng: np.random.Generator) -> None:
    """Of the neighbour by R and by Q, and of the atom itself: each alone changes the displacements."""
    atoms = alloy(n_species, rng)
    numbers = species(atoms, n_species)
    network = random_network(1, n_species=n_species)
    blind = {name: parameter.detach().numpy().copy() for name, parameter in network.named_parameters()}
    blind["species_factors"][:] = 1.0
    blind["species_bias"][:] = 0.0
    of_blind = by_reference(ReferenceNetwork(blind, network.cutoff, network.switch_on), atoms, numbers)
    without = {name: array for name, array in blind.items() if not name.startswith("species")}
    np.testing.assert_allclose(
        by_reference(ReferenceNetwork(without, network.cutoff, network.switch_on), atoms, numbers), of_blind, atol=EXACT
    )
    for name, part in (("species_factors", 0), ("species_factors", 1), ("species_bias", slice(None))):
        weights = {key: array.copy() for key, array in blind.items()}
        own = dict(network.named_parameters())[name].detach().numpy()
        weights[name][:, part] = own[:, part]
        moved = by_reference(ReferenceNetwork(weights, network.cutoff, network.switch_on), atoms, numbers)
        assert np.abs(moved - of_blind).max() > 1e-3, name


@SEVERAL
def test_turns_with_the_crystal_whatever_the_order_of_atoms_and_of_species(n_species: int, rng: np.random.Generator) -> None:
    atoms = alloy(n_species, rng)
    numbers, network = species(atoms, n_species), random_network(2, n_species=n_species)
    expected = by_reference(reference_of(network), atoms, numbers)
    matrix = -Rotation.random(rng=np.random.default_rng(5)).as_matrix()
    order = rng.permutation(len(atoms))
    turned = atoms[order]
    turned.set_cell(atoms.cell[:] @ matrix)
    turned.positions = turned.positions @ matrix + [1.2, -3.4, 5.6]
    np.testing.assert_allclose(by_reference(reference_of(network), turned, numbers[order]), expected[order] @ matrix, atol=EXACT)
    new_number = np.roll(np.arange(n_species), 1)  # of each species
    with torch.no_grad():
        for parameter in (network.species_factors, network.species_bias):
            assert parameter is not None
            parameter[torch.as_tensor(new_number)] = parameter.clone()
    np.testing.assert_allclose(by_reference(reference_of(network), atoms, new_number[numbers]), expected, atol=EXACT)


def test_a_network_of_one_species_is_the_one_without_any() -> None:
    """The same parameters from the same random numbers: what is drawn for species is drawn last."""
    torch.manual_seed(4)
    one = HealingNetwork(5.0, 16, 4, 16, 0.5, 2)
    torch.manual_seed(4)
    two = HealingNetwork(5.0, 16, 4, 16, 0.5, 2, n_species=2)
    assert not [name for name, _ in one.named_parameters() if "species" in name]
    assert list(one.state_dict()) == [name for name in two.state_dict() if "species" not in name]
    for name, parameter in one.named_parameters():
        np.testing.assert_array_equal(parameter.detach(), two.state_dict()[name])


@SEVERAL
def test_a_model_file_knows_its_species(n_species: int, tmp_path: Path) -> None:
    model = exported(random_network(1, n_species=n_species), tmp_path)
    elements = tuple(ELEMENTS[n_species])
    assert (model.n_species, model.elements) == (n_species, elements)
    assert set(model.record.species.tolist()) == set(range(n_species))
    assert species_of(model, [elements[1], elements[0], elements[1]]).tolist() == [1, 0, 1]
    assert all(difference < SAME for _, difference in verify(model))
    assert model.describe()["n_species"] == n_species


@SEVERAL
def test_backends_refuse_wrong_species(
    backend_of: Callable[[Model], Backend], n_species: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    model, atoms = exported(random_network(1, n_species=n_species), tmp_path), alloy(n_species, rng)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, model.cutoff)
    cluster, backend = crystal.open_cluster(atoms.positions), backend_of(model)
    for wrong in (None, np.full(len(cluster[0]), n_species, np.int32), np.full(len(cluster[0]), -1, np.int32)):
        with pytest.raises(HealError, match="species"):
            backend.pair_forces(*cluster, wrong)


def test_lengths_of_a_model_that_sees_species_change_little(tmp_path: Path) -> None:
    model = exported(random_network(1, n_species=2), tmp_path)
    stretched = model.scaled(1.04 * model.lattice_constant)
    assert (stretched.elements, stretched.masses) == (model.elements, model.masses)
    assert stretched.cutoff == pytest.approx(1.04 * model.cutoff)
    for factor in (1.0 - 1.1 * LARGEST_STRETCH, 1.0 + 1.1 * LARGEST_STRETCH):
        with pytest.raises(HealError, match=r"more than 5% from the model's, 3\.92 Å, which sees the species Cu, Ni"):
            model.scaled(factor * model.lattice_constant)
    with pytest.raises(HealError, match="more than 5%"):  # the second small step makes a large one
        stretched.scaled(1.04 * stretched.lattice_constant)


def test_types_are_of_the_elements_named_or_of_the_masses(tmp_path: Path) -> None:
    model = exported(random_network(1, n_species=3), tmp_path)  # Co, Ni, Al
    used = [True, True, True]
    assert species_of_types(model, used, ["Al", "Co", "Al"]).tolist() == [2, 0, 2]
    assert species_of_types(model, used, None, [26.98, 58.69, 58.93]).tolist() == [2, 1, 0]
    assert species_of_types(model, [True, False, True], None, [26.98, 0.0, 58.93]).tolist() == [2, -1, 0]
    assert species_of_types(model, [True, False], ["Al", "Pt"]).tolist() == [2, -1]
    with pytest.raises(HealError, match=r"type 2 is Pt, the model knows Co \(58\.933 g/mol\), .*: use a model of Pt$"):
        species_of_types(model, used, ["Al", "Pt", "Al"])
    with pytest.raises(HealError, match=r"type 3 has mass 195\.084, the model knows .*: name the types' elements$"):
        species_of_types(model, used, None, [26.98, 58.69, 195.084])
    with pytest.raises(HealError, match="type 1 has no mass"):
        species_of_types(model, used, None, None)
    with pytest.raises(HealError, match="elements names 2 types, the system has 3"):
        species_of_types(model, used, ["Al", "Co"])
    with pytest.raises(HealError, match=r"element Pt, Zr is not in the model, which knows Co .*: use a model of Pt, Zr$"):
        require_elements(model, ["Zr", "Pt", "Al"])


def test_cobalt_is_no_nickel(tmp_path: Path) -> None:
    """Their masses differ by less than rounded tables do from each other."""
    model = exported(random_network(1, n_species=3), tmp_path)
    assert [element_of_mass(model, mass) for mass in (58.933, 58.69, 58.9, 27.0, 60.0)] == ["Co", "Ni", "Co", "Al", None]
