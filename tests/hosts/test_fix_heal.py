"""fix heal in the stock lmp, serial and under mpirun: what it does to a crystal."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from conftest import MODEL, fcc, noisy
from fix_heal_runs import HEAL, SAME
from lammps_runs import DUMP, DUMP_WITH_DISPLACEMENT, EAM, crystal, heal, lmp, triclinic
from networks import random_network, step_of_group, trained

import lammps_heal
from lammps_heal.model.export import export
from lammps_heal.model.model_file import Model, load

pytestmark = pytest.mark.lammps


def python_displacement(model: Model, atoms: Atoms) -> np.ndarray:
    """One step of the host without LAMMPS, (n_atoms, 3) Å."""
    return lammps_heal.heal(atoms, model, steps=1).positions - atoms.positions


def at(atoms: Atoms, positions: np.ndarray) -> Atoms:
    moved = atoms.copy()
    moved.positions = positions
    return moved


def test_run_n_moves_n_times_as_the_host_without_lammps_does(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    frames = heal(tmp_path, damaged, HEAL + "run 3").dump("all.dump")
    assert sorted(frames) == [0, 1, 2, 3]
    for n, frame in frames.items():
        expected = lammps_heal.heal(damaged, model, steps=n).positions
        # The dump unwraps from the box; the data file's atoms may lie outside of it.
        np.testing.assert_allclose(frame[:, :3], expected, atol=SAME)


def test_run_0_moves_nothing_and_outputs_are_zero_before_the_first_step(tmp_path: Path, damaged: Atoms) -> None:
    done = heal(tmp_path, damaged, HEAL + "run 0")
    frame = done.dump("all.dump")[0]
    np.testing.assert_array_equal(frame[:, 3:], 0.0)
    np.testing.assert_allclose(frame[:, :3], damaged.positions, atol=1e-10)
    assert done.thermo()["f_heal"] == [0.0]


def test_runs_in_a_row_unfix_clear_and_reset_timestep(tmp_path: Path, damaged: Atoms) -> None:
    whole = heal(tmp_path, damaged, HEAL + "run 4").dump("all.dump")[4]
    parts = heal(
        tmp_path,
        damaged,
        "fix heal all heal {model}\nthermo 1\nrun 1\nrun 1 pre no\nreset_timestep 70\nunfix heal\n"
        "fix nothing all nve/noforce\nrun 2\nunfix nothing\nfix heal all heal {model}\nrun 0\nrun 1 post no\n"
        + DUMP_WITH_DISPLACEMENT
        + "run 1",
    ).dump("all.dump")
    np.testing.assert_allclose(parts[73][:, :3], parts[74][:, :3] - parts[74][:, 3:6], atol=1e-12)
    np.testing.assert_allclose(parts[74][:, :3], whole[:, :3], atol=SAME)

    script = crystal(tmp_path, damaged) + HEAL + "run 4\n"
    done = lmp(tmp_path, (script + "clear\n" + script).format(model=MODEL))
    assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(done.dump("all.dump")[4], whole)


def test_energy_of_a_step_belongs_to_its_dumped_positions(tmp_path: Path, damaged: Atoms) -> None:
    done = heal(tmp_path, damaged, EAM + HEAL + "run 5")
    again = heal(
        tmp_path,
        damaged,
        EAM
        + "thermo 1\nthermo_style custom step pe\nthermo_modify format float %.12g\n"
        + "rerun all.dump dump x y z box no wrapped no",
    )
    energies = done.thermo()["PotEng"]
    np.testing.assert_allclose(energies, again.thermo()["PotEng"], rtol=1e-9)
    assert energies[0] > energies[-1] + 1.0


@pytest.mark.mpi
@pytest.mark.parametrize("ranks, grid", [(2, "* * *"), (3, "* * *"), (4, "1 2 2"), (4, "4 1 1"), (8, "1 2 4")])
def test_ranks_agree_by_atom_id(tmp_path: Path, slab: Atoms, ranks: int, grid: str) -> None:
    serial = heal(tmp_path, slab, HEAL + "run 10").dump("all.dump")[10]
    parallel = heal(tmp_path, slab, HEAL + "run 10", f"processors {grid}", ranks)
    np.testing.assert_allclose(parallel.dump("all.dump")[10], serial, atol=SAME)
    if ranks == 8:
        assert " 0 min" in next(line for line in parallel.output.splitlines() if line.startswith("Nlocal:"))


@pytest.mark.mpi
def test_balanced_bricks_and_tiles_agree_by_atom_id(tmp_path: Path, slab: Atoms) -> None:
    serial = heal(tmp_path, slab, HEAL + "run 5").dump("all.dump")[5]
    for style in ("balance 1.0 shift z 5 1.0\n", "comm_style tiled\nbalance 1.0 rcb\n"):
        parallel = heal(tmp_path, slab, style + HEAL + "run 5", ranks=3).dump("all.dump")[5]
        np.testing.assert_allclose(parallel, serial, atol=SAME)


@pytest.mark.mpi
def test_triclinic_box(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    tilted = triclinic(damaged)
    expected = lammps_heal.heal(tilted, model, steps=5).positions
    for ranks in (1, 4):
        frame = heal(tmp_path, tilted, HEAL + "run 5", ranks=ranks).dump("all.dump")[5]
        np.testing.assert_allclose(frame[:, :3], expected, atol=SAME)


def test_box_smaller_than_the_cutoff(tmp_path: Path, rng: np.random.Generator, model: Model) -> None:
    atoms = noisy(fcc(1).repeat((1, 1, 2)), 0.1, rng)
    frame = heal(tmp_path, atoms, HEAL + "run 3").dump("all.dump")[3]
    np.testing.assert_allclose(frame[:, :3], lammps_heal.heal(atoms, model, steps=3).positions, atol=SAME)


@pytest.mark.parametrize(
    "before_box, commands",
    [
        ("", EAM),
        ("newton off", EAM),
        ("newton off", ""),
        ("", "pair_style zero 9.0\npair_coeff * *\n"),
        ("", "pair_style zero 4.0 full\npair_coeff * *\n"),
        ("", "neighbor 0.3 bin\nneigh_modify every 1 delay 0 check no\n"),
        ("", "neighbor 1.0 nsq\nneigh_modify delay 10 every 5 check yes\n"),
        ("", "neigh_modify once yes\n"),
        ("", "comm_modify cutoff 3.0\n"),
        ("", "atom_modify sort 1 3.0\n"),
        ("", "neigh_modify exclude type 1 1\n"),
        ("", "neighbor 2.0 multi\n"),
    ],
)
def test_settings_that_must_not_matter(tmp_path: Path, damaged: Atoms, before_box: str, commands: str) -> None:
    expected = heal(tmp_path, damaged, HEAL + "run 4").dump("all.dump")[4]
    frame = heal(tmp_path, damaged, commands + HEAL + "run 4", before_box).dump("all.dump")[4]
    np.testing.assert_allclose(frame, expected, atol=SAME)


@pytest.mark.mpi
@pytest.mark.parametrize("kernel", ["yes", "no"])
def test_only_the_group_moves(tmp_path: Path, damaged: Atoms, model: Model, kernel: str) -> None:
    commands = "group some id 1:100\n" + HEAL.replace("heal all", "heal some").replace("{model}", "{model} kernel " + kernel)
    moved = np.arange(len(damaged)) < 100
    for ranks in (1, 2, 4):
        frames = heal(tmp_path, damaged, commands + "run 2", ranks=ranks).dump("all.dump")
        for n in (1, 2):
            moves = frames[n][:, :3] - frames[n - 1][:, :3]
            expected = step_of_group(model, at(damaged, frames[n - 1][:, :3]), moved)
            np.testing.assert_allclose(moves[moved], expected[moved], atol=SAME)
            np.testing.assert_array_equal(moves[~moved], 0.0)
            np.testing.assert_array_equal(frames[n][~moved, 3:], 0.0)
    # That the others stay changes the displacements.
    alone = frames[1][:, :3] - frames[0][:, :3]
    assert np.abs(alone - python_displacement(model, damaged))[moved].max() > 0.01


@pytest.mark.mpi
@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_any_number_of_layers(tmp_path: Path, slab: Atoms, n_layers: int) -> None:
    path = tmp_path / "random.pt"
    export(trained(random_network(n_layers)), path)
    expected = lammps_heal.heal(slab, load(path), 3).positions
    some, moved = "group some id 50:150\n", (np.arange(len(slab)) >= 49) & (np.arange(len(slab)) < 150)
    of_group = step_of_group(load(path), slab, moved)
    commands = HEAL.replace("{model}", str(path))
    for ranks in (1, 4):  # of which two own nothing
        frame = heal(tmp_path, slab, commands + "run 3", "processors 1 1 *", ranks).dump("all.dump")[3]
        np.testing.assert_allclose(frame[:, :3], expected, atol=SAME)
        frame = heal(tmp_path, slab, some + commands.replace("heal all", "heal some") + "run 1", "processors 1 1 *", ranks)
        np.testing.assert_allclose(frame.dump("all.dump")[1][:, 3:6], of_group, atol=SAME)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_lists_without_a_skin_miss_nothing(tmp_path: Path, rng: np.random.Generator, ranks: int) -> None:
    """Where steps are longer than the skin, the list is made for the next step alone."""
    atoms = noisy(fcc(5), 0.3, rng)
    done = heal(tmp_path, atoms, "neighbor 0.3 bin\n" + HEAL + "run 6", ranks=ranks)
    frames, largest = done.dump("all.dump"), done.thermo()["f_heal[2]"]
    assert largest[1] > 0.3 > largest[6]  # longer than the skin, then shorter: lists of both kinds
    model = load(MODEL)
    for n in range(1, 7):
        expected = python_displacement(model, at(atoms, frames[n - 1][:, :3]))
        np.testing.assert_allclose(frames[n][:, 3:6], expected, atol=SAME)
    np.testing.assert_allclose(frames[6][:, :3], lammps_heal.heal(atoms, model, 6).positions, atol=SAME)


def test_an_empty_group_moves_nothing(tmp_path: Path, damaged: Atoms) -> None:
    done = heal(tmp_path, damaged, "group none empty\n" + HEAL.replace("heal all", "heal none") + "run 2")
    assert (done.thermo()["f_heal"] == 0.0).all()


def test_longest_step(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    longest = 0.15
    done = heal(tmp_path, damaged, HEAL.replace("{model}", "{model} max 0.15") + "run 1")
    moves = done.dump("all.dump")[1][:, 3:]
    free = python_displacement(model, damaged)
    lengths = np.linalg.norm(free, axis=1)
    too_long = lengths > longest
    np.testing.assert_allclose(moves[:, :3], free * np.minimum(1.0, longest / lengths)[:, None], atol=SAME)
    assert 0 < too_long.sum() < len(damaged)
    assert done.thermo()["f_heal[3]"].tolist() == [0.0, too_long.sum()]
    assert done.thermo()["f_heal[2]"][1] == pytest.approx(longest)


@pytest.mark.mpi
def test_outputs_are_the_moves_after_sorting_and_exchange(tmp_path: Path, damaged: Atoms) -> None:
    done = heal(tmp_path, damaged, "atom_modify sort 1 3.0\nneigh_modify check no\n" + HEAL + "run 4", ranks=2)
    frames, thermo = done.dump("all.dump"), done.thermo()
    for n in range(1, 5):
        moves, lengths = frames[n][:, 3:6], frames[n][:, 6]
        np.testing.assert_allclose(frames[n][:, :3] - frames[n - 1][:, :3], moves, atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(moves, axis=1), lengths, atol=1e-12)
        assert thermo["f_heal"][n] == pytest.approx(np.sqrt((lengths**2).mean()))
        assert thermo["f_heal[2]"][n] == pytest.approx(lengths.max())
        assert thermo["f_heal[4]"][n] == (lengths > 0.01).sum()


def test_outputs_in_other_fixes(tmp_path: Path, damaged: Atoms) -> None:
    done = heal(
        tmp_path,
        damaged,
        HEAL
        + "thermo_modify norm yes\nfix mean all ave/time 1 2 2 f_heal f_heal[1] f_heal[4] file mean.txt\n"
        + "fix atoms all ave/atom 1 2 2 f_heal[4]\ncompute longest all reduce max f_heal[4]\n"
        + "fix longest all ave/time 1 1 1 c_longest file longest.txt\n"
        + "variable largest equal f_heal[2]\nfix healed all halt 1 v_largest < 0.08 error continue\nrun 40",
    )
    thermo = done.thermo()
    largest = thermo["f_heal[2]"]
    assert 2 < len(largest) < 40
    assert (largest[1:-1] >= 0.08).all()
    assert largest[-1] < 0.08
    assert thermo["f_heal[4]"][1] > 200
    rows = np.loadtxt(tmp_path / "mean.txt", ndmin=2)
    np.testing.assert_allclose(rows[0, 1], thermo["f_heal"][1:3].mean(), rtol=1e-4)
    np.testing.assert_allclose(rows[:, 1], rows[:, 2])
    np.testing.assert_allclose(np.loadtxt(tmp_path / "longest.txt")[:, 1], largest, rtol=1e-4)


MD = "velocity all create 1200.0 87287 loop all\n"


def test_every_so_often_in_running_md(tmp_path: Path, damaged: Atoms) -> None:
    nvt = EAM + MD + "fix md all nvt temp 300.0 300.0 0.1\n"
    plain = heal(tmp_path, damaged, nvt + DUMP + "run 12").dump("all.dump")
    done = heal(tmp_path, damaged, nvt + HEAL.replace("{model}", "{model} every 5") + "run 12")
    healed, thermo = done.dump("all.dump"), done.thermo()
    for n in range(5):
        np.testing.assert_allclose(healed[n][:, :3], plain[n], atol=1e-9)
    np.testing.assert_allclose(healed[5][:, :3] - plain[5], healed[5][:, 3:6], atol=1e-9)
    assert thermo["f_heal"][5] > 0.05
    assert [len(set(thermo["f_heal"][block])) for block in (slice(0, 5), slice(5, 10), slice(10, 13))] == [1, 1, 1]
    assert "integrated more than once" not in done.output


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_the_model_sees_where_an_integrator_has_just_moved_all_atoms(
    tmp_path: Path, damaged: Atoms, model: Model, ranks: int
) -> None:
    # 0.001 ps: up to 0.2 Å and more in one step, and ghosts are communicated after it.
    fast = MD.replace("1200.0", "4.0e6")
    frames = heal(tmp_path, damaged, fast + "fix md all nve\n" + HEAL + "run 2", ranks=ranks).dump("all.dump")
    for n in (1, 2):
        integrated = at(damaged, frames[n][:, :3] - frames[n][:, 3:6])
        assert np.abs(integrated.positions - frames[n - 1][:, :3]).max() > 0.2
        np.testing.assert_allclose(frames[n][:, 3:6], python_displacement(model, integrated), atol=SAME)


@pytest.mark.mpi
def test_two_at_once(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    commands = (
        "neighbor 0.3 bin\ngroup a id 1:120\ngroup b subtract all a\nfix a a heal {model}\nfix b b heal {model}\n"
        + DUMP_WITH_DISPLACEMENT.replace("f_heal", "f_b")
        + "run 1\n"
    )
    expected, first = damaged.copy(), np.arange(len(damaged)) < 120
    expected.positions += step_of_group(model, expected, first)
    expected.positions += step_of_group(model, expected, ~first)
    for ranks in (1, 2):
        frame = heal(tmp_path, damaged, commands, ranks=ranks).dump("all.dump")[1]
        np.testing.assert_allclose(frame[:, :3], expected.positions, atol=SAME)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_run_split_by_a_restart_is_the_same_run(tmp_path: Path, damaged: Atoms, ranks: int) -> None:
    whole = heal(tmp_path, damaged, HEAL + "run 16", ranks=ranks).dump("all.dump")
    heal(tmp_path, damaged, "fix heal all heal {model}\nrun 8\nwrite_restart half.restart", ranks=ranks)
    done = lmp(tmp_path, ("read_restart half.restart\n" + HEAL + "run 8").format(model=MODEL), ranks)
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(done.dump("all.dump")[16], whole[16], rtol=0.0, atol=1e-12)


def test_a_perfect_crystal_stays_and_its_list_too(tmp_path: Path) -> None:
    done = heal(tmp_path, fcc(4), HEAL + "run 20")
    assert done.thermo()["f_heal[2]"].max() < 1e-4
    assert "Neighbor list builds = 0" in done.output


def test_large_moves_rebuild_the_list_at_once(tmp_path: Path, damaged: Atoms) -> None:
    done = heal(tmp_path, damaged, "neighbor 0.2 bin\nneigh_modify delay 100\n" + HEAL + "run 1")
    assert "Neighbor list builds = 1" in done.output
    assert "Dangerous builds = 0" in done.output


@pytest.mark.parametrize(
    "commands",
    [
        "mass 1 195.9\nfix heal all heal {model}",
        "mass * 1.0\nfix heal all heal {model} elements Pt Au",
        "mass * 63.5\nlabelmap atom 1 Pt 2 Cu\nfix heal all heal {model}",
        "mass 2 63.5\nfix heal all heal {model}",
    ],
)
def test_elements_of_types(tmp_path: Path, damaged: Atoms, commands: str) -> None:
    done = lmp(tmp_path, crystal(tmp_path, damaged, n_types=2) + (commands + "\nrun 1").format(model=MODEL))
    assert done.exit_code == 0, done.output


def test_memory_is_flat(tmp_path: Path, rng: np.random.Generator) -> None:
    done = heal(
        tmp_path,
        noisy(fcc(2), 0.1, rng),
        "neigh_modify check no\nfix heal all heal {model}\nthermo 1000\nrun 100\ninfo memory\nrun 1900\ninfo memory",
    )
    # The one counts what is allocated, to the byte; the other what the system has given, beginning with the 30 MB of lmp.
    for kind in ("Current reserved memory pool size", "Maximum resident set size"):
        after_100, after_2000 = (float(line.split()[-2]) for line in done.output.splitlines() if line.startswith(kind))
        assert after_2000 - after_100 < 1.0  # MByte; a leaked neighbour list for each step would be 30
