"""Crystals so damaged that the soft floor works in every step: all hosts keep it, and to the same."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from conftest import Run, fcc, noisy
from fix_heal_runs import HEAL, SAME
from lammps_runs import heal

import lammps_heal
from lammps_heal.hosts.floor_of_model import floor_of
from lammps_heal.model.model_file import Model
from lammps_heal.step.backends import make_backend
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.step import cap, displacement

STEPS = 3
LEFT = 0.005  # Å that SWEEPS may leave a pair too near


@pytest.fixture
def crowded(rng: np.random.Generator) -> Atoms:
    """Noise of a quarter of the nearest-neighbour distance: pairs at all distances from 0.3 of it on."""
    return noisy(fcc(4), 0.7, rng)


def newly_near(before: Atoms, after: Atoms, floor: float) -> int:
    """Pairs nearer than the floor that were not so before, or were not as near."""
    least = np.minimum(before.get_all_distances(mic=True), floor)
    return int((after.get_all_distances(mic=True) < least - LEFT).sum() // 2)


def healed(atoms: Atoms, model: Model, steps: int) -> Atoms:
    result: Atoms = lammps_heal.heal(atoms, model, steps=steps)
    return result


def test_no_step_brings_a_pair_below_the_floor(model: Model, crowded: Atoms) -> None:
    floor = floor_of(model)
    crystal = PeriodicCrystal(crowded.cell[:], crowded.pbc, model.cutoff)
    without = crowded.copy()
    v = displacement(make_backend(model), *crystal.open_cluster(crowded.positions), crystal)
    without.positions += cap(v, model.max_displacement)[0]
    assert newly_near(crowded, without, floor) > 3
    for steps in range(STEPS):
        assert newly_near(healed(crowded, model, steps), healed(crowded, model, steps + 1), floor) == 0


@pytest.mark.mpi
@pytest.mark.lammps
def test_fix_heal_on_ranks_and_what_it_observes(tmp_path: Path, model: Model, crowded: Atoms) -> None:
    expected = healed(crowded, model, STEPS).positions
    frames = heal(tmp_path, crowded, HEAL + f"run {STEPS}", ranks=3).dump("all.dump")
    np.testing.assert_allclose(frames[STEPS][:, :3], expected, atol=SAME)
    observing = f"fix heal all heal {{model}} observe {STEPS}\ndump d all custom 1 seen.dump id f_heal[1] f_heal[2] f_heal[3]\n"
    seen = heal(tmp_path, crowded, observing + "dump_modify d sort id format float %.17g\nrun 0").dump("seen.dump")[0]
    np.testing.assert_allclose(seen, expected, atol=SAME)


@pytest.mark.mpi
@pytest.mark.lammps
def test_the_callback(tmp_path: Path, model: Model, crowded: Atoms, run: Run) -> None:
    ase.io.write(tmp_path / "in.data", crowded, format="lammps-data", masses=True)
    out = tmp_path / "out.lammpstrj"
    words = ["lammps-heal", "heal", tmp_path / "in.data", "-o", out, "--host", "python", "--steps", STEPS, "--force"]
    done = run(*words, ranks=2)
    assert done.returncode in (0, 3), done.stderr
    last = ase.io.read(out, index=-1, format="lammps-dump-text")
    moved = last.positions - healed(crowded, model, STEPS).positions
    moved -= np.round(moved / crowded.cell.lengths()) * crowded.cell.lengths()
    np.testing.assert_allclose(moved, 0.0, atol=SAME)


def test_held_atoms_stay_and_others_give_way(model: Model, crowded: Atoms) -> None:
    moving = crowded.positions[:, 0] > 5.0
    once = lammps_heal.heal(crowded, model, steps=1, mask=moving)
    np.testing.assert_array_equal(once.positions[~moving], crowded.positions[~moving])
    assert newly_near(crowded, once, floor_of(model)) == 0
