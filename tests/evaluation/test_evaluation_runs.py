"""Healing at several steps, molecular dynamics and comparison of structures, as the evaluation does them."""

from pathlib import Path

import numpy as np
import pytest
from ase.io.lammpsdata import read_lammps_data
from conftest import ROOT, fcc, noisy

from lammps_heal.analysis.energies import energy_per_atom, minimise, minimise_by_iteration
from lammps_heal.analysis.labels import labelled_fraction
from lammps_heal.evaluation.comparison import different_sites, moves, rms_length
from lammps_heal.evaluation.healing import trajectory
from lammps_heal.evaluation.starts import crystal_start, heated, relaxed
from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.hosts.runs import run_script
from lammps_heal.hosts.structures import read_data
from lammps_heal.model.model_file import Model

pytestmark = pytest.mark.lammps

BOLTZMANN = 8.617333e-5  # eV/K


@pytest.fixture(autouse=True)
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_a_trajectory_is_one_healing(model: Model, rng: np.random.Generator) -> None:
    start = noisy(fcc(3), 0.3, rng)
    healed = trajectory(start, model, (5, 2))
    assert list(healed) == [2, 5]
    np.testing.assert_allclose(healed[2].positions, heal(start, model, 2).positions, atol=1e-4)
    np.testing.assert_allclose(healed[5].positions, heal(start, model, 5).positions, atol=1e-4)


def test_another_metal_heals_as_platinum_of_its_size(model: Model, rng: np.random.Generator) -> None:
    platinum = noisy(fcc(3), 0.3, rng)
    copper = platinum.copy()
    copper.symbols[:] = "Cu"
    copper.set_cell(platinum.cell * 3.615 / model.lattice_constant, scale_atoms=True)
    healed = trajectory(copper, model.scaled(3.615), [4])[4]
    assert set(healed.symbols) == {"Cu"}
    np.testing.assert_allclose(healed.cell[:], copper.cell[:])
    expected = heal(platinum, model, 4).positions * 3.615 / model.lattice_constant
    np.testing.assert_allclose(healed.positions, expected, atol=1e-4)


def test_moves_are_to_the_nearest_image_and_without_drift() -> None:
    crystal = fcc(3)
    moved = crystal.copy()
    moved.positions += 0.4
    moved.wrap()
    np.testing.assert_allclose(moves(moved, crystal), 0.0, atol=1e-9)
    moved.positions[5, 0] += 0.3
    assert moves(moved, crystal)[5, 0] == pytest.approx(0.3 * (1 - 1 / len(crystal)))
    assert rms_length(np.array([[3.0, 0.0, 4.0]])) == pytest.approx(5.0)


def test_a_hop_makes_two_sites_differ_and_drift_none() -> None:
    sites = fcc(3)
    clean = sites.copy()
    del clean[[50]]
    drifted = clean.copy()
    drifted.positions += 1.3
    assert different_sites(drifted, clean, sites) == 0
    hopped = clean.copy()
    hopped.positions[int(np.argmin(np.linalg.norm(clean.positions - sites.positions[50], axis=1)))] = sites.positions[50]
    assert different_sites(hopped, clean, sites) == 2


def test_minimisation_by_iteration_is_minimisation(rng: np.random.Generator) -> None:
    start = noisy(fcc(3), 0.2, rng)
    minimised, energies = minimise_by_iteration(start)
    assert energies[0] == pytest.approx(energy_per_atom(start), abs=1e-4)
    assert energies[-1] == pytest.approx(minimise(start)[1], abs=1e-4)
    assert (np.diff(energies) < 1e-6).all()
    assert energy_per_atom(minimised) == pytest.approx(energies[-1], abs=1e-4)


def test_heat_is_that_of_classical_oscillators_and_a_melt_is_none() -> None:
    start = crystal_start(4, 0.0)
    hot, quench = heated(start, 300.0, 1.0)
    expected = 1.5 * BOLTZMANN * 300.0 * 1000  # meV/atom of potential energy
    assert energy_per_atom(hot) - energy_per_atom(quench) == pytest.approx(expected, rel=0.2)
    # It expands: for platinum about 1e-5/K.
    assert 1.001 < hot.cell[0, 0] / relaxed(start).cell[0, 0] < 1.006
    melt, glass = heated(start, 2500.0, 2.0)
    assert labelled_fraction(quench) == 1.0
    assert labelled_fraction(melt) < 0.02
    assert labelled_fraction(glass) < 0.2


def test_a_cascade_has_the_energy_of_its_recoil(tmp_path: Path) -> None:
    run_script("inputs/in.cascade", {"prefix": f"{tmp_path}/", "n": 6, "recoil": 100.0, "ps": 0.2, "warm_ps": 0.4, "observe": 0})
    damaged = read_data(tmp_path / "damaged.data")
    sites = read_data(tmp_path / "sites.data")
    assert len(damaged) == len(sites) == 864
    moving = read_lammps_data(tmp_path / "damaged.data", units="metal", atom_style="atomic")
    energy = moving.get_kinetic_energy() + len(sites) * (energy_per_atom(damaged) - energy_per_atom(sites)) / 1000
    heat = 3 * BOLTZMANN * 300.0 * len(sites)
    assert energy == pytest.approx(heat + 100.0, abs=12.0)
