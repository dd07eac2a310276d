from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import LATTICE_CONSTANT, fcc, noisy
from trainings import recipe, write_crystals

from lammps_heal.errors import HealError
from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.model.model_file import load
from lammps_heal.model.network import HealingNetwork
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.step import displacement
from lammps_heal.step.torchscript import TorchBackend
from lammps_heal.training.stages import Files, train
from lammps_heal.training.start import sizes_of_model, weights_of_model

PLATINUM, COPPER = float(LATTICE_CONSTANT * np.sqrt(0.5)), float(3.615 * np.sqrt(0.5))  # Å, nearest neighbours


def test_the_start_does_to_another_metal_what_the_model_does_scaled_to_it(rng: np.random.Generator) -> None:
    sizes = sizes_of_model("fcc", COPPER)
    network = HealingNetwork(**vars(sizes))
    network.load_state_dict(weights_of_model("fcc", COPPER, sizes.cutoff))
    atoms = noisy(fcc(3, 3.615), 0.1, rng)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, sizes.cutoff)
    moved = displacement(TorchBackend(network), *crystal.open_cluster(atoms.positions), crystal)
    expected = heal(atoms, load("fcc", lattice=3.615), steps=1).positions - atoms.positions
    np.testing.assert_allclose(moved, expected, atol=1e-4)
    assert np.abs(moved).max() > 0.1


def test_another_cutoff_is_refused() -> None:
    with pytest.raises(HealError, match="give the network of the recipe that cutoff"):
        weights_of_model("fcc", PLATINUM, 5.0)


def test_a_training_begins_with_the_weights_of_its_start(tmp_path: Path) -> None:
    sizes = vars(sizes_of_model("fcc", PLATINUM))
    one_step = recipe(write_crystals(tmp_path / "crystals.xyz"), **sizes, steps=1, learning_rate=1e-9, validate_every=1)
    train(replace(one_step, start="fcc"), Files(tmp_path / "weights.pth", tmp_path))
    trained = torch.load(tmp_path / "weights.pth", weights_only=True)
    assert trained["record"]["start"] == "fcc"
    for name, value in weights_of_model("fcc", PLATINUM, sizes["cutoff"]).items():
        torch.testing.assert_close(trained["network"][name], value, atol=1e-6, rtol=1e-6)
