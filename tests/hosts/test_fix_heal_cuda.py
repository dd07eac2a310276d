"""fix heal device cuda by the CUDA kernel, on an emulated card: against the kernel, on ranks, in groups, observing."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from conftest import fcc, noisy
from fix_heal_runs import HEAL, SAME, failing
from lammps_runs import crystal, lmp

pytestmark = pytest.mark.lammps

CUDA = "device cuda"


def healed(folder: Path, atoms: Atoms, commands: str, environment: dict[str, str], ranks: int = 1) -> dict[int, np.ndarray]:
    """Rows of all.dump by timestep."""
    folder.mkdir()
    done = lmp(folder, crystal(folder, atoms) + commands.format(model="fcc"), ranks, environment)
    assert done.exit_code == 0, done.output
    return done.dump("all.dump")


@pytest.mark.mpi
def test_as_the_kernel_and_the_same_bits_on_two_ranks(
    tmp_path: Path, rng: np.random.Generator, fake_cuda: dict[str, str]
) -> None:
    """In steps between which lists are built and atoms change ranks, the first of them kept from the soft floor."""
    damaged = noisy(fcc(4), 0.35, rng)
    del damaged[100]
    commands = HEAL.replace("{model}", "{{model}} {device}") + "run 4"
    on_card = commands.format(device=CUDA)
    found = healed(tmp_path / "card", damaged, on_card, fake_cuda)
    expected = healed(tmp_path / "cpu", damaged, commands.format(device=""), fake_cuda)
    for n, frame in found.items():
        np.testing.assert_allclose(frame, expected[n], atol=2 * SAME)
    assert any(not np.array_equal(frame, expected[n]) for n, frame in found.items())  # by another backend
    on_ranks = healed(tmp_path / "ranks", damaged, on_card, fake_cuda, ranks=2)
    for n, frame in found.items():
        np.testing.assert_array_equal(frame, on_ranks[n])


def test_a_group_and_a_healed_copy(tmp_path: Path, damaged: Atoms, fake_cuda: dict[str, str]) -> None:
    dump = "dump all all custom 1 all.dump id {columns}\ndump_modify all format float %.17g\n"
    group = "group some id 50:120\nfix heal some heal {{model}} {device}\n" + dump.format(columns="xu yu zu") + "run 2"
    columns = " ".join(f"f_heal[{n}]" for n in (1, 2, 3))
    observed = "fix heal all heal {{model}} observe {device}\n" + dump.format(columns=columns) + "run 1"
    for name, commands in (("group", group), ("observed", observed)):
        found = healed(tmp_path / f"{name}-card", damaged, commands.format(device=CUDA), fake_cuda)
        expected = healed(tmp_path / f"{name}-cpu", damaged, commands.format(device=""), fake_cuda)
        assert np.abs(expected[1]).max() > 0.0
        for n, frame in found.items():
            np.testing.assert_allclose(frame, expected[n], atol=2 * SAME)


def test_what_is_missing_is_said_in_one_message(tmp_path: Path, damaged: Atoms, fake_cuda: dict[str, str]) -> None:
    script = crystal(tmp_path, damaged) + "fix heal all heal fcc device cuda\nrun 1"
    said = failing(tmp_path, script, environment={**fake_cuda, "LAMMPS_HEAL_LIBCUDA": "/nowhere/libcuda.so.1"})
    assert "needs libcuda, which does not open (/nowhere/libcuda.so.1" in said and 'or use "device cpu"' in said
    said = failing(tmp_path, script, environment={**fake_cuda, "FAKE_CUDA_BYTES": "10000"})
    assert 'free memory of the device, use more devices, or "device cpu"' in said
