import ase.build
import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from conftest import LATTICE_CONSTANT, OVERLAPPING, fcc, noisy

import lammps_heal
from lammps_heal.analysis.sites import count_defects, remove_mean, root_mean_square
from lammps_heal.model.model_file import Model
from lammps_heal.step.step import cap


def residual(healed: Atoms, sites: Atoms) -> float:
    return root_mean_square(remove_mean(healed.positions - sites.positions))


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.4])
def test_noise_is_healed(model: Model, sigma: float, rng: np.random.Generator) -> None:
    sites = fcc(5)
    damaged = noisy(sites, sigma, rng)
    healed = lammps_heal.heal(damaged, model, steps=10)
    assert residual(healed, sites) < 0.02
    assert residual(damaged, sites) > 0.9 * sigma  # the input is as it was


def test_a_vacancy_stays(model: Model, rng: np.random.Generator) -> None:
    sites = fcc(5)
    damaged = noisy(sites, 0.25, rng)
    del damaged[111]
    found = count_defects(lammps_heal.heal(damaged, model).positions, sites)
    assert (found.vacancies, found.interstitials) == (1, 0)


def test_a_triclinic_cell_of_the_same_lattice_heals_alike(model: Model, rng: np.random.Generator) -> None:
    cubic = noisy(fcc(4), 0.2, rng)
    skewed = cubic.copy()
    cell = cubic.cell[:].copy()
    cell[1] += cell[0]  # the same lattice of periods, other vectors
    cell[2] -= 2 * cell[1]
    skewed.set_cell(cell)
    difference = lammps_heal.heal(skewed, model, 3).positions - lammps_heal.heal(cubic, model, 3).positions
    assert np.abs(difference).max() < 1e-5


def test_a_cell_smaller_than_the_cutoff_heals_as_its_repetition(model: Model, rng: np.random.Generator) -> None:
    small = noisy(fcc(1), 0.1, rng)
    large = small.repeat((3, 3, 3))
    healed = [lammps_heal.heal(atoms, model, 5) for atoms in (small, large)]
    np.testing.assert_allclose(healed[1].positions[: len(small)], healed[0].positions, atol=1e-5)


def test_a_primitive_cell_stays(model: Model) -> None:
    primitive = ase.build.bulk("Pt", "fcc", a=LATTICE_CONSTANT)
    assert np.abs(lammps_heal.heal(primitive, model, 5).positions - primitive.positions).max() < 1e-4


@pytest.mark.parametrize("pbc", [(True, True, False), (False, False, False)])
def test_open_boundaries_keep_every_atom_near(model: Model, pbc: tuple[bool, ...], rng: np.random.Generator) -> None:
    sites = fcc(5)
    sites.pbc = pbc
    atoms = noisy(sites, 0.1, rng)
    moved = np.linalg.norm(lammps_heal.heal(atoms, model, 5).positions - atoms.positions, axis=1)
    # Corners of a cube have three neighbours. EAM keeps none of it, these least of all; a hop to the site beside is near.
    is_corner = np.bincount(neighbor_list("i", sites, 3.3), minlength=len(sites)) == 3
    assert is_corner.sum() == (0 if any(pbc) else 4)
    assert moved[~is_corner].max() < 1.5
    assert moved[is_corner].max(initial=0.0) < LATTICE_CONSTANT / np.sqrt(2.0) + 0.3


def test_positions_are_never_wrapped(model: Model, rng: np.random.Generator) -> None:
    atoms = noisy(fcc(3), 0.1, rng)
    far = atoms.copy()
    far.positions += np.array([1.0, -2.0, 3.0]) @ atoms.cell[:]
    moved = lammps_heal.heal(far, model, 3).positions - lammps_heal.heal(atoms, model, 3).positions
    np.testing.assert_allclose(moved, np.broadcast_to(far.positions[0] - atoms.positions[0], moved.shape), atol=1e-5)


def test_long_displacements_are_capped_in_length_only() -> None:
    capped, count = cap(np.array([[3.0, 4.0, 0.0], [0.3, 0.4, 0.0]]), 1.0)
    np.testing.assert_allclose(capped, [[0.6, 0.8, 0.0], [0.3, 0.4, 0.0]])
    assert count == 1


def test_the_cap_bounds_each_step(model: Model, rng: np.random.Generator) -> None:
    atoms = noisy(fcc(3), 0.3, rng)
    moved = lammps_heal.heal(atoms, model, steps=1, max_displacement=0.05).positions - atoms.positions
    assert np.linalg.norm(moved, axis=1).max() == pytest.approx(0.05)


def spoiled(what: str) -> Atoms:
    atoms = fcc(2)
    if what == "element":
        atoms.symbols[3] = "Cu"
    elif what == "empty":
        del atoms[:]
    elif what == "nan":
        atoms.positions[5, 1] = np.nan
    elif what == "overlap":
        atoms.positions[5] = atoms.positions[6] + [0.0, 0.0, OVERLAPPING]
    return atoms


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("element", "element Cu is not in the model, which knows Pt"),
        ("empty", "has no atoms"),
        ("nan", "not finite"),
        ("overlap", "two atoms overlap"),
    ],
)
def test_bad_input_is_refused_with_its_reason(model: Model, what: str, message: str) -> None:
    with pytest.raises(lammps_heal.HealError, match=message):
        lammps_heal.heal(spoiled(what), model)
