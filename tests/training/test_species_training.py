"""A training on an alloy: damage within one species, sites of the atoms' own elements, a network that sees them."""

from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.geometry import find_mic
from conftest import fcc, noisy
from networks import ELEMENTS
from trainings import SIZES, STAGE, recipe, shares

from lammps_heal.analysis.sites import site_distances, vectors_to_sites
from lammps_heal.errors import HealError
from lammps_heal.model.export import export
from lammps_heal.model.model_file import load
from lammps_heal.model.network import HealingNetwork
from lammps_heal.step.backends import verify
from lammps_heal.training.augmentations import frenkel_pair
from lammps_heal.training.growth import start_from
from lammps_heal.training.lengths import Lengths
from lammps_heal.training.recipe import Crystal, NetworkSizes, Recipe
from lammps_heal.training.recipe_file import read_recipe
from lammps_heal.training.stages import Files, train
from lammps_heal.training.structures import lattice_of
from lammps_heal.training.trainer import Trainer
from lammps_heal.training.weights import read_network, read_weights

COPPER_NICKEL = Crystal("fcc", ("Cu", "Ni"), (0.5, 0.5), 0.2)


def alloys(n: int = 12) -> list[Atoms]:
    """The first as relaxed, every other one with a vacancy; with headers as crystals/structures.py writes them."""
    rng = np.random.default_rng(5)
    made = []
    for number in range(n):
        atoms = fcc(3)
        atoms.symbols[:] = rng.permutation(np.resize(["Cu", "Ni"], len(atoms)))
        header = {"structure": "fcc", "nn": 2.7719, "lattice_constant": 3.92, "temperature": 0.0, "sites": len(atoms)}
        if number % 2:
            header["vacancies"] = atoms.positions[[3]]
            del atoms[3]
        atoms.info = header
        made.append(atoms)
    return made


def alloy_recipe(data: Path, n_species: int = 0) -> Recipe:
    return Recipe((data,), COPPER_NICKEL, replace(SIZES, n_species=n_species, n_layers=1), (replace(STAGE, steps=6),))


def trainer(structures: list[Atoms]) -> Trainer:
    made = alloy_recipe(Path("none"))
    return Trainer(structures, lattice_of(structures, made.crystal), made.sizes(0), made.stages[0])


def test_frenkel_pairs_recombine_without_antisites(rng: np.random.Generator) -> None:
    atoms, lengths = alloys()[0], Lengths()
    for _ in range(30):
        damaged = frenkel_pair(atoms, 6.5, lengths, rng)
        moved = np.linalg.norm(find_mic(damaged - atoms.positions, atoms.cell, atoms.pbc)[0], axis=1)
        pair = np.flatnonzero(moved > 1e-9)
        assert len(pair) == 2 and len(set(atoms.numbers[pair])) == 1


def test_atoms_go_to_sites_of_their_own_element(rng: np.random.Generator) -> None:
    """Two unlike neighbours that are nearer to each other's sites go back; two alike are exchanged."""
    sites = alloys()[0]
    distances = sites.get_all_distances(mic=True)
    for alike in (True, False):
        same = sites.numbers[:, None] == sites.numbers
        first, second = next(zip(*np.nonzero((distances < 2.8) & (distances > 0.1) & (same == alike)), strict=True))
        way = find_mic(sites.positions[second] - sites.positions[first], sites.cell, sites.pbc)[0]
        positions = sites.positions.copy()
        positions[first] += 0.7 * way
        positions[second] -= 0.7 * way
        vectors = vectors_to_sites(positions, sites)
        np.testing.assert_allclose(vectors[first], (0.3 if alike else -0.7) * way, atol=1e-9)
        np.testing.assert_allclose(vectors[second], (-0.3 if alike else 0.7) * way, atol=1e-9)


def test_antisites_stay(rng: np.random.Generator) -> None:
    sites = alloys()[0]
    atoms = noisy(sites, 0.1, rng)
    np.testing.assert_allclose(vectors_to_sites(atoms.positions, sites), sites.positions - atoms.positions, atol=1e-9)


def test_the_network_is_given_the_species_of_each_row() -> None:
    """Cells of a batch, their ghosts too: each alone gives what it gives among others."""
    made = trainer(alloys())
    states = [made.states.fresh() for _ in range(3)]
    together = made.displacements(states)
    for state, moved in zip(states, together, strict=True):
        np.testing.assert_allclose(moved.detach(), made.displacements([state])[0].detach(), atol=1e-5)
    for atoms in made.split.training:
        atoms.numbers[:] = np.roll(atoms.numbers, 1)
    assert np.abs((made.displacements(states[:1])[0] - together[0]).detach().numpy()).max() > 1e-3


def test_the_elements_of_the_recipe_decide_what_the_network_sees(tmp_path: Path) -> None:
    data = tmp_path / "alloys.xyz"
    ase.io.write(data, alloys(), format="extxyz")
    for n_species, seen in ((0, 2), (1, 1)):
        files = Files(tmp_path / f"{n_species}.pth", tmp_path)
        train(alloy_recipe(data, n_species), files)
        assert read_weights(files.weights).sizes.n_species == seen
        trained = read_network(files.weights)
        assert (trained.network.n_species, trained.elements) == (seen, ["Cu", "Ni"])
        export(trained, tmp_path / "alloy.pt")
        model = load(tmp_path / "alloy.pt")
        assert (model.n_species, model.elements) == (seen, tuple(ELEMENTS[2]))
        assert all(difference < 1e-5 for _, difference in verify(model))
    factors = read_network(tmp_path / "0.pth").network.species_factors
    torch_start = trainer(alloys()).network.species_factors
    assert factors is not None and torch_start is not None and (factors != torch_start).any()  # they have learned


def test_one_element_has_the_record_that_it_had(tmp_path: Path) -> None:
    """Weights and checkpoints of before go on."""
    one = recipe(tmp_path / "none")
    assert one.sizes(0).n_species == 1
    assert "n_species" not in one.as_json()["network"]
    assert set(one.as_json()["crystal"]) == {"structure", "elements"}


def test_begun_from_a_network_that_sees_no_species() -> None:
    """At first it heals as that one."""
    blind, seeing = HealingNetwork(5.0, 10, 4, 8), HealingNetwork(5.0, 10, 4, 16, n_species=2)
    start_from(blind.state_dict(), seeing)
    weights = seeing.state_dict()
    assert (weights["species_factors"] == 1.0).all() and (weights["species_bias"] == 0.0).all()
    narrow = HealingNetwork(5.0, 10, 4, 8, n_species=2)
    assert narrow.species_bias is not None
    narrow.species_bias.data.normal_()
    start_from(narrow.state_dict(), seeing)
    np.testing.assert_array_equal(seeing.state_dict()["species_bias"][:, :8], narrow.species_bias.data)
    np.testing.assert_array_equal(seeing.state_dict()["species_factors"], narrow.state_dict()["species_factors"])


def test_waves_and_numbers_of_species_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    stage = replace(STAGE, wave_weight=0.1)
    with pytest.raises(HealError, match="of one element, the recipe is of fcc Cu Ni: leave them out"):
        Recipe((tmp_path,), COPPER_NICKEL, SIZES, (stage,))
    with pytest.raises(HealError, match="sees all 2 elements"):
        Recipe((tmp_path,), COPPER_NICKEL, NetworkSizes(n_species=3), (STAGE,))


def test_a_recipe_file_names_the_composition(tmp_path: Path) -> None:
    path = tmp_path / "cuni.toml"
    crystal = '[crystal]\nstructure = "fcc"\nelements = ["Cu", "Ni"]\ncomposition = [0.3, 0.7]\nspread = 0.1\n'
    path.write_text(f'{crystal}[data]\nfiles = ["x.xyz"]\n[[stage]]\nsteps = 5\n')
    read = read_recipe(path)
    assert (read.crystal.composition, read.crystal.spread, read.sizes(0).n_species) == ((0.3, 0.7), 0.1, 2)
    assert read.as_json()["crystal"]["composition"] == [0.3, 0.7]


def test_other_elements_than_the_recipe_names_are_refused() -> None:
    with pytest.raises(HealError, match="of the elements that the recipe names, needed Cu, Au, got Cu, Ni"):
        lattice_of(alloys(), replace(COPPER_NICKEL, elements=("Cu", "Au")))


def test_what_is_damaged_goes_back_to_sites_of_its_elements() -> None:
    """Frenkel pairs, hop configurations and noise."""
    made = Trainer(
        alloys(),
        lattice_of(alloys(), COPPER_NICKEL),
        alloy_recipe(Path("none")).sizes(0),
        replace(STAGE, mixture=shares(frenkel_pair=0.4, hop=0.3)),
    )
    for _ in range(20):
        state = made.states.fresh()
        sites = made.split.training[state.structure]
        back = state.positions + vectors_to_sites(state.positions, sites)
        distances, nearest, _ = site_distances(back, sites, 1)
        assert distances.max() < 1e-9 and sorted(nearest[:, 0]) == list(range(len(sites)))
        np.testing.assert_array_equal(sites.numbers[nearest[:, 0]], sites.numbers)
