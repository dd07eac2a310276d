"""`lammps-heal heal` as a user types it."""

import subprocess
from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase.geometry import find_mic
from conftest import BIN, MODEL, POTENTIAL, Run, fcc, noisy

from lammps_heal.analysis.sites import count_defects, remove_mean, root_mean_square
from lammps_heal.hosts.files import last_frame
from lammps_heal.model.model_file import Model

pytestmark = pytest.mark.lammps
SITES = fcc(5)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    atoms = noisy(SITES, 0.2, np.random.default_rng(4))
    del atoms[33]
    path = tmp_path_factory.mktemp("driver") / "damaged.data"
    ase.io.write(path, atoms, format="lammps-data", masses=True)
    return path


def last_positions(path: Path) -> np.ndarray:
    return ase.io.read(path, index=-1, format="lammps-dump-text").positions


@pytest.mark.parametrize("host", ["python", "fix"])
def test_a_data_file_is_healed_and_its_vacancy_stays(damaged: Path, tmp_path: Path, run: Run, host: str) -> None:
    out = tmp_path / "healed.lammpstrj"
    done = run("lammps-heal", "heal", damaged, "-o", out, "--potential", POTENTIAL, "--host", host)
    assert done.returncode == 0, done.stderr
    frames = ase.io.read(out, index=":", format="lammps-dump-text")
    assert len(frames) == 11
    found = count_defects(frames[-1].positions, SITES)
    assert (found.vacancies, found.interstitials) == (1, 0)
    columns = out.read_text().split("ITEM: ATOMS ")[1].splitlines()[0].split()
    assert columns[:8] == ["id", "type", "x", "y", "z", "ix", "iy", "iz"]
    assert "PotEng" in done.stdout and "Largest" in done.stdout


@pytest.mark.parametrize("host", ["python", "fix"])
def test_kernel_threads_and_another_lattice(damaged: Path, tmp_path: Path, run: Run, host: str) -> None:
    ends = []
    for words in ("--kernel yes --threads 2", "--kernel no", "--lattice 3.96 --elements Cu"):
        out = tmp_path / "healed.lammpstrj"
        done = run("lammps-heal", "heal", damaged, "-o", out, "--steps", 3, "--host", host, *words.split())
        assert done.returncode == 0, done.stderr
        ends.append(last_positions(out))
    # LAMMPS wraps an atom at a face when it builds its lists, which need not be in the same step.
    by_torchscript, by_another_lattice = (np.abs(find_mic(end - ends[0], SITES.cell)[0]).max() for end in ends[1:])
    assert by_torchscript < 2e-5
    assert 1e-4 < by_another_lattice < 0.5  # as if stretched
    done = run("lammps-heal", "heal", damaged, "-o", tmp_path / "x", "--host", host, "--threads", 0)
    assert done.returncode != 0 and "threads must be 1 or more, got 0" in done.stderr


@pytest.mark.mpi
@pytest.mark.parametrize("host", ["python", "fix"])
def test_ranks_write_one_trajectory(damaged: Path, tmp_path: Path, run: Run, host: str) -> None:
    outs = [tmp_path / f"{ranks}.lammpstrj" for ranks in (1, 2)]
    for ranks, out in enumerate(outs, 1):
        done = run("lammps-heal", "heal", damaged, "-o", out, "--steps", 4, "--host", host, ranks=ranks)
        assert done.returncode == 0, done.stderr
    difference = last_positions(outs[0]) - last_positions(outs[1])
    side = SITES.cell[0, 0]
    assert np.abs(difference - side * np.round(difference / side)).max() < 1e-5


def test_dump_and_restart_are_read_too(damaged: Path, tmp_path: Path, run: Run) -> None:
    script = tmp_path / "convert.in"
    script.write_text(
        f"units metal\natom_style atomic\nread_data {damaged}\n"
        f"write_restart {tmp_path}/damaged.restart\n"
        f"write_dump all custom {tmp_path}/damaged.dump id type xu yu zu modify format float %.10f\n"
    )
    assert run("lmp", "-in", script, "-log", "none").returncode == 0
    last = []
    for name in (damaged, tmp_path / "damaged.restart", tmp_path / "damaged.dump"):
        out = tmp_path / "healed.lammpstrj"
        done = run("lammps-heal", "heal", name, "-o", out, "--steps", 3, "--host", "python")
        assert done.returncode == 0, done.stderr
        last.append(last_positions(out))
    np.testing.assert_allclose(last[1], last[0], atol=1e-5)
    np.testing.assert_allclose(last[2], last[0], atol=1e-5)


def test_a_healed_data_file_can_be_healed_again(damaged: Path, tmp_path: Path, run: Run) -> None:
    healed = tmp_path / "healed.data"
    done = run("lammps-heal", "heal", damaged, "-o", tmp_path / "a.lammpstrj", "--write-data", healed, "--host", "python")
    assert done.returncode == 0, done.stderr
    velocities = healed.read_text().split("Velocities")[1].split()
    assert set(velocities[1::4]) | set(velocities[2::4]) | set(velocities[3::4]) == {"0"}  # not the next displacement
    again = run("lammps-heal", "heal", healed, "-o", tmp_path / "b.lammpstrj", "--steps", 1, "--host", "python")
    assert again.returncode == 0, again.stderr
    before, after = ase.io.read(tmp_path / "b.lammpstrj", index=":", format="lammps-dump-text")
    assert root_mean_square(remove_mean(after.positions - before.positions)) < 0.01


def test_the_box_of_a_triclinic_dump_is_read_back(tmp_path: Path, run: Run) -> None:
    script = tmp_path / "triclinic.in"
    script.write_text(
        "units metal\nlattice fcc 3.92\nregion b prism 0 3 0 3 0 3 1 -1 1\ncreate_box 1 b\ncreate_atoms 1 box\n"
        f"mass 1 195.08\nwrite_dump all custom {tmp_path}/t.dump id type x y z\n"
    )
    assert run("lmp", "-in", script, "-log", "none").returncode == 0
    frame = last_frame(tmp_path / "t.dump")
    values = [float(v) for v in frame.region.split()[1:]]
    np.testing.assert_allclose(values, np.array([0, 3, 0, 3, 0, 3, 1, -1, 1]) * 3.92, atol=1e-9)
    assert frame.boundary == ["pp", "pp", "pp"]
    done = run("lammps-heal", "heal", tmp_path / "t.dump", "-o", tmp_path / "t.lammpstrj", "--steps", 2, "--host", "python")
    assert done.returncode == 0, done.stderr
    start, *_, end = ase.io.read(tmp_path / "t.lammpstrj", index=":", format="lammps-dump-text")
    assert np.abs(end.positions - start.positions).max() < 1e-3  # the dump has six digits


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no_such.data", "-o", "{out}"], '"no_such.data" does not exist'),
        (["{data}", "-o", "{out}", "--model", "no_model.pt"], 'model "no_model.pt" does not exist'),
        (["{data}", "-o", "{out}", "--model", "{data}"], "damaged or no model file"),
        (["{data}", "-o", "{out}", "--elements", "Cu"], "Cu"),
        (["{data}", "-o", "{out}", "--steps", "-1"], "steps must be 0 or more, got -1"),
        (["{data}", "-o", "{out}", "--max", "0"], "must be above 0 Å, got 0.0"),
        (["{data}", "-o", "{out}", "--potential", "none.eam"], '"none.eam" does not exist'),
        (["{data}", "-o", "{out}.d/x"], "make it"),
        (["{data}", "-o", "{out}", "--boundary", "q q q"], "LAMMPS stopped"),
        pytest.param(
            ["{data}", "-o", "{out}", "--device", "cuda"],
            "device cuda needs a CUDA device",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there"),
        ),
    ],
)
@pytest.mark.parametrize("ranks", [1, 2])
def test_bad_input_has_one_message_and_loses_nothing(
    damaged: Path, tmp_path: Path, run: Run, words: list[str], message: str, ranks: int
) -> None:
    out = tmp_path / "earlier.lammpstrj"
    out.write_text("an earlier trajectory")
    arguments = [word.format(data=damaged, out=out) for word in words]
    done = run("lammps-heal", "heal", *arguments, "--host", "python", ranks=ranks)
    assert done.returncode != 0
    assert done.stderr.count("lammps-heal:") == 1, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert out.read_text() == "an earlier trajectory"


def test_info_prints_the_model(run: Run, model: Model) -> None:
    done = run("lammps-heal", "info", MODEL)
    assert done.returncode == 0
    assert f'"cutoff": {model.cutoff}' in done.stdout and '"weights_hash"' in done.stdout


def test_whoever_reads_no_further_gets_no_traceback() -> None:
    piped = f"{BIN / 'lammps-heal'} info {MODEL} | true"
    done = subprocess.run(["sh", "-c", piped], capture_output=True, text=True, timeout=300.0)
    assert done.stderr == ""


@pytest.mark.mpi
def test_all_ranks_together_say_once_that_there_is_no_kernel(damaged: Path, tmp_path: Path, run: Run) -> None:
    program = (
        "import sys; from pathlib import Path; from lammps_heal.commands import main; from lammps_heal.kernel import library;"
        "library.LIBRARY = Path('none.so'); main.main(sys.argv[1:])"
    )
    words = ["heal", damaged, "-o", tmp_path / "healed.lammpstrj", "--steps", 1, "--host", "python"]
    done = run("python", "-c", program, *words, ranks=2)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("healing by TorchScript, some fifty times slower") == 1, done.stderr
