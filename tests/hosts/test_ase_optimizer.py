"""Healing as an optimiser of ASE; atoms that are held; a line of progress."""

import io
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms, FixedPlane
from conftest import fcc, noisy

import lammps_heal
from lammps_heal.model.model_file import Model


@pytest.fixture
def damaged(rng: np.random.Generator) -> Atoms:
    return noisy(fcc(3), 0.2, rng)


def test_it_moves_atoms_as_heal_moves_a_copy(model: Model, damaged: Atoms) -> None:
    expected = lammps_heal.heal(damaged, model, steps=4)
    healing = lammps_heal.Healing(damaged, model, logfile=None)
    assert not healing.run(fmax=0.0, steps=4)
    assert healing.nsteps == 4
    np.testing.assert_array_equal(damaged.positions, expected.positions)


def test_it_ends_where_no_atom_would_move_farther(model: Model, damaged: Atoms) -> None:
    healing = lammps_heal.Healing(damaged, model, logfile=None)
    assert healing.run(fmax=0.01)
    before = damaged.positions.copy()
    assert 1 < healing.nsteps < 50
    moved = np.linalg.norm(lammps_heal.heal(damaged, model, steps=1).positions - before, axis=1).max()
    assert 0.0 < moved <= 0.01
    assert healing.run(fmax=0.01) and np.array_equal(damaged.positions, before)  # nothing left to do


def test_log_trajectory_and_observers_are_those_of_ase(model: Model, damaged: Atoms, tmp_path: Path) -> None:
    log, seen = io.StringIO(), []
    with lammps_heal.Healing(damaged, model, logfile=log, trajectory=str(tmp_path / "h.traj")) as healing:
        healing.attach(lambda: seen.append(damaged.positions.copy()), interval=2)
        healing.run(fmax=0.0, steps=4)
    lines = log.getvalue().splitlines()
    assert len(lines) == 6 and "fmax (A)" in lines[0] and all(line.startswith("Healing:") for line in lines[1:])
    frames = ase.io.read(tmp_path / "h.traj", index=":")
    assert len(frames) == 5 and len(seen) == 3
    np.testing.assert_allclose(frames[-1].positions, damaged.positions)
    largest = np.linalg.norm(frames[1].positions - frames[0].positions, axis=1).max()
    assert float(lines[1].split()[-1]) == pytest.approx(largest, abs=1e-6)  # of the step to come


def test_one_step_at_a_time_and_atoms_that_an_observer_moves(model: Model, damaged: Atoms) -> None:
    healing = lammps_heal.Healing(damaged, model, logfile=None)
    steps = healing.irun(fmax=0.0, steps=2)
    assert next(steps) is False
    damaged.positions[7] += 0.1
    expected = lammps_heal.heal(damaged, model, steps=1)
    next(steps)
    np.testing.assert_array_equal(damaged.positions, expected.positions)


def test_fixed_atoms_stay_and_others_heal(model: Model, damaged: Atoms) -> None:
    held = damaged.positions[:, 2] < 4.0
    by_mask = lammps_heal.heal(damaged, model, steps=5, mask=~held)
    constrained = damaged.copy()
    constrained.set_constraint(FixAtoms(mask=held))
    healed = lammps_heal.heal(constrained, model, steps=5)
    np.testing.assert_array_equal(healed.positions, by_mask.positions)
    np.testing.assert_array_equal(healed.positions[held], damaged.positions[held])
    assert np.abs(healed.positions - damaged.positions)[~held].max() > 0.1
    constrained_too = constrained.copy()
    lammps_heal.Healing(constrained_too, model, logfile=None).run(fmax=0.0, steps=5)
    np.testing.assert_array_equal(constrained_too.positions, healed.positions)


def test_fixed_atoms_pass_no_messages_as_those_outside_a_group(model: Model, damaged: Atoms) -> None:
    """With all but one held, the one's neighbours have no displacement to tell it of: its own layers act on nothing."""
    mask = np.zeros(len(damaged), bool)
    mask[13] = True
    alone = lammps_heal.heal(damaged, model, steps=1, mask=mask).positions[13]
    together = lammps_heal.heal(damaged, model, steps=1).positions[13]
    assert np.abs(alone - together).max() > 1e-3


def test_other_constraints_are_applied(model: Model, damaged: Atoms) -> None:
    damaged.set_constraint(FixedPlane(range(len(damaged)), (0, 0, 1)))
    healed = lammps_heal.heal(damaged, model, steps=3)
    np.testing.assert_allclose(healed.positions[:, 2], damaged.positions[:, 2], atol=1e-12)
    assert np.abs(healed.positions[:, :2] - damaged.positions[:, :2]).max() > 0.1


@pytest.mark.parametrize("mask", [np.ones(5, bool), np.arange(108)])
def test_a_mask_of_another_kind_is_refused(model: Model, damaged: Atoms, mask: np.ndarray) -> None:
    with pytest.raises(lammps_heal.HealError, match="True or False for each of 108 atoms"):
        lammps_heal.heal(damaged, model, mask=mask)


def test_progress_is_shown_on_request(model: Model, damaged: Atoms, capsys: pytest.CaptureFixture[str]) -> None:
    lammps_heal.heal(damaged, model, steps=2)
    assert capsys.readouterr() == ("", "")
    lammps_heal.heal(damaged, model, steps=2, progress=True)
    shown = capsys.readouterr()
    assert shown.out == "" and "healed 2 of 2 steps [####" in shown.err and shown.err.endswith("]\n")


def test_a_model_by_name_or_path(damaged: Atoms, model: Model) -> None:
    expected = lammps_heal.heal(damaged, model, steps=1).positions
    for name in ("fcc", model.path, str(model.path)):
        np.testing.assert_array_equal(lammps_heal.heal(damaged, name, steps=1).positions, expected)


def test_the_lattice_constant_by_either_name() -> None:
    assert lammps_heal.load(lattice_constant=3.615).lattice_constant == lammps_heal.load(lattice=3.615).lattice_constant == 3.615
