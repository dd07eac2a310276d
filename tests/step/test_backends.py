"""Which backend heals, and that kernel, record and TorchScript agree."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from conftest import MODEL, TOLERANCE, fcc, noisy
from networks import displacements, exported, random_network, write_wrong_tables

import lammps_heal
from lammps_heal.analysis.other_structure import LOOK_STEPS
from lammps_heal.errors import HealError, Interrupted
from lammps_heal.hosts import structure_watch
from lammps_heal.kernel import kernel, library
from lammps_heal.model.model_file import Model, load
from lammps_heal.step import backends
from lammps_heal.step.backends import AGREEMENT, KernelBackend, make_backend, verify
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.step import displacement
from lammps_heal.step.torchscript import TorchBackend

SAME = TOLERANCE[torch.float32]  # Å


@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_all_of_a_step(tmp_path: Path, n_layers: int, rng: np.random.Generator) -> None:
    model, atoms = exported(random_network(n_layers), tmp_path), noisy(fcc(3), 0.2, rng)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, model.cutoff)
    cluster = crystal.open_cluster(atoms.positions)
    by_kernel = displacement(make_backend(model), *cluster, crystal)
    np.testing.assert_allclose(by_kernel, displacements(model, atoms), atol=SAME)
    assert (by_kernel != displacement(make_backend(model, kernel=False), *cluster, crystal)).any()


def test_the_shipped_model_is_the_same_in_kernel_record_and_torchscript(model: Model) -> None:
    differences = dict(verify(model))
    assert set(differences) == {f"kernel, {name}" for name in library.instruction_sets()} | {"TorchScript"}
    assert all(difference < 2 * SAME for difference in differences.values())
    assert differences["TorchScript"] < SAME
    assert dict(verify(model.scaled(3.6)))["TorchScript"] < SAME


def test_the_kernel_heals_where_it_agrees_and_without_torch(model: Model) -> None:
    assert isinstance(make_backend(model), KernelBackend)
    assert isinstance(make_backend(model, kernel=False), TorchBackend)
    program = (
        "import sys, lammps_heal; from ase.build import bulk; "
        "lammps_heal.heal(bulk('Pt', cubic=True) * 3, steps=2); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
    with pytest.raises(HealError, match="threads must be 1 or more, got 0"):
        make_backend(model, threads=0)
    with pytest.raises(HealError, match="device must be cpu or cuda, got tpu"):
        make_backend(model, device="tpu")


@pytest.mark.parametrize("entry", ["radial.f32", "messages.f32", "weight1.f32"])
def test_a_kernel_that_differs_is_not_used(
    tmp_path: Path, model: Model, entry: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "_kernels", {})  # without one of the shipped model, whose weights these are
    different = load(write_wrong_tables(tmp_path / "wrong.pt", model, entry))
    atoms = noisy(fcc(3), 0.1, rng)
    with pytest.warns(UserWarning, match="healing by TorchScript.*the kernel differs by"):
        healed = lammps_heal.heal(atoms, different, 1)
    by_torchscript = lammps_heal.heal(atoms, different, 1, kernel=False).positions
    np.testing.assert_array_equal(healed.positions, by_torchscript)
    # TorchScript itself is right: the weights are the shipped ones.
    np.testing.assert_allclose(by_torchscript, lammps_heal.heal(atoms, model, 1).positions, atol=2 * SAME)


def test_without_the_library_torchscript_heals(model: Model, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    atoms = noisy(fcc(3), 0.1, rng)
    steps = LOOK_STEPS + 1  # the look at the structure needs the library too
    expected = lammps_heal.heal(atoms, model, steps)
    for module in (library, kernel, structure_watch):
        monkeypatch.setattr(module, "library", lambda: None)
    monkeypatch.setattr(backends, "_kernels", {})  # as in a process that has not healed yet
    with pytest.warns(UserWarning, match="healing by TorchScript, some fifty times slower"):
        healed = lammps_heal.heal(atoms, model, steps)
    np.testing.assert_allclose(healed.positions, expected.positions, atol=steps * SAME)


@pytest.mark.parametrize("use_kernel", [True, False])
def test_another_metal_heals_as_platinum_of_its_size(model: Model, use_kernel: bool, rng: np.random.Generator) -> None:
    a = 3.615  # Å, Cu
    scale = a / model.lattice_constant
    platinum = noisy(fcc(4, model.lattice_constant), 0.2, rng)
    copper = platinum.copy()
    copper.symbols[:] = "Cu"
    copper.set_cell(scale * platinum.cell[:], scale_atoms=True)
    copper_model = load(MODEL, lattice=a)
    healed = lammps_heal.heal(copper, copper_model, 3, kernel=use_kernel).positions
    expected = scale * lammps_heal.heal(platinum, model, 3, kernel=use_kernel).positions
    np.testing.assert_allclose(healed, expected, atol=SAME)
    with pytest.raises(HealError, match="Cu is not in the model"):
        lammps_heal.heal(copper, model)
    copper.symbols[3] = "Pt"  # an alloy is healed as one lattice
    np.testing.assert_array_equal(lammps_heal.heal(copper, copper_model, 3, kernel=use_kernel).positions, healed)


def test_the_agreement_asked_for_is_above_rounding() -> None:
    assert SAME < AGREEMENT


def test_an_answer_of_another_shape_is_refused() -> None:
    """numpy would repeat its one row for all atoms."""
    network = random_network(1)
    whole = network.message_layer
    network.message_layer = lambda *arguments: whole(*arguments)[:1]  # type: ignore[method-assign]
    with pytest.raises(HealError, match=r"the network returned \(1, 3\), needed \(32, 3\)"):
        displacements(network, fcc(2))


def test_a_signal_while_torchscript_computes_is_no_failure_of_it() -> None:
    def interrupted(*_: object) -> NoReturn:
        raise Interrupted(signal.SIGINT)

    network = random_network(1)
    network.message_layer = interrupted  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match="ended by SIGINT"):
        displacements(network, fcc(2))
