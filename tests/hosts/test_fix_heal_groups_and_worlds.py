"""fix heal with changing groups, other fixes of its kind, rerun, minimize, partitions, instances, communicators, suffixes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from conftest import BIN, MODEL, fcc, noisy
from fix_heal_runs import SAME, failing
from lammps_runs import DUMP, EAM, crystal, heal, lmp
from reference_steps import (
    DISPLACEMENT,
    SEEN,
    dumped_runs,
    frames,
    require_reference_observation,
    require_reference_steps,
)
from scipy.spatial import cKDTree

import lammps_heal
from lammps_heal.hosts.runs import Finished, lmp_command, program
from lammps_heal.hosts.runs import run as run_program
from lammps_heal.model.model_file import Model

pytestmark = pytest.mark.lammps

FIX = "fix heal all heal {model}\n"
TIME_LIMIT = 120.0  # s


def script(*parts: str, columns: str = DISPLACEMENT) -> str:
    return "\n".join(dumped_runs(parts, "heal", columns)) + "\n"


# --- groups


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_group_that_changes_between_runs(tmp_path: Path, damaged: Atoms, model: Model, ranks: int) -> None:
    of_group = FIX.replace("heal all", "heal some")
    first, second = "group some id 1:100\n" + of_group + "run 2", "group some clear\ngroup some id 80:200\nrun 2"
    heal(tmp_path, damaged, script(first, second), ranks=ranks)
    require_reference_steps(tmp_path / "heal.0", model, lambda ids, _: ids <= 100)
    require_reference_steps(tmp_path / "heal.1", model, lambda ids, _: (ids >= 80) & (ids <= 200))


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_dynamic_group(tmp_path: Path, damaged: Atoms, model: Model, ranks: int) -> None:
    group = "region middle block INF INF INF INF 4 9 units box\ngroup some dynamic all region middle every 1\n"
    heal(tmp_path, damaged, script(group + FIX.replace("heal all", "heal some") + "run 4"), ranks=ranks)
    require_reference_steps(
        tmp_path / "heal.0", model, lambda _, atoms: (atoms.positions[:, 2] >= 4) & (atoms.positions[:, 2] <= 9)
    )


# --- other fixes of its kind


def test_one_heals_and_two_observe(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    """Each copy is healed from where the first fix has brought the atoms."""
    observers = "fix seen all heal {model} observe\nfix late all heal {model} every 2 observe 6\n"
    dumps = "".join(
        f"dump {fix} all custom 2 {fix}.dump id xu yu zu {SEEN.replace('heal', fix)}\ndump_modify {fix} format float %.17g\n"
        for fix in ("seen", "late")
    )
    heal(tmp_path, damaged, script(FIX + observers + dumps + "run 4"))
    require_reference_steps(tmp_path / "heal.0", model)
    for fix, steps in (("seen", 3), ("late", 6)):
        for frame in frames(tmp_path / f"{fix}.dump"):
            require_reference_observation(frame, model, steps)


# --- rerun and minimize


def test_rerun_heals_nothing_and_observes_each_frame(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    """As the manual's way to observe a stored trajectory inside LAMMPS."""
    hot = EAM + "velocity all create 2000.0 87287 loop all\nfix md all nve\n"
    stored = "dump all all custom 5 all.dump id xu yu zu\ndump_modify all format float %.17g\nrun 10\n"
    heal(tmp_path, damaged, hot + stored)
    energies = "thermo 5\nthermo_style custom step pe\nthermo_modify format float %.15g\n"
    rerun = "rerun all.dump dump x y z box yes wrapped no\n"
    plain = heal(tmp_path, damaged, EAM + energies + rerun).thermo()["PotEng"]
    observe = "fix seen all heal {model} every 5 observe\n"
    watch = f"dump seen all custom 5 seen.dump id xu yu zu {SEEN.replace('heal', 'seen')}\ndump_modify seen format float %.17g\n"
    done = heal(tmp_path, damaged, EAM + FIX + observe + energies + watch + rerun)
    np.testing.assert_array_equal(done.thermo()["PotEng"], plain)
    seen = frames(tmp_path / "seen.dump")
    assert [frame.step for frame in seen] == [0, 5, 10]
    for frame in seen:
        require_reference_observation(frame, model)


def test_minimize_is_the_same_with_and_without(tmp_path: Path, damaged: Atoms) -> None:
    ends = {}
    for name, fixes in {"plain": "", "heal": FIX, "observe": FIX.replace("\n", " observe\n")}.items():
        heal(tmp_path, damaged, EAM + fixes + "min_style cg\n" + DUMP + "minimize 0 0 5 20\n")
        ends[name] = (tmp_path / "all.dump").read_bytes()
    assert ends["heal"] == ends["observe"] == ends["plain"]


# --- what LAMMPS refuses itself


def test_replicate_with_the_fix_there_is_refused(tmp_path: Path, damaged: Atoms) -> None:
    assert "Cannot replicate" in failing(tmp_path, crystal(tmp_path, damaged) + FIX + "replicate 2 1 1")


# --- atoms without ids


@pytest.mark.mpi
def test_atoms_without_ids_heal_as_those_with(tmp_path: Path) -> None:
    """In another order, which the last digits of float32 sums depend on."""
    ends = {}
    for modify in ("yes", "no"):
        made = (
            f"units metal\natom_modify id {modify}\nlattice fcc 3.92\nregion box block 0 4 0 4 0 4\ncreate_box 1 box\n"
            "create_atoms 1 box\nmass 1 195.084\ndisplace_atoms all random 0.2 0.2 0.2 4711\n" + FIX
        )
        dump = "dump all all custom 4 all.dump type x y z\ndump_modify all format float %.17g\nrun 4\n"
        for ranks in (1, 2):
            done = lmp(tmp_path, (made + dump).format(model=MODEL), ranks)
            assert done.exit_code == 0, done.output
            rows = (tmp_path / "all.dump").read_text().split("ITEM: ATOMS")[-1].splitlines()[1:]
            ends[modify, ranks] = np.array([row.split()[1:] for row in rows], float) % 15.68
    tree = cKDTree(ends["yes", 1], boxsize=15.68)
    for end in ends.values():
        assert len(np.unique(tree.query(end)[1])) == len(end) == 256
        assert tree.query(end)[0].max() < 2 * SAME


# --- partitions, instances, communicators, suffixes


def partitions(folder: Path, text: str, *layout: str) -> Finished:
    (folder / "in.test").write_text(text)
    words = [program("mpirun"), "-np", "2", *lmp_command("in.test"), "-partition", *layout]
    done = run_program(words, folder, None, TIME_LIMIT)
    assert done.seconds < TIME_LIMIT, done.output
    return done


@pytest.mark.mpi
def test_partitions_heal_each_their_own(tmp_path: Path, damaged: Atoms, rng: np.random.Generator, model: Model) -> None:
    other = noisy(fcc(4), 0.1, rng)
    names = []
    for name, atoms in (("first", damaged), ("second", other)):
        crystal(tmp_path, atoms)
        (tmp_path / "crystal.data").rename(tmp_path / f"{name}.data")
        names.append(name)
    text = "variable name world first second\n" + crystal(tmp_path, damaged).replace("crystal.data", "${name}.data")
    text += script(FIX + "run 3").replace("heal.0", "${name}.dump")
    done = partitions(tmp_path, text.replace("{model}", str(MODEL)), "2x1")
    assert done.exit_code == 0, done.output
    for name in names:
        require_reference_steps(tmp_path / f"{name}.dump", model)


@pytest.mark.mpi
def test_a_failure_in_one_partition_ends_all(tmp_path: Path, damaged: Atoms) -> None:
    text = "variable model world fcc none.pt\n" + crystal(tmp_path, damaged) + "fix heal all heal ${model}\nrun 100000\n"
    done = partitions(tmp_path, text, "2x1")
    assert done.exit_code != 0
    assert (tmp_path / "screen.1").read_text().count('there is no model "none.pt"') == 1


# Two crystals, each of its own LAMMPS; both in one process, or on communicators that are parts of the world.
WORLDS = """
import sys
from mpi4py import MPI
from lammps import lammps
from lammps_heal.hosts.fix_external import attach
from lammps_heal.hosts.lammps_healer import LammpsHealer, load_on_all_ranks
from lammps_heal.step.ranks import Ranks

def start(name, comm, host):
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"], comm=comm)
    lmp.commands_string(open(name + ".in").read())
    callback = None
    if host == "fix":
        lmp.command("fix heal all heal fcc")
    else:
        ranks = Ranks(comm)
        callback = attach(lmp, LammpsHealer(lmp, load_on_all_ranks("fcc", ranks), ranks))
    lmp.command(f"dump all all custom 1 {name}.dump id xu yu zu")
    lmp.command("dump_modify all format float %.17g")
    return lmp, callback

def run(started):
    started[0].command("run 1")
    if started[1]:
        started[1].raise_error()

if sys.argv[1] == "instances":
    first, second = start("first", MPI.COMM_SELF, sys.argv[2]), start("second", MPI.COMM_SELF, "fix")
    for _ in range(3):
        run(first)
        run(second)
    first[0].close()
    run(second)
    second[0].close()
else:
    world = MPI.COMM_WORLD
    is_first = world.rank != 1  # one of them has ranks that are no neighbours in the world
    mine = start("first" if is_first else "second", world.Split(is_first), sys.argv[2])
    for _ in range(3 if is_first else 4):
        run(mine)
    mine[0].close()
"""


@pytest.mark.mpi
@pytest.mark.parametrize("host", ["fix", "callback"])
@pytest.mark.parametrize("worlds, ranks", [("instances", 1), ("communicators", 3)])
def test_two_lammps_at_once(
    tmp_path: Path, damaged: Atoms, rng: np.random.Generator, model: Model, worlds: str, ranks: int, host: str
) -> None:
    """Pair style eam: with eam/opt LAMMPS itself crashes when the second of two instances in a process is closed."""
    crystals = {"first": (damaged, 3), "second": (noisy(fcc(4), 0.1, rng), 4)}
    for name, (atoms, _) in crystals.items():
        text = crystal(tmp_path, atoms).replace("crystal.data", f"{name}.data") + EAM + "timestep 0.001\n"
        (tmp_path / "crystal.data").rename(tmp_path / f"{name}.data")
        (tmp_path / f"{name}.in").write_text(text)
    words = [BIN / "mpirun", "-np", str(ranks), sys.executable, "-c", WORLDS, worlds, host]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=TIME_LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, (atoms, n_steps) in crystals.items():
        found = frames(tmp_path / f"{name}.dump")
        assert [frame.step for frame in found][-1] == n_steps
        expected = lammps_heal.heal(atoms, model, steps=n_steps).positions
        np.testing.assert_allclose(found[-1].atoms.positions, expected, rtol=0.0, atol=SAME)


@pytest.mark.parametrize("suffix", [["-sf", "opt"], ["-sf", "omp", "-pk", "omp", "2"], ["-sf", "hybrid", "omp", "opt"]])
@pytest.mark.parametrize("newton", ["on", "off"])
def test_suffixes(tmp_path: Path, damaged: Atoms, model: Model, suffix: list[str], newton: str) -> None:
    """Of other styles; the wheel's lmp has none of KOKKOS, GPU or INTEL."""
    text = crystal(tmp_path, damaged, f"newton {newton}") + EAM + script(FIX + "fix seen all heal {model} observe 1\nrun 3")
    (tmp_path / "in.test").write_text(text.replace("{model}", str(MODEL)))
    done = run_program([*lmp_command("in.test"), *suffix], tmp_path, None, TIME_LIMIT)
    assert done.exit_code == 0, done.output
    assert f"pair eam/{suffix[-1] if 'hybrid' not in suffix else 'omp'}".replace("/2", "/omp") in done.output
    require_reference_steps(tmp_path / "heal.0", model)
