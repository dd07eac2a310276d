"""The compiled kernel against TorchScript's own forward, the reference."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import MODEL, TOLERANCE, fcc, noisy

import lammps_heal
from lammps_heal import healing, kernel_library, model_file
from lammps_heal.errors import HealError
from lammps_heal.healing import PeriodicCrystal, displacement, lengthened
from lammps_heal.kernel import Kernel, usable_kernel
from lammps_heal.model_file import ModelFile
from lammps_heal.neighbours import Neighbourhoods, neighbour_list, neighbours_by_id, periodic_ghosts
from lammps_heal.network import HealingNetwork

SAME = TOLERANCE[torch.float32]  # Å
SHAPES = [(1, 5, 4.0), (4, 16, 5.0), (8, 32, 6.0), (8, 64, 6.5), (12, 64, 6.0), (16, 64, 6.0), (20, 48, 4.5), (32, 20, 5.0)]


def network_of(n_channels: int, n_hidden: int, cutoff: float) -> ModelFile:
    torch.manual_seed(n_channels)
    network = HealingNetwork(cutoff, n_basis=16, n_channels=n_channels, n_hidden=n_hidden)
    with torch.no_grad():
        network.gates[4].weight *= 0.1  # displacements of some tenths of Å, as of a trained network
    return ModelFile(network, ["Pt"], [195.08], 3.92, [3.8, 4.0], [0.01, 0.1], {})


def cluster(atoms: Atoms, cutoff: float) -> tuple[np.ndarray, Neighbourhoods]:
    return PeriodicCrystal(atoms.cell[:], atoms.pbc, cutoff).open_cluster(atoms.positions)


@pytest.mark.parametrize("instruction_set", kernel_library.instruction_sets())
@pytest.mark.parametrize(("n_channels", "n_hidden", "cutoff"), SHAPES)
def test_random_networks(n_channels: int, n_hidden: int, cutoff: float, instruction_set: str, rng: np.random.Generator) -> None:
    model = network_of(n_channels, n_hidden, cutoff)
    atoms = noisy(fcc(3), 0.2, rng)
    del atoms[7]
    expected = displacement(model, *cluster(atoms, cutoff))
    kernel = Kernel(model, instruction_set)
    assert kernel.instruction_set == instruction_set
    scale = max(1.0, float(np.abs(expected).max()))  # Å; untrained networks may move atoms far
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(kernel.displacement(*cluster(atoms, cutoff)), expected, atol=SAME * scale)


@pytest.mark.parametrize("instruction_set", kernel_library.instruction_sets())
def test_the_shipped_model(model: torch.jit.ScriptModule, instruction_set: str, rng: np.random.Generator) -> None:
    for sigma in (0.0, 0.1, 0.3):
        atoms = noisy(fcc(4), sigma, rng)
        expected = displacement(model, *cluster(atoms, model.cutoff))
        answer = Kernel(model, instruction_set).displacement(*cluster(atoms, model.cutoff))
        # TorchScript itself is that far from float64.
        np.testing.assert_allclose(answer, expected, atol=2 * SAME)
        assert np.abs(answer - expected).mean() < 0.2 * SAME


@pytest.mark.parametrize("n", [1, 25, 1000])
def test_any_number_of_threads_gives_the_same_bits(model: torch.jit.ScriptModule, n: int, rng: np.random.Generator) -> None:
    positions, listed = cluster(noisy(fcc(7), 0.2, rng), model.cutoff)
    some = Neighbourhoods(listed.centres[:n], listed.first[: n + 1], listed.neighbours)
    kernel = Kernel(model)
    answers = [kernel.displacement(positions, some, threads) for threads in (1, 2, 3)]
    np.testing.assert_array_equal(answers[1], answers[0])
    np.testing.assert_array_equal(answers[2], answers[0])
    # Nor does an atom's answer depend on the others of its block.
    np.testing.assert_array_equal(kernel.displacement(positions, listed)[:n], answers[0])


def test_atoms_without_neighbours_and_no_atoms_at_all(model: torch.jit.ScriptModule) -> None:
    far = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [52.5, 0.5, 0.0]])
    listed = neighbours_by_id(far, np.arange(3), 3, model.cutoff)
    assert listed.first.tolist() == [0, 0, 1, 2]
    answer = Kernel(model).displacement(far, listed)
    np.testing.assert_array_equal(answer[0], 0.0)
    np.testing.assert_allclose(answer, displacement(model, far, listed), atol=SAME)
    nothing = neighbours_by_id(far, np.arange(3), 0, model.cutoff)
    assert Kernel(model).displacement(far, nothing).shape == (0, 3)


def test_many_neighbours(model: torch.jit.ScriptModule, rng: np.random.Generator) -> None:
    """More than the kernel takes at once."""
    dense = noisy(fcc(4, 3.0), 0.02, rng)
    positions, listed = cluster(dense, model.cutoff)
    inside = neighbour_list(positions, len(dense), model.cutoff)
    assert np.diff(inside.first).min() > 128
    expected = displacement(model, positions, listed)
    # So many terms, so far from what it was trained on, cost both of them a digit.
    np.testing.assert_allclose(Kernel(model).displacement(positions, listed), expected, atol=10 * SAME)


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("pbc", [True, False])
def test_the_library_lists_the_same_neighbours_as_scipy(n: int, pbc: bool, rng: np.random.Generator) -> None:
    atoms = noisy(fcc(n), 0.3, rng)
    atoms.pbc = pbc
    rows = rng.permutation(len(atoms))
    owned = atoms.positions[rows]
    ghosts = periodic_ghosts(owned, atoms.cell[:], atoms.pbc, 6.0)
    positions, ids = ghosts.positions(owned), np.concatenate([rows, rows[ghosts.ghost_owner]]) * 1000
    found = neighbours_by_id(positions, ids, len(atoms), 6.0)
    expected = neighbour_list(positions, len(atoms), 6.0).in_order_of_ids(ids, positions).in_order_of_rows()
    np.testing.assert_array_equal(found.first, expected.first)
    np.testing.assert_array_equal(found.neighbours, expected.neighbours)


def test_two_atoms_on_one_spot_are_named_by_place(model: torch.jit.ScriptModule) -> None:
    positions = np.array([[9.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.02]])
    listed = neighbours_by_id(positions, np.arange(3), 3, model.cutoff)
    with pytest.raises(HealError, match=r"one spot, at \(1\.000, 2\.000, 3\.0.*0\.02 Å apart: delete one"):
        Kernel(model).displacement(positions, listed)


class WrongTables(HealingNetwork):
    """What it tells a kernel of its radial functions is not what its own forward uses."""

    @torch.jit.export
    def radial_functions(self, d: torch.Tensor) -> torch.Tensor:
        basis = torch.exp(-torch.exp(self.basis_log_width) * (d.unsqueeze(-1) - self.basis_centres) ** 2)
        # forward asks for (centres, neighbours), a kernel for one row of distances.
        error = 1.0 if d.dim() == 2 else 1.01
        return (basis @ self.radial_weights) * self.envelope(d).unsqueeze(-1) * error


def write_wrong_tables(path: Path, shipped: torch.jit.ScriptModule) -> Path:
    weights = shipped.network.state_dict()
    n_basis, n_columns = weights["radial_weights"].shape
    n_hidden = len(weights["gates.0.bias"])
    network = WrongTables(shipped.network.cutoff, n_basis, n_columns // 8, n_hidden)
    network.load_state_dict(weights)
    model_file.export(ModelFile(network, ["Pt"], [195.084], 3.92, [3.8, 4.0], [0.0, 0.1], {}), path)
    return path


def test_a_kernel_that_differs_is_not_used(tmp_path: Path, model: torch.jit.ScriptModule, rng: np.random.Generator) -> None:
    wrong = model_file.load(write_wrong_tables(tmp_path / "wrong.pt", model))
    atoms = noisy(fcc(3), 0.1, rng)
    with pytest.warns(UserWarning, match="healing by TorchScript.*differs from TorchScript by"):
        healed = lammps_heal.heal(atoms, wrong, 1)
    np.testing.assert_array_equal(healed.positions, lammps_heal.heal(atoms, wrong, 1, kernel="torchscript").positions)


def test_without_the_library_torchscript_heals(
    model: torch.jit.ScriptModule, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    atoms = noisy(fcc(3), 0.1, rng)
    expected = lammps_heal.heal(atoms, model, 2)
    for module in (kernel_library, lammps_heal.kernel):
        monkeypatch.setattr(module, "library", lambda: None)
    monkeypatch.setattr(healing, "_kernels", {})  # as in a process that has not healed yet
    with pytest.warns(UserWarning, match="healing by TorchScript, which is slower"):
        healed = lammps_heal.heal(atoms, model, 2)
    np.testing.assert_allclose(healed.positions, expected.positions, atol=2 * SAME)


def test_the_kernel_is_used_where_it_agrees(model: torch.jit.ScriptModule) -> None:
    assert usable_kernel(model, displacement) is not None
    with pytest.raises(HealError, match="kernel must be one of auto, torchscript, got fast"):
        healing.fastest_displacement(model, "fast")
    with pytest.raises(HealError, match="threads must be 1 or more, got 0"):
        healing.fastest_displacement(model, threads=0)
    with pytest.raises(HealError, match='no instruction set "mmx"'):
        Kernel(model, "mmx")


@pytest.mark.parametrize("kernel", healing.KERNELS)
def test_another_metal_heals_as_platinum_of_its_size(
    model: torch.jit.ScriptModule, kernel: str, rng: np.random.Generator
) -> None:
    a = 3.615  # Å, Cu
    copper_model = model_file.load(MODEL, lattice_constant=a)
    scale = a / model.lattice_constant
    assert copper_model.cutoff == pytest.approx(scale * model.cutoff)
    platinum = noisy(fcc(4, model.lattice_constant), 0.2, rng)
    copper = platinum.copy()
    copper.symbols[:] = "Cu"
    copper.set_cell(scale * platinum.cell[:], scale_atoms=True)
    healed = lammps_heal.heal(copper, copper_model, 3, kernel=kernel).positions
    expected = scale * lammps_heal.heal(platinum, model, 3, kernel=kernel).positions
    np.testing.assert_allclose(healed, expected, atol=SAME)
    with pytest.raises(HealError, match="Cu is not in the model"):
        lammps_heal.heal(copper, model)
    copper.symbols[3] = "Pt"
    with pytest.raises(HealError, match="heals one element, got Cu, Pt"):
        lammps_heal.heal(copper, copper_model)
    with pytest.raises(HealError, match="above 0 Å, got -1"):
        model_file.load(MODEL, lattice_constant=-1.0)


def test_over_long_steps_spare_long_displacements() -> None:
    moves = np.array([[0.0, 0.0, 0.0], [0.03, 0.0, 0.04], [0.0, 0.025, 0.0], [0.3, 0.0, 0.0]])
    schedule = [1.0, 3.0]
    for step in (1, 3, 5):
        np.testing.assert_array_equal(lengthened(moves, step, schedule, 0.05), moves)
    for step in (2, 4):
        expected = moves * np.array([3.0, 1.0, 1.0 + 2.0 * 0.75, 1.0])[:, None]
        np.testing.assert_allclose(lengthened(moves, step, schedule, 0.05), expected, atol=1e-15)


def with_schedule(path: Path, shipped: torch.jit.ScriptModule, schedule: list[float]) -> Path:
    """The shipped weights with other step lengths."""
    weights = shipped.network.state_dict()
    n_basis, n_columns = weights["radial_weights"].shape
    network = HealingNetwork(shipped.network.cutoff, n_basis, n_columns // 8, len(weights["gates.0.bias"]))
    network.switch_on = getattr(shipped.network, "switch_on", 0.0)
    network.load_state_dict(weights)
    model_file.export(ModelFile(network, ["Pt"], [195.084], shipped.lattice_constant, [3.8, 4.0], [0.0, 0.1], {}, schedule), path)
    return path


def test_healing_goes_on_where_it_ended(tmp_path: Path, model: torch.jit.ScriptModule, rng: np.random.Generator) -> None:
    scheduled = model_file.load(with_schedule(tmp_path / "scheduled.pt", model, [1.0, 1.0, 2.0]))
    atoms = noisy(fcc(3), 0.05, rng)
    whole = lammps_heal.heal(atoms, scheduled, 7)
    parts = lammps_heal.heal(lammps_heal.heal(atoms, scheduled, 2), scheduled, 5, first_step=3)
    np.testing.assert_allclose(parts.positions, whole.positions, atol=SAME)
    assert np.abs(lammps_heal.heal(atoms, model, 7).positions - whole.positions).max() > 10 * SAME
