"""The first and last frame of an observed dump, as the fix judged its atoms; and files that a report cannot be made of."""

import json
import subprocess
from pathlib import Path

import ase.build
import numpy as np
import pytest
from ase import Atoms
from conftest import BIN, Run, fcc, noisy
from lammps_runs import write_data

from lammps_heal.errors import HealError
from lammps_heal.hosts.observed_runs import read_run

COLUMNS = "id type xu yu zu healed_x healed_y healed_z coordination label residual"


@pytest.fixture(scope="module")
def phases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JSON and dump of two frames of fcc on bcc iron, one atom missing in each, seen by the joint model: most are fcc."""
    folder = tmp_path_factory.mktemp("phases")
    rng = np.random.default_rng(5)
    upper = ase.build.bulk("Fe", "bcc", a=2.857, cubic=True).repeat((5, 5, 6))
    lower = ase.build.bulk("Fe", "fcc", a=3.571, cubic=True).repeat((4, 4, 8))
    del upper[151], lower[255]
    upper.positions += [0.0, 0.0, lower.cell[2, 2]]
    both = Atoms(
        "Fe" * (len(lower) + len(upper)),
        np.concatenate([lower.positions, upper.positions]),
        cell=[14.285, 14.285, lower.cell[2, 2] + upper.cell[2, 2]],
        pbc=True,
    )
    frames = [noisy(both, 0.1, rng) for _ in range(2)]
    ase.io.write(folder / "in.extxyz", frames)
    command = [str(BIN / "lammps-heal"), "observe", "in.extxyz", "--model", "metals", "-o", "out.dump", "--json", "counts.json"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "counts.json"


def test_phases_are_judged_each_by_its_own_structure(phases: Path) -> None:
    run = read_run(phases)
    assert run.first is not None and run.last is not None
    counts = [frame["irregular"] for frame in json.loads(phases.read_text())["frames"]]
    assert [int(snapshot.is_irregular.sum()) for snapshot in (run.first, run.last)] == counts
    assert min(run.columns["bcc"]) > 100 and min(run.columns["fcc"]) > 250
    assert run.first.is_regular[run.first.labels == 3].any()


def test_json_that_was_moved_from_its_dump_says_so(phases: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.json"
    moved.write_text(phases.read_text())
    with pytest.raises(HealError, match=r'moved\.json" is of the dump ".*out\.dump", which is not there: .*--dump'):
        read_run(moved)
    found = read_run(moved, phases.parent / "out.dump")
    assert found.last is not None and found.about["dump"].endswith("out.dump") and found.about["atoms"] == "810"


def log_and_dump(folder: Path, fix: str, rows: str) -> tuple[Path, Path]:
    log, dump = folder / "log", folder / "dump"
    log.write_text(f"LAMMPS (22 Jul 2025)\n{fix}\n   Step f_seen[9]\n 0 1\n")
    n_atoms = len(rows.splitlines())
    box = "ITEM: BOX BOUNDS pp pp pp\n0 20\n0 20\n0 20\n"
    dump.write_text(f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n{n_atoms}\n{box}ITEM: ATOMS {COLUMNS}\n{rows}")
    return log, dump


def test_atoms_outside_the_group_are_not_observed(tmp_path: Path) -> None:
    rows = "1 1 5 5 5 5.1 5 5 12 1 0.001\n2 1 9 9 9 0 0 0 0 0 0\n3 1 7 7 7 7 7.1 7 11 5 0.001\n4 1 3 3 3 0 0 0 0 0 0\n"
    run = read_run(*log_and_dump(tmp_path, "fix seen half heal fcc observe 3", rows))
    assert run.first is not None and run.last is None
    assert run.first.is_observed.tolist() == [True, False, True, False]
    assert run.first.is_irregular.tolist() == [False, False, True, False]
    np.testing.assert_allclose(run.first.healed, [[5.1, 5, 5], [9, 9, 9], [7, 7.1, 7], [3, 3, 3]])
    assert run.about["atoms"] == "4"


def test_the_model_of_the_log_decides_what_is_perfect(tmp_path: Path) -> None:
    """Under a model of fcc alone an atom labelled bcc is judged by 12 neighbours, as the fix does."""
    rows = "1 1 5 5 5 5.1 5 5 14 3 0.001\n2 1 9 9 9 9 9 9 12 3 0.001\n"
    for model, irregular in (("fcc", [True, False]), ("metals", [False, True]), ("gone.pt", [False, True])):
        run = read_run(*log_and_dump(tmp_path, f"fix seen all heal {model} observe 3", rows))
        assert run.first is not None and run.first.is_irregular.tolist() == irregular


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1 1 5 5 5 5 5 5 12 9 0.001", "label 9, needed 0 to 7"),
        ("1 1 5 5 5 5 5 x 12 1 0.001", 'line 10: "x"'),
        ("1 1 5 5 5 5 5 5 1.5 1 0.001", "line 10: coordination is 1.5"),
    ],
)
def test_a_dump_of_other_numbers_is_refused(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(HealError, match=said):
        read_run(*log_and_dump(tmp_path, "fix seen all heal fcc observe", f"{row}\n"))


def test_what_is_read_is_not_written_over(phases: Path, run: Run) -> None:
    dump = phases.parent / "out.dump"
    before = dump.read_bytes(), phases.read_bytes()
    for output in (phases, dump):
        done = run("lammps-heal", "report", phases, "-o", output)
        assert done.returncode != 0 and "which is read: name another file" in done.stderr
    assert (dump.read_bytes(), phases.read_bytes()) == before


def test_what_is_left_out_is_said(tmp_path: Path, run: Run) -> None:
    log, page = tmp_path / "log", tmp_path / "page.html"
    log.write_text("   Step vacancies\n 0 1\nLoop time of 1\n   Step PotEng\n 0 -1\n 5 -2\n")
    done = run("lammps-heal", "report", log, "-o", page)
    assert done.returncode == 0 and "left out are timesteps 0 to 5, where nothing was observed" in done.stderr
    assert "left out are timesteps 0 to 5" in page.read_text() and ">vacancies</text>" in page.read_text()


@pytest.mark.lammps
def test_a_group_in_lammps(tmp_path: Path, run: Run) -> None:
    """The page's number is the fix's own."""
    atoms = noisy(fcc(5), 0.1, np.random.default_rng(6))
    del atoms[[3, 250]]
    write_data(tmp_path / "data", atoms)
    columns = " ".join(f"f_seen[{k}]" for k in (1, 2, 3, 5, 6, 7))
    names = " ".join(f"colname f_seen[{k}] {name}" for k, name in zip((1, 2, 3, 5, 6, 7), COLUMNS.split()[5:], strict=True))
    (tmp_path / "in").write_text(f"""\
units metal
read_data {tmp_path}/data
mass 1 195.084
region half block INF INF INF INF 0 9
group half region half
fix seen half heal fcc every 1 observe 3
dump d all custom 1 {tmp_path}/dump id type xu yu zu {columns}
dump_modify d sort id {names}
thermo_style custom step temp f_seen[2] f_seen[9]
run 0
""")
    done = run("lmp", "-in", tmp_path / "in", "-log", tmp_path / "log", "-screen", "none")
    assert done.returncode == 0, done.stdout
    found = read_run(tmp_path / "log", tmp_path / "dump")
    assert found.first is not None
    assert 0 < found.first.is_irregular.sum() == found.columns["irregular"][-1]
    assert found.first.is_observed.sum() < len(atoms)
