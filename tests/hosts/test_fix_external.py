"""The Python host on real LAMMPS, run in processes of its own: serial, and under mpirun."""

import itertools
import json
import re
import subprocess
from pathlib import Path

import ase.io
import numpy as np
import pytest
from conftest import BIN, MODEL, OVERLAPPING, POTENTIAL, ROOT, fcc, noisy
from networks import random_network, step_of_group, trained

import lammps_heal
from lammps_heal.errors import HealError
from lammps_heal.hosts.fix_external import attach
from lammps_heal.model.export import export
from lammps_heal.model.model_file import Model, load
from lammps_heal.step.crystal import SKIN

pytestmark = pytest.mark.lammps

# Makes a damaged crystal, attaches the host and heals; what differs between tests comes as JSON in argv[1].
PROGRAM = """
import json, sys
import numpy as np
from mpi4py import MPI
from lammps import lammps
from lammps_heal.errors import HealError
from lammps_heal.hosts.fix_external import attach
from lammps_heal.hosts.lammps_healer import LammpsHealer, load_on_all_ranks
from lammps_heal.step.ranks import world

options = json.loads(sys.argv[1])
ranks = world()
lmp = lammps(cmdargs=["-screen", "none", "-log", options["out"] + ".log"], comm=ranks.comm)
try:
    lmp.commands_list(options["before"])
    model = load_on_all_ranks(options["model"], ranks)
    callback = attach(lmp, LammpsHealer(lmp, model, ranks, options.get("max_displacement"), group=options.get("group", "all")),
                      options.get("group", "all"))
    if "break_step" in options:
        # On the last rank, after so many calls: of the whole step, the neighbour list, the displacement or a layer.
        healer, where, n_calls = callback.healer, options["break_in"], 0
        import lammps_heal.hosts.lammps_healer as host
        step, displacement = healer._displacements, host.displacement
        def broken(*arguments):
            global n_calls
            n_calls += 1
            if n_calls <= options["break_step"] or ranks.rank < ranks.size - 1:
                return step() if where in ("step", "position") else displacement(*arguments)
            if where == "position":
                lmp.numpy.extract_atom("x")[3, 1] = np.nan
                return step()
            if where == "layer":
                ghosts, n_layers = arguments[3], [0]
                forward = ghosts.forward
                def broken_forward(v):
                    n_layers[0] += 1
                    if n_layers[0] == 2:
                        raise RuntimeError("broken on purpose")
                    return forward(v)
                ghosts.forward = broken_forward
                return displacement(*arguments)
            raise RuntimeError("broken on purpose")
        if where == "list":
            displacement, host.neighbours_by_id = host.neighbours_by_id, broken
        elif where in ("step", "position"):
            healer._displacements = broken
        else:
            host.displacement = broken
    for command in options["after"]:
        lmp.command(command)
        callback.raise_error()
except HealError as error:
    if ranks.rank == 0:
        print("ERROR:", error, file=sys.stderr)
    sys.exit(1)
"""

# Gaussian damage, and ids in the order of creation on one rank: read from one file by every number of ranks.
CRYSTAL = [
    "units metal",
    "atom_style atomic",
    "atom_modify map array",
    "read_data {data}",
    "timestep 0.001",
    "pair_style eam",
    f"pair_coeff * * {POTENTIAL}",
]
OUTPUT = [
    "dump d all custom 1 {out}.lammpstrj id type x y z ix iy iz",
    "dump_modify d sort id format float %.12f",
    "thermo_modify norm no",
    "thermo_style custom step pe f_heal[1] f_heal[2] f_heal[3] f_heal[4]",
    "thermo_modify format float %.12g",
    "thermo 1",
]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data file of 864 sites, one vacant, sigma 0.25 Å."""
    atoms = noisy(fcc(6), 0.25, np.random.default_rng(8))
    del atoms[100]
    path = tmp_path_factory.mktemp("damaged") / "damaged.data"
    ase.io.write(path, atoms, format="lammps-data", masses=True)
    return path


def heal(
    data: Path, folder: Path, before: list[str] | None = None, after: list[str] | None = None, ranks: int = 1, **options: object
) -> tuple[subprocess.CompletedProcess[str], Path]:
    out = folder / f"out{ranks}"
    lines = [line.format(data=data, out=out) for line in (before if before is not None else CRYSTAL)]
    then = [line.format(data=data, out=out) for line in (after or [*OUTPUT, "run 10"])]
    settings = {"model": str(MODEL), "out": str(out), "before": lines, "after": then, **options}
    command = [str(BIN / "python"), "-c", PROGRAM, json.dumps(settings)]
    if ranks > 1:
        command = [str(BIN / "mpirun"), "-np", str(ranks), *command]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300), out


def frames(out: Path) -> list[np.ndarray]:
    """Unwrapped positions by id of each frame of a cubic box, (n, 3) Å."""
    result, lines = [], Path(f"{out}.lammpstrj").read_text().split("ITEM: TIMESTEP\n")[1:]
    for text in lines:
        rows = text.splitlines()
        bounds = np.array([row.split()[:2] for row in rows[4:7]], float)
        atoms = np.array([row.split() for row in rows[8:]], float)
        result.append(atoms[:, 2:5] + atoms[:, 5:8] * (bounds[:, 1] - bounds[:, 0]))
    return result


def thermo(out: Path) -> list[np.ndarray]:
    """Rows of thermo output, one array for each run."""
    runs: list[list[list[float]]] = []
    reading = False
    for line in Path(f"{out}.log").read_text().splitlines():
        if line.split()[:1] == ["Step"]:
            reading = True
            runs.append([])
        elif line.startswith("Loop time"):
            reading = False
        elif reading:
            runs[-1].append([float(v) for v in line.split()])
    return [np.array(rows) for rows in runs]


def test_n_steps_move_the_atoms_n_times(damaged: Path, tmp_path: Path) -> None:
    done, out = heal(damaged, tmp_path, after=[*OUTPUT, "run 3", "run 2"])
    assert done.returncode == 0, done.stderr
    positions = frames(out)
    assert len(positions) == 6
    assert all(np.abs(after - before).max() > 1e-6 for before, after in itertools.pairwise(positions))
    one_run, out = heal(damaged, tmp_path, after=[*OUTPUT, "run 5"])
    assert one_run.returncode == 0
    np.testing.assert_allclose(frames(out)[-1], positions[-1], atol=1e-5)


def test_frame_thermo_and_energy_belong_to_the_same_positions(damaged: Path, tmp_path: Path) -> None:
    done, out = heal(damaged, tmp_path, after=[*OUTPUT, "run 4"])
    assert done.returncode == 0, done.stderr
    table, positions = thermo(out)[0], frames(out)
    for step in range(5):
        again = [
            *CRYSTAL[:4],
            *CRYSTAL[5:],
            f"read_dump {out}.lammpstrj {step} x y z replace yes",
            "thermo_modify norm no",
            "thermo_style custom step pe",
            "thermo_modify format float %.12g",
            "run 0",
        ]
        script = tmp_path / "energy.in"
        script.write_text("\n".join(again).format(data=damaged, out=out))
        log = tmp_path / f"energy{step}"
        assert subprocess.run([BIN / "lmp", "-in", script, "-screen", "none", "-log", f"{log}.log"]).returncode == 0
        assert thermo(log)[0][0, 1] == pytest.approx(table[step, 1], abs=1e-5)
    for step in range(1, 5):
        lengths = np.linalg.norm(positions[step] - positions[step - 1], axis=1)
        assert table[step, 2] == pytest.approx(np.sqrt((lengths**2).mean()), rel=1e-5)
        assert table[step, 3] == pytest.approx(lengths.max(), rel=1e-5)
        assert table[step, 5] == (lengths > 0.01).sum()


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_any_number_of_ranks_gives_the_same_positions(damaged: Path, tmp_path: Path, ranks: int) -> None:
    last = []
    for n in (1, ranks):
        done, out = heal(damaged, tmp_path, ranks=n)
        assert done.returncode == 0, done.stderr
        last.append(frames(out)[-1])
    np.testing.assert_allclose(last[0], last[1], atol=1e-5)


def test_no_pair_style_is_needed(damaged: Path, tmp_path: Path) -> None:
    last = []
    for before in (CRYSTAL, CRYSTAL[:5]):
        done, out = heal(damaged, tmp_path, before=before)
        assert done.returncode == 0, done.stderr
        last.append(frames(out)[-1])
    np.testing.assert_allclose(last[0], last[1], atol=1e-5)


def test_ghosts_are_found_anew_before_they_reach_too_little(damaged: Path, tmp_path: Path) -> None:
    # Ghosts are one cutoff and the host's own skin deep, whatever skin the user has chosen.
    done, out = heal(damaged, tmp_path, before=[*CRYSTAL[:5], "neighbor 6.0 bin"], after=[*OUTPUT, "run 3"])
    assert done.returncode == 0, done.stderr
    builds = re.search(r"Neighbor list builds = (\d+)", Path(f"{out}.log").read_text())
    assert builds is not None and int(builds[1]) > 0


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_only_atoms_of_the_group_move(damaged: Path, tmp_path: Path, ranks: int, model: Model) -> None:
    some = [*CRYSTAL, "group some id 1:200"]
    done, out = heal(damaged, tmp_path, before=some, group="some", after=[*OUTPUT, "run 2"], ranks=ranks)
    assert done.returncode == 0, done.stderr
    first, second, last = frames(out)
    moved = np.arange(len(first)) < 200
    np.testing.assert_array_equal(last[~moved], first[~moved])
    atoms = ase.io.read(damaged, format="lammps-data")
    atoms.positions = first
    np.testing.assert_allclose(second - first, step_of_group(model, atoms, moved), atol=1e-5)
    everyone = step_of_group(model, atoms, np.ones(len(atoms), bool))
    assert np.abs(second - first - everyone)[moved].max() > 0.01  # atoms that stay send no messages
    # RMS over the group, not over all atoms.
    assert thermo(out)[0][1, 2] == pytest.approx(np.sqrt(((second - first)[moved] ** 2).sum(1).mean()), rel=1e-5)


@pytest.mark.mpi
@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_any_number_of_message_passing_layers(tmp_path: Path, n_layers: int) -> None:
    atoms = noisy(fcc(4), 0.2, np.random.default_rng(9))
    data, path = tmp_path / "noisy.data", tmp_path / "model.pt"
    ase.io.write(data, atoms, format="lammps-data", masses=True)
    export(trained(random_network(n_layers)), path)
    expected = lammps_heal.heal(atoms, load(path), 3, kernel=False).positions
    for ranks in (1, 2):
        done, out = heal(data, tmp_path, model=str(path), after=[*OUTPUT, "run 3"], ranks=ranks)
        assert done.returncode == 0, done.stderr
        np.testing.assert_allclose(frames(out)[-1], expected, atol=2e-5)


def test_the_cap_holds(damaged: Path, tmp_path: Path) -> None:
    done, out = heal(damaged, tmp_path, max_displacement=0.1, after=[*OUTPUT, "run 2"])
    assert done.returncode == 0, done.stderr
    table = thermo(out)[0]
    assert table[1, 3] == pytest.approx(0.1)
    assert table[1, 4] > 100


def one_error(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    assert len(errors) == 1 and message in errors[0], done.stderr


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (["mass 1 63.55"], "type 1 has mass 63.55, the model knows Pt (195.084 g/mol)"),
        (["delete_atoms group all compress no"], "the system has no atoms"),
        (["set atom 7 x 5.0 y 5.0 z 5.0", f"set atom 8 x 5.0 y 5.0 z {5.0 + OVERLAPPING}"], "two atoms overlap"),
    ],
)
def test_bad_input_ends_all_ranks_with_one_message(
    damaged: Path, tmp_path: Path, spoil: list[str], message: str, ranks: int
) -> None:
    done, _ = heal(damaged, tmp_path, before=[*CRYSTAL, *spoil], ranks=ranks)
    one_error(done, message)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_ghosts_that_do_not_reach_are_noticed(damaged: Path, tmp_path: Path, ranks: int, model: Model) -> None:
    done, _ = heal(damaged, tmp_path, before=CRYSTAL[:5], after=["comm_modify cutoff 4.0", "run 2"], ranks=ranks)
    one_error(done, f'add "comm_modify cutoff {model.cutoff + SKIN:g}" before "run"')


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    ("modify", "after", "message"),
    [
        ("id no", [], "atoms have no ids"),
        ("id yes", ["run_style respa 2 2"], "healing works with run_style verlet"),
    ],
)
def test_what_it_cannot_do_right_is_refused(tmp_path: Path, modify: str, after: list[str], message: str, ranks: int) -> None:
    crystal = [
        *f"units metal|atom_style atomic|atom_modify {modify}|lattice fcc 3.92|region b block 0 4 0 4 0 4".split("|"),
        *"create_box 1 b|create_atoms 1 box|mass 1 195.08|timestep 0.001".split("|"),
    ]
    done, _ = heal(tmp_path, tmp_path, before=crystal, after=[*after, "run 10"], ranks=ranks)
    one_error(done, message)


def test_a_second_host_is_refused() -> None:
    """It would take the place of the first, and set the velocities of all atoms."""

    class WithFixes:
        def has_id(self, kind: str, name: str) -> bool:
            return (kind, name) == ("fix", "heal_move")

    with pytest.raises(HealError, match='"unfix heal" and "unfix heal_move" before attach'):
        attach(WithFixes(), None)  # type: ignore[arg-type]


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_ghosts_that_a_script_keeps_too_long_do_not_spoil_a_step(damaged: Path, tmp_path: Path, ranks: int) -> None:
    """With ghosts as of the start of the run it goes on only for as long as they reach."""
    _, out = heal(damaged, tmp_path, ranks=ranks)
    expected = frames(out)
    done, out = heal(damaged, tmp_path, after=["neigh_modify every 50 delay 50 check no", *OUTPUT, "run 10"], ranks=ranks)
    reached = frames(out)
    assert done.returncode == 0 or "keep to" in done.stderr
    np.testing.assert_allclose(reached, expected[: len(reached)], atol=1e-5)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 4])
def test_a_perfect_triclinic_crystal_has_its_ghosts(tmp_path: Path, ranks: int) -> None:
    # Its atoms lie on the faces of the box, where rounding decides on which side.
    crystal = [
        *"units metal|atom_style atomic|lattice fcc 3.92|region b prism 0 4 0 4 0 4 1 -1 1|create_box 1 b".split("|"),
        *"create_atoms 1 box|mass 1 195.08|timestep 0.001".split("|"),
    ]
    done, out = heal(
        tmp_path, tmp_path, before=crystal, after=["thermo_style custom step f_heal[2]", "thermo 1", "run 3"], ranks=ranks
    )
    assert done.returncode == 0, done.stderr
    assert thermo(out)[0][:, 1].max() < 1e-4


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize(("where", "after"), [("step", 3), ("list", 1), ("displacement", 3), ("layer", 3)])
def test_an_exception_in_the_callback_ends_the_run(damaged: Path, tmp_path: Path, where: str, after: int, ranks: int) -> None:
    """On one rank alone; the others wait for what it has to communicate."""
    done, out = heal(damaged, tmp_path, break_step=after, break_in=where, ranks=ranks)
    one_error(done, "unexpected RuntimeError in the healing step: broken on purpose")
    assert len(frames(out)) < 10


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_positions_that_are_not_finite_end_the_run(damaged: Path, tmp_path: Path, ranks: int) -> None:
    done, _ = heal(damaged, tmp_path, break_step=2, break_in="position", ranks=ranks)
    one_error(done, "1 atoms have positions that are not finite")


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_missing_model_file_ends_all_ranks(damaged: Path, tmp_path: Path, ranks: int) -> None:
    done, _ = heal(damaged, tmp_path, model=str(tmp_path / "none.pt"), ranks=ranks)
    one_error(done, "does not exist")
