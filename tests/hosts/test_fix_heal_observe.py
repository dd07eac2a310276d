"""fix heal ... observe: what a healed copy shows of a running simulation, which stays as it is."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from conftest import fcc, noisy
from fix_heal_runs import SAME, failing
from lammps_runs import DUMP, EAM, LammpsRun, crystal, heal, lmp, triclinic
from numpy.typing import NDArray

import lammps_heal
from lammps_heal.analysis.observation import Observation
from lammps_heal.model.model_file import Model, load

pytestmark = pytest.mark.lammps

OBSERVE = "fix seen all heal {model} observe\n"
COLUMNS = "dump seen all custom 1 seen.dump id f_seen[*]\ndump_modify seen format float %.17g\n"
VECTOR = " ".join(f"f_seen[{n}]" for n in range(1, 13))
THERMO = f"thermo 1\nthermo_style custom step f_seen {VECTOR}\nthermo_modify format float %.15g\n"
WATCH = OBSERVE + COLUMNS + THERMO
MD = "velocity all create 1800.0 87287 loop all\ntimestep 0.002\n"


def columns(seen: Observation) -> NDArray[np.float64]:
    """As fix heal orders them."""
    lengths = np.linalg.norm(seen.displacement, axis=1)
    return np.column_stack([seen.positions, lengths, seen.coordination, seen.labels, seen.residual])


def vector(seen: Observation) -> list[float]:
    counts = [seen.count_of_label.get(label, 0) for label in range(1, 8)]
    estimates = [seen.vacancies, seen.interstitials]
    return [seen.rms_displacement, *counts, (~seen.is_regular).sum(), *estimates, seen.is_doubtful.sum()]


def require_same(done: LammpsRun, step: int, seen: Observation) -> None:
    frame = done.dump("seen.dump")[step]
    expected = columns(seen)
    np.testing.assert_allclose(frame, expected, atol=SAME)
    np.testing.assert_array_equal(frame[:, 4:6], expected[:, 4:6])
    row = np.flatnonzero(done.thermo()["Step"] == step)[0]
    counted = [done.thermo()[name][row] for name in VECTOR.split()]
    np.testing.assert_allclose(counted, vector(seen), atol=SAME)
    assert done.thermo()["f_seen"][row] == counted[0]


def test_a_hot_crystal_as_python_sees_it(tmp_path: Path, rng: np.random.Generator, model: Model) -> None:
    hot = noisy(fcc(5), 0.25, rng)
    del hot[[17, 300]]
    seen = lammps_heal.observe(hot, model)
    assert round(seen.vacancies, 6) == 2.0
    require_same(heal(tmp_path, hot, WATCH + "run 0"), 0, seen)


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_any_number_of_steps(tmp_path: Path, damaged: Atoms, model: Model, steps: int) -> None:
    """With noise that lists of the copy do not serve for."""
    wild = noisy(damaged, 0.4, np.random.default_rng(3))
    seen = lammps_heal.observe(wild, model, steps=steps)
    assert np.linalg.norm(seen.displacement, axis=1).max() > 0.9
    require_same(heal(tmp_path, wild, WATCH.replace("observe", f"observe {steps}") + "run 0"), 0, seen)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks, grid", [(2, "* * *"), (3, "* * *"), (4, "1 2 2"), (8, "1 2 4")])
def test_ranks_see_the_same_to_the_last_bit(tmp_path: Path, slab: Atoms, ranks: int, grid: str) -> None:
    serial = heal(tmp_path, slab, WATCH + "run 0")
    expected, counted = serial.dump("seen.dump")[0], serial.thermo()
    parallel = heal(tmp_path, slab, WATCH + "run 0", f"processors {grid}", ranks)
    np.testing.assert_array_equal(parallel.dump("seen.dump")[0], expected)
    for name in VECTOR.split():
        np.testing.assert_allclose(parallel.thermo()[name], counted[name], rtol=1e-12)


@pytest.mark.mpi
def test_tiles_and_balanced_bricks(tmp_path: Path, slab: Atoms) -> None:
    expected = heal(tmp_path, slab, WATCH + "run 0").dump("seen.dump")[0]
    for style in ("balance 1.0 shift z 5 1.0\n", "comm_style tiled\nbalance 1.0 rcb\n"):
        tiled = heal(tmp_path, slab, style + WATCH + "run 0", ranks=3).dump("seen.dump")[0]
        np.testing.assert_allclose(tiled, expected, rtol=0.0, atol=1e-12)  # LAMMPS wraps atoms at other times


@pytest.mark.mpi
def test_triclinic_and_tiny_boxes(tmp_path: Path, damaged: Atoms, rng: np.random.Generator, model: Model) -> None:
    tilted, tiny = triclinic(damaged), noisy(fcc(1).repeat((1, 1, 2)), 0.1, rng)
    for ranks in (1, 4):
        require_same(heal(tmp_path, tilted, WATCH + "run 0", ranks=ranks), 0, lammps_heal.observe(tilted, model))
    require_same(heal(tmp_path, tiny, WATCH + "run 0"), 0, lammps_heal.observe(tiny, model))


@pytest.mark.mpi
def test_atoms_outside_the_group_stay_in_the_copy_too(tmp_path: Path, damaged: Atoms) -> None:
    """As the first step of a fix heal of this group; the others' columns are zero."""
    some = "group some id 1:100\n"
    moved = heal(tmp_path, damaged, some + "fix heal some heal {model}\n" + DUMP + "run 1").dump("all.dump")[1]
    for ranks in (1, 2):
        one_step = WATCH.replace("seen all", "seen some").replace("observe", "observe 1")
        done = heal(tmp_path, damaged, some + one_step + "run 0", ranks=ranks)
        seen = done.dump("seen.dump")[0]
        np.testing.assert_allclose(seen[:, :3], moved[:100], atol=1e-12)
        frame = heal(tmp_path, damaged, some + one_step.replace("dump seen some", "dump seen all") + "run 0", ranks=ranks)
        everything = frame.dump("seen.dump")[0]
        np.testing.assert_array_equal(everything[:100], seen)
        np.testing.assert_array_equal(everything[100:], 0.0)
        assert sum(done.thermo()[f"f_seen[{n}]"][0] for n in range(2, 9)) == 100


def test_another_metal(tmp_path: Path, damaged: Atoms) -> None:
    copper = damaged.copy()
    copper.set_cell(3.615 / 3.92 * damaged.cell[:], scale_atoms=True)
    done = heal(tmp_path, copper, "mass * 63.546\n" + WATCH.replace("{model}", "{model} lattice 3.615") + "run 0")
    copper.symbols[:] = "Cu"
    require_same(done, 0, lammps_heal.observe(copper, load("fcc", lattice=3.615)))


# --- the simulation stays as it is

ENSEMBLES = {
    "nve": "fix md all nve\n",
    "nvt": "fix md all nvt temp 900.0 900.0 0.1\n",
    "langevin": "fix md all nve\nfix bath all langevin 900.0 900.0 0.1 4711\n",
    "npt": "fix md all npt temp 900.0 900.0 0.1 aniso 0.0 0.0 1.0\n",
    "berendsen": "fix md all nvt temp 900.0 900.0 0.1\nfix box all press/berendsen iso 0.0 0.0 0.5\n",
    "deform": "fix md all nve\nfix box all deform 1 x erate 0.5 remap x\n",
    "healing": "fix heal all heal {model} max 0.05\n",
    "respa": "run_style respa 2 2\nfix md all nve\n",
}
EVERYTHING = (
    "dump all all custom 5 all.dump id xu yu zu vx vy vz fx fy fz\ndump_modify all format float %.17g\n"
    "neighbor 0.3 bin\nneigh_modify every 1 delay 0 check yes\nthermo_style custom step pe press\n"
    "thermo 5\nthermo_modify format float %.17g\n"
)


@pytest.mark.mpi
@pytest.mark.parametrize(
    "ensemble, ranks", [*((ensemble, 2) for ensemble in ENSEMBLES), *((name, n) for name in ("nvt", "npt") for n in (1, 4))]
)
def test_trajectories_are_the_same_bits_with_and_without(tmp_path: Path, damaged: Atoms, ensemble: str, ranks: int) -> None:
    script = EAM + MD + ENSEMBLES[ensemble] + EVERYTHING
    plain = heal(tmp_path, damaged, script + "run 30", ranks=ranks)
    trajectory = (tmp_path / "all.dump").read_bytes()
    observed = heal(tmp_path, damaged, script + OBSERVE.replace("heal {model}", "heal {model} every 5") + "run 30", ranks=ranks)
    assert (tmp_path / "all.dump").read_bytes() == trajectory
    for name, values in plain.thermo().items():
        np.testing.assert_array_equal(observed.thermo()[name], values)
    assert builds(observed) == builds(plain) > 0


def builds(done: LammpsRun) -> int:
    """How often LAMMPS made neighbour lists."""
    (line,) = (line for line in done.output.splitlines() if line.startswith("Neighbor list builds"))
    return int(line.split()[-1])


@pytest.mark.mpi
def test_each_frame_belongs_to_its_positions(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    """Unwrapped ones, also of atoms that have left the box."""
    hot = EAM + MD.replace("1800", "9000") + "fix md all nve\n" + DUMP.replace("1 all.dump", "10 all.dump")
    script = hot + WATCH.replace("observe", "every 10 observe").replace("custom 1 seen", "custom 10 seen")
    for ranks in (1, 2):
        done = heal(tmp_path, damaged, script.replace("thermo 1\n", "thermo 10\n") + "run 20", ranks=ranks)
        frames = done.dump("all.dump")
        assert sorted(done.dump("seen.dump")) == [0, 10, 20]
        for step, positions in frames.items():
            now = damaged.copy()
            now.positions = positions
            require_same(done, step, lammps_heal.observe(now, model))


def test_memory_is_flat(tmp_path: Path, rng: np.random.Generator) -> None:
    script = "fix md all nve\n" + OBSERVE + "thermo 1000\nrun 100\ninfo memory\nrun 900\ninfo memory"
    done = heal(tmp_path, noisy(fcc(2), 0.1, rng), script)
    for kind in ("Current reserved memory pool size", "Maximum resident set size"):
        after_100, after_1000 = (float(line.split()[-2]) for line in done.output.splitlines() if line.startswith(kind))
        assert after_1000 - after_100 < 1.0  # MByte


# --- what is refused


@pytest.mark.mpi
@pytest.mark.parametrize(
    "commands, message",
    [
        ("fix seen all heal {model} observe 0", "observe must be 1 or more, got 0"),
        ("fix seen all heal {model} observe every", "Illegal fix heal every command: missing argument(s)"),
        ("mass 1 63.546\nfix seen all heal {model} observe\nrun 1", "the model knows Pt (195.084 g/mol)"),
    ],
)
def test_bad_input(tmp_path: Path, damaged: Atoms, commands: str, message: str) -> None:
    assert message in failing(tmp_path, crystal(tmp_path, damaged) + commands, ranks=2)


def test_atoms_without_ids(tmp_path: Path) -> None:
    script = (
        "units metal\natom_modify id no\nlattice fcc 3.92\nregion box block 0 4 0 4 0 4\ncreate_box 1 box\ncreate_atoms 1 box\n"
        "mass 1 195.084\nfix seen all heal {model} observe\nrun 0"
    )
    assert 'needs atom ids: remove "atom_modify id no"' in failing(tmp_path, script)


def test_a_position_that_is_not_finite(tmp_path: Path, damaged: Atoms) -> None:
    diverging = "group one id 9\nvariable v atom exp(1000)\nvelocity one set v_v 0 0\nfix md all nve\n"
    script = crystal(tmp_path, damaged) + diverging + "fix seen all heal {model} observe\nthermo_modify lost ignore\nrun 1"
    done = lmp(tmp_path, script.format(model="fcc"))
    assert done.exit_code != 0
    assert "is not finite" in done.output or "Non-numeric" in done.output


def test_overlapping_atoms(tmp_path: Path, damaged: Atoms) -> None:
    damaged.positions[7] = damaged.positions[200] + 1e-6
    script = crystal(tmp_path, damaged) + "fix seen all heal {model} observe\nrun 0"
    message = failing(tmp_path, script)
    assert "atom 8 and atom 201 overlap" in message or "atom 201 and atom 8 overlap" in message
