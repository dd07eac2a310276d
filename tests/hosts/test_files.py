"""`lammps-heal heal` as a user types it: what it does, says and leaves."""

import itertools
import json
import subprocess
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.geometry import find_mic
from conftest import BIN, MODEL, POTENTIAL, Run, fcc, noisy
from file_healing import Ended, dump_frames, heal, healed

from lammps_heal.analysis.sites import count_defects, remove_mean, root_mean_square
from lammps_heal.model.model_file import Model

pytestmark = pytest.mark.lammps
SITES = fcc(5)
HOSTS = ["python", "fix"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    atoms = noisy(SITES, 0.2, np.random.default_rng(4))
    del atoms[33]
    path = tmp_path_factory.mktemp("driver") / "damaged.data"
    ase.io.write(path, atoms, format="lammps-data", masses=True)
    return path


@pytest.mark.parametrize("host", HOSTS)
def test_a_data_file_is_healed_and_its_vacancy_stays(damaged: Path, tmp_path: Path, capfd: Capture, host: str) -> None:
    out = tmp_path / "healed.lammpstrj"
    done = healed(capfd, damaged, "-o", out, "--steps", 10, "--potential", POTENTIAL, "--host", host)
    frames = dump_frames(out)
    assert len(frames) == 11
    found = count_defects(frames[-1].positions, SITES)
    assert (found.vacancies, found.interstitials) == (1, 0)
    assert set(frames[-1].get_chemical_symbols()) == {"Pt"}
    columns = out.read_text().split("ITEM: ATOMS ")[1].splitlines()[0].split()
    assert columns[:8] == ["id", "type", "x", "y", "z", "ix", "iy", "iz"]
    assert done.out.count("\n") == 1 and "499 atoms, 10 steps" in done.out and "energy -28" in done.out
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_the_end_says_which_sites_are_empty_and_double(damaged: Path, tmp_path: Path, capfd: Capture) -> None:
    done = healed(capfd, damaged, "-o", tmp_path / "o.lammpstrj")
    assert ", empty sites 1, double 0 (as before), model fcc; " in done.out
    atoms = noisy(SITES, 0.5, np.random.default_rng(4))  # many atoms are nearer to another's site
    ase.io.write(tmp_path / "severe.xyz", atoms)
    found = json.loads(healed(capfd, tmp_path / "severe.xyz", "-o", tmp_path / "o.lammpstrj", "--json").out)
    truth = count_defects(dump_frames(tmp_path / "o.lammpstrj")[-1].positions, SITES)
    assert found["sites"] == {"empty": truth.vacancies, "double": truth.interstitials}
    assert found["sites_before"]["empty"] > found["sites"]["empty"]
    slab = fcc(5)
    slab.cell[2, 2] += 12.0
    ase.io.write(tmp_path / "slab.xyz", slab)
    assert "empty sites" not in healed(capfd, tmp_path / "slab.xyz", "-o", tmp_path / "o.lammpstrj").out


@pytest.mark.parametrize("host", HOSTS)
def test_it_ends_when_healed(damaged: Path, tmp_path: Path, capfd: Capture, host: str) -> None:
    out = tmp_path / "healed.lammpstrj"
    moves = {}
    for words in ((), ("--stop", 0.05), ("--steps", 3)):
        healed(capfd, damaged, "-o", out, "--host", host, *words)
        rows = [np.loadtxt(text.splitlines()[9:]) for text in out.read_text().split("ITEM: TIMESTEP")[1:]]
        restored = [row[:, 8:11] for row in rows]
        moves[words] = [np.linalg.norm(b - a, axis=1).max() for a, b in itertools.pairwise(restored)]
    assert moves[()][-1] <= 0.001 < moves[()][-2] and len(moves[()]) < 50
    assert moves["--stop", 0.05][-1] <= 0.05 < moves["--stop", 0.05][-2]
    assert len(moves["--steps", 3]) == 3


@pytest.mark.parametrize("host", HOSTS)
def test_kernel_threads_and_another_lattice(damaged: Path, tmp_path: Path, capfd: Capture, host: str) -> None:
    ends = []
    for words in ("--kernel yes --threads 2", "--kernel no", "--lattice 3.96 --elements Cu --force"):
        out = tmp_path / "healed.lammpstrj"
        assert heal(capfd, damaged, "-o", out, "--steps", 3, "--host", host, *words.split()).code == 0
        ends.append(dump_frames(out)[-1].positions)
    # LAMMPS wraps an atom at a face when it builds its lists, which need not be in the same step.
    by_torchscript, by_another_lattice = (np.abs(find_mic(end - ends[0], SITES.cell)[0]).max() for end in ends[1:])
    assert by_torchscript < 2e-5
    assert 1e-4 < by_another_lattice < 0.5  # as if stretched
    done = heal(capfd, damaged, "-o", tmp_path / "x", "--host", host, "--threads", 0)
    assert done.code == 1 and "threads must be 1 or more, got 0" in done.err


@pytest.mark.mpi
@pytest.mark.parametrize("host", HOSTS)
def test_ranks_write_the_same_bytes(damaged: Path, tmp_path: Path, run: Run, host: str) -> None:
    outs = [tmp_path / f"{ranks}.lammpstrj" for ranks in (1, 3)]
    for ranks, out in zip((1, 3), outs, strict=True):
        done = run("lammps-heal", "heal", damaged, "-o", out, "--steps", 4, "--host", host, ranks=ranks)
        assert done.returncode == 0, done.stderr
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_a_healed_data_file_can_be_healed_again(damaged: Path, tmp_path: Path, capfd: Capture) -> None:
    again = tmp_path / "healed.data"
    healed(capfd, damaged, "-o", tmp_path / "a.lammpstrj", "--write-data", again)
    healed(capfd, again, "-o", tmp_path / "b.lammpstrj", "--steps", 1)
    before, after = dump_frames(tmp_path / "b.lammpstrj")
    assert root_mean_square(remove_mean(after.positions - before.positions)) < 0.01


def said(done: Ended) -> dict[str, object]:
    found: dict[str, object] = json.loads(done.out)
    return found


def test_it_says_what_was_done_as_the_user_wants_it(damaged: Path, tmp_path: Path, capfd: Capture) -> None:
    out = tmp_path / "o.lammpstrj"
    assert healed(capfd, damaged, "-o", out, "--quiet").out == ""
    found = said(healed(capfd, damaged, "-o", out, "--json", "--steps", 4, "--potential", POTENTIAL))
    assert (found["atoms"], found["steps"], found["problems"], found["warnings"]) == (499, 4, [], [])
    assert isinstance(found["energy"], float) and found["energy"] < -2800
    table = healed(capfd, damaged, "-o", out, "--verbose", "--steps", 4, "--host", "python").out
    rows = [line.split() for line in table.splitlines() if line.split()[:1] in (["0"], ["4"])]
    assert "LAMMPS (" in table and ["4", "0"] in [[row[0], row[-1]] for row in rows]


def test_what_is_not_healed_is_said_and_ends_with_code_3(tmp_path: Path, capfd: Capture) -> None:
    """A lattice constant that is far off: forced, atoms leave their sites."""
    path = tmp_path / "stretched.xyz"
    ase.io.write(path, noisy(fcc(4, 4.25), 0.15, np.random.default_rng(1)))
    assert heal(capfd, path, "-o", tmp_path / "o.lammpstrj").code == 1
    done = heal(capfd, path, "-o", tmp_path / "o.lammpstrj", "--force")
    assert done.code == 3
    assert "not healed: steps do not get smaller" in done.err or "pairs of atoms are nearer" in done.err
    assert len(dump_frames(tmp_path / "o.lammpstrj")) == 51


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no_such.data", "-o", "{out}"], '"no_such.data" does not exist'),
        (["{folder}", "-o", "{out}"], "is no file"),
        (["{data}", "-o", "{out}", "--model", "no_model.pt"], 'model "no_model.pt" does not exist'),
        (["{data}", "-o", "{out}", "--model", "{data}"], "damaged or no model file"),
        (["{data}", "-o", "{out}", "--elements", "Qq"], "Qq"),
        (["{data}", "-o", "{out}", "--steps", "-1"], "steps must be 0 or more, got -1"),
        (["{data}", "-o", "{out}", "--max", "0"], "must be a length above 0 Å, got 0.0"),
        (["{data}", "-o", "{out}", "--stop", "nan"], "must be a length above 0 Å, got nan"),
        (["{data}", "-o", "{out}", "--lattice", "wide"], 'or auto, got "wide"'),
        (["{data}", "-o", "{out}", "--potential", "none.eam"], '"none.eam" does not exist'),
        (["{data}", "-o", "{out}", "--pair-style", "eam"], "go together"),
        (["{data}", "-o", "{out}", "--pair-style", "nonsense", "--pair-coeff", "* *"], "nonsense"),
        (["{data}", "-o", "{out}.d/x"], "make it"),
        (["{data}", "-o", ""], "names no file"),
        (["{data}", "-o", "{out}", "--model", 3000 * "x"], "File name too long: name another file"),
        ([3000 * "x", "-o", "{out}"], "File name too long: name another file"),
        (["{data}", "-o", 3000 * "x"], "File name too long: name another file"),
        (["{data}", "-o", "{out}", "--write-data", ""], "names no file"),
        (["{data}", "-o", "{data}"], "name another file for the output"),
        (["{data}", "-o", "{out}", "--write-data", "{data}"], "name another file for the output"),
        (["{data}", "-o", "{out}", "--write-data", "{out}"], "two outputs"),
        (["{data}", "-o", "{folder}"], "it is a folder"),
        (["{data}", "-o", "{out}", "--boundary", "q q q"], 'got "q q q"'),
        (["{data}", "-o", "{out}", "--frames", "first"], 'got "first"'),
        (["{data}", "-o", "{out}.data", "--frames", "all"], "holds one frame alone"),
        (["{data}", "-o", "{out}", "--frames", "3:5"], "there are no frames 3:5"),
        (["{data}", "-o", "{out}.traj.gz"], "not compressed"),
    ],
)
def test_bad_input_has_one_message_and_loses_nothing(
    damaged: Path, tmp_path: Path, capfd: Capture, words: list[str], message: str
) -> None:
    out, data = tmp_path / "earlier.lammpstrj", tmp_path / "d.data"
    out.write_text("an earlier trajectory")
    data.write_bytes(damaged.read_bytes())
    done = heal(capfd, *(word.format(data=data, out=out, folder=tmp_path) for word in words))
    assert done.code == 1
    assert done.err.startswith("lammps-heal: ") and done.err.count("\n") == 1, done.err
    assert message in done.err
    assert out.read_text() == "an earlier trajectory" and data.read_bytes() == damaged.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.data", "earlier.lammpstrj"]


@pytest.mark.mpi
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("words", "message"),
    [(["--model", "none.pt"], "none.pt"), (["--max", "0"], "above 0"), (["--pair-style", "x", "--pair-coeff", "y"], "pair")],
)
def test_all_ranks_together_have_one_message(
    damaged: Path, tmp_path: Path, run: Run, host: str, words: list[str], message: str
) -> None:
    done = run("lammps-heal", "heal", damaged, "-o", tmp_path / "o.l", "--host", host, *words, ranks=2)
    assert done.returncode == 1
    assert done.stderr.count("lammps-heal:") == 1 and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and list(tmp_path.iterdir()) == []


def test_info_prints_the_model(run: Run, model: Model) -> None:
    done = run("lammps-heal", "info", "--json", MODEL)
    assert done.returncode == 0
    assert f'"cutoff": {model.cutoff}' in done.stdout and '"weights_hash"' in done.stdout


def test_whoever_reads_no_further_gets_no_traceback() -> None:
    piped = f"{BIN / 'lammps-heal'} info {MODEL} | true"
    done = subprocess.run(["sh", "-c", piped], capture_output=True, text=True, timeout=300.0)
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["heal {data} -o {out} -v --steps 30", "observe {data}"])
def test_healing_ends_quietly_where_nobody_reads(damaged: Path, tmp_path: Path, command: str) -> None:
    words = command.format(data=damaged, out=tmp_path / "o.lammpstrj")
    piped = f"{BIN / 'lammps-heal'} {words} | true"
    done = subprocess.run(["sh", "-c", piped], capture_output=True, text=True, timeout=300.0)
    assert done.stderr == ""
    if command.startswith("heal"):
        assert len(dump_frames(tmp_path / "o.lammpstrj")) == 31


@pytest.mark.mpi
def test_all_ranks_together_say_once_that_there_is_no_kernel(damaged: Path, tmp_path: Path, run: Run) -> None:
    program = (
        "import sys; from pathlib import Path; from lammps_heal.commands import main; from lammps_heal.kernel import library;"
        "library.LIBRARY = Path('/nowhere/lammps_heal/kernel/none.so'); main.main(sys.argv[1:])"
    )
    words = ["heal", damaged, "-o", tmp_path / "healed.lammpstrj", "--steps", 1, "--host", "python"]
    done = run("python", "-c", program, *words, ranks=2)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("healing by TorchScript, some fifty times slower") == 1, done.stderr
