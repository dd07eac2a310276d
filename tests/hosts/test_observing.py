"""`lammps-heal observe` and `report`: trajectories as they come, also while they grow, and what is kept of them."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest
from conftest import BIN, Run, fcc, noisy
from lammps_runs import write_data

import lammps_heal
from lammps_heal.hosts.formats.source import Source
from lammps_heal.model.model_file import Model


def frame_of(step: int, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """A dump's frame of a noisy crystal with two vacancies, and its positions."""
    atoms = noisy(fcc(4), 0.2, rng)
    del atoms[[0, 120]]
    side = float(atoms.cell[0, 0])
    rows = [f"{k} 1 {x!r} {y!r} {z!r}" for k, (x, y, z) in enumerate(atoms.positions.tolist(), 1)]
    box = 3 * [f"0.0 {side!r}"]
    head = ["ITEM: TIMESTEP", str(step), "ITEM: NUMBER OF ATOMS", str(len(rows)), "ITEM: BOX BOUNDS pp pp pp", *box]
    return "\n".join([*head, "ITEM: ATOMS id type xu yu zu", *rows, ""]), atoms.positions


@pytest.fixture
def frames(rng: np.random.Generator) -> list[tuple[str, np.ndarray]]:
    return [frame_of(100 * k, rng) for k in range(3)]


def test_counts_columns_and_report(frames: list[tuple[str, np.ndarray]], tmp_path: Path, run: Run, model: Model) -> None:
    trajectory, observed, counts, report = (tmp_path / name for name in ("in.dump", "out.dump", "counts.json", "report.html"))
    trajectory.write_text("".join(text for text, _ in frames))
    done = run("lammps-heal", "observe", trajectory, "--model", "fcc", "-o", observed, "--json", counts)
    assert done.returncode == 0, done.stderr
    assert [line.split()[:3] for line in done.stdout.splitlines()[1:]] == [["0", "2", "0"], ["100", "2", "0"], ["200", "2", "0"]]
    found = json.loads(counts.read_text())
    assert [frame["vacancies"] for frame in found["frames"]] == [2.0, 2.0, 2.0]
    assert found["about"]["observed"] == "out.dump" and "observe" in found["about"]["command"]
    assert set(ase.io.read(observed, format="lammps-dump-text").get_chemical_symbols()) == {"Pt"}
    # The columns are what observe() finds for the same atoms.
    lines = observed.read_text().splitlines()
    columns = lines[8].split()[2:]
    table = np.array([line.split() for line in lines[9 : 9 + len(frames[0][1])]], float)
    atoms = fcc(4)[: len(frames[0][1])]
    atoms.positions = frames[0][1]
    seen = lammps_heal.observe(atoms, model)
    healed = table[:, [columns.index(f"healed_{axis}") for axis in "xyz"]]
    np.testing.assert_allclose(healed, seen.positions, atol=1e-7)
    np.testing.assert_array_equal(table[:, columns.index("label")], seen.labels)
    np.testing.assert_array_equal(table[:, columns.index("coordination")], seen.coordination)
    np.testing.assert_allclose(table[:, columns.index("residual")], seen.residual, atol=1e-6)
    assert len(list(Source(observed).frames(slice(None)))) == 3

    done = run("lammps-heal", "report", counts, "-o", report)
    assert done.returncode == 0, done.stderr
    assert len(re.findall("<canvas", report.read_text())) == 2
    assert "out.dump" in report.read_text()


def test_defects_on_the_sites_of_a_reference(
    frames: list[tuple[str, np.ndarray]], tmp_path: Path, run: Run, model: Model
) -> None:
    trajectory, sites, defects, counts = (tmp_path / name for name in ("in.dump", "sites.data", "defects.dump", "counts.json"))
    trajectory.write_text("".join(text for text, _ in frames))
    write_data(sites, fcc(4))
    done = run("lammps-heal", "observe", trajectory, "--model", "fcc", "--sites", sites, "--defects", defects, "--json", counts)
    assert done.returncode == 0, done.stderr
    columns = [line.split()[5:8] for line in done.stdout.splitlines()]
    assert columns == [["empty_sites", "frenkel_pairs", "antisites"], *3 * [["2", "0", "0"]]]
    assert [frame["empty_sites"] for frame in json.loads(counts.read_text())["frames"]] == [2, 2, 2]
    hot = fcc(4)[: len(frames[0][1])]
    hot.positions = frames[0][1]
    seen = lammps_heal.observe(hot, model, sites=fcc(4)).sites
    assert seen is not None
    frame = next(Source(defects).frames(slice(None))).structure
    np.testing.assert_array_equal(frame.ids, seen.ids[seen.is_defect])
    np.testing.assert_allclose(frame.unwrapped, seen.positions[seen.is_defect], atol=1e-6)
    done = run("lammps-heal", "observe", trajectory, "--defects", defects)
    assert done.returncode == 1 and "needs a reference crystal: name it with --sites" in done.stderr


MASSES = "\nMasses\n\n1 {}\n2 {}\n"


@pytest.mark.parametrize(
    ("masses", "options", "n_antisites"),
    [
        (MASSES.format(195.084, 195.08), (), 0),
        (MASSES.format(195.084, 63.546), ("--model", "fcc", "--lattice", "3.92"), 2),
        (MASSES.format(1.0, 1.0), ("--model", "fcc", "--lattice", "3.92"), 2),
        ("", ("--elements", "Pt"), 0),
        ("", ("--elements", "Pt", "Ni", "--model", "fcc", "--lattice", "3.92"), 2),
        ("", ("--model", "fcc"), 2),
    ],
)
def test_types_of_one_element_are_no_antisites(
    frames: list[tuple[str, np.ndarray]], masses: str, options: tuple[str, ...], n_antisites: int, tmp_path: Path, run: Run
) -> None:
    """A dump tells no element; the reference does, if it has masses of elements."""
    trajectory, sites, defects = (tmp_path / name for name in ("in.dump", "sites.data", "defects.dump"))
    trajectory.write_text(frames[0][0].replace("\n5 1 ", "\n5 2 ").replace("\n90 1 ", "\n90 2 "))
    write_data(sites, fcc(4), 2)
    sites.write_text(sites.read_text().replace("\nAtoms", f"{masses}\nAtoms"))
    done = run("lammps-heal", "observe", trajectory, "--sites", sites, "--defects", defects, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split()[5:8] == ["2", "0", str(n_antisites)]
    assert len(next(Source(defects).frames(slice(None))).structure.ids) == 2 + n_antisites


def test_a_report_of_a_log(tmp_path: Path, run: Run) -> None:
    log = tmp_path / "log.lammps"
    log.write_text("LAMMPS (22 Jul 2025)\n   Step   Temp   vacancies\n 0 300 2\n 100 310 3\nLoop time of 1\n")
    done = run("lammps-heal", "report", log, "-o", tmp_path / "log.html")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "log.html").read_text()
    assert page.count("<svg") == 2 and "LAMMPS (22 Jul 2025)" in page and "<canvas" not in page
    log.write_text("nothing of the kind")
    done = run("lammps-heal", "report", log)
    assert done.returncode == 1 and "has no thermo table" in done.stderr


def test_some_frames_and_other_files_than_trajectories(frames: list[tuple[str, np.ndarray]], tmp_path: Path, run: Run) -> None:
    trajectory, empty = tmp_path / "in.dump", tmp_path / "empty.json"
    trajectory.write_text("".join(text for text, _ in frames))
    done = run("lammps-heal", "observe", trajectory, "--frames", "last")
    assert done.returncode == 0 and [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["200"]
    done = run("lammps-heal", "observe", trajectory, "--frames", "7:9", "-o", tmp_path / "none.dump")
    assert done.returncode == 1 and "no such frames" in done.stderr and not list(tmp_path.glob("none*"))
    empty.write_text("{}")
    done = run("lammps-heal", "report", empty)
    assert done.returncode == 1 and 'holds no counts: name a file of "lammps-heal observe --json"' in done.stderr


def test_a_crystal_of_another_structure_is_warned_of(tmp_path: Path, run: Run, rng: np.random.Generator) -> None:
    """Also in a file that ASE reads, whose readers' own warnings are not shown."""
    tungsten = noisy(ase.build.bulk("W", "bcc", a=3.165, cubic=True).repeat(5), 0.1, rng)
    ase.io.write(tmp_path / "w.xyz", tungsten)
    by_fcc, by_bcc = (run("lammps-heal", "observe", tmp_path / "w.xyz", "--model", name) for name in ("fcc", "bcc"))
    assert by_fcc.returncode == by_bcc.returncode == 0
    assert by_fcc.stderr.count("lammps-heal: warning: ") == 1 and "have neighbours as in bcc" in by_fcc.stderr
    assert by_bcc.stderr == ""


def test_a_file_that_grows_is_followed_until_a_signal(frames: list[tuple[str, np.ndarray]], tmp_path: Path) -> None:
    trajectory, observed, counts = (tmp_path / name for name in ("in.dump", "out.dump", "counts.json"))
    first, second, third = (text for text, _ in frames)
    trajectory.write_text(first + second[: len(second) // 2])
    options = ["--follow", "60", "-o", str(observed), "--json", str(counts)]
    process = subprocess.Popen(
        [str(BIN / "lammps-heal"), "observe", str(trajectory), *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    shown = [process.stdout.readline() for _ in range(2)]  # the header, and the frame that is whole
    with trajectory.open("a") as file:
        file.write(second[len(second) // 2 :] + third)
    shown += [process.stdout.readline() for _ in range(2)]
    assert [line.split()[0] for line in shown[1:]] == ["0", "100", "200"]
    time.sleep(0.2)  # it waits for more
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert len(json.loads(counts.read_text())["frames"]) == 3
    assert len(list(Source(observed).frames(slice(None)))) == 3


def observed(run: Run, *words: object) -> tuple[list[str], str, int]:
    """Timesteps of the rows, what was warned or wrong, exit code."""
    done = run("lammps-heal", "observe", *words, "--model", "fcc")
    return [line.split()[0] for line in done.stdout.splitlines()[1:]], done.stderr, done.returncode


@pytest.mark.parametrize(
    "words",
    [
        ("{trajectory}", "-o", "{trajectory}"),
        ("{trajectory}", "--json", "{trajectory}"),
        ("{trajectory}", "--sites", "{sites}", "--defects", "{sites}"),
        ("{trajectory}", "-o", "{other}", "--json", "{other}"),
        ("{trajectory}", "--sites", "{sites}", "-o", "{other}", "--defects", "{other}"),
    ],
)
def test_nothing_is_written_over_what_is_read_or_written(
    words: tuple[str, ...], frames: list[tuple[str, np.ndarray]], tmp_path: Path, run: Run
) -> None:
    paths = {name: tmp_path / f"{name}.dump" for name in ("trajectory", "sites", "other")}
    before = {name: "".join(text for text, _ in frames) for name in ("trajectory", "sites")}
    for name, text in before.items():
        paths[name].write_text(text)
    rows, error, code = observed(run, *(word.format(**paths) for word in words))
    assert code == 1 and not rows
    assert "would be written over" in error or "is named for two outputs" in error
    assert {name: paths[name].read_text() for name in before} == before
    assert not paths["other"].exists()


def test_broken_frames_are_left_out_with_a_warning(frames: list[tuple[str, np.ndarray]], tmp_path: Path, run: Run) -> None:
    first, second, third = (text for text, _ in frames)
    empty = re.sub(r"(?s)(NUMBER OF ATOMS\n)\d+(.*ITEM: ATOMS[^\n]*\n).*", r"\g<1>0\2", second)
    (tmp_path / "empty.dump").write_text(first + empty + third)
    rows, error, code = observed(run, tmp_path / "empty.dump")
    assert (rows, code, error.count("left out")) == (["0", "200"], 0, 1)
    (tmp_path / "cut.dump").write_text(first + second[: len(second) // 2])
    rows, error, code = observed(run, tmp_path / "cut.dump")
    assert (rows, code, error.count("left out")) == (["0"], 0, 1)
    assert "cut short at line" in error
    atoms = [noisy(fcc(4), 0.1, np.random.default_rng(k)) for k in range(2)]
    ase.io.write(tmp_path / "whole.xyz", atoms)
    text = (tmp_path / "whole.xyz").read_text()
    (tmp_path / "cut.xyz").write_text(text[: 3 * len(text) // 4])
    rows, error, code = observed(run, tmp_path / "cut.xyz")
    assert (len(rows), code, error.count("left out")) == (1, 0, 1)


@pytest.mark.parametrize("part", [0.0, 0.1])
def test_a_first_frame_is_waited_for(part: float, frames: list[tuple[str, np.ndarray]], tmp_path: Path) -> None:
    trajectory = tmp_path / "in.dump"
    text = "".join(text for text, _ in frames)
    begun = round(part * len(text))
    trajectory.write_text(text[:begun])
    command = [str(BIN / "lammps-heal"), "observe", str(trajectory), "--follow", "8", "--model", "fcc"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(4.0)  # it has looked, and found none
    with trajectory.open("a") as file:
        file.write(text[begun:])
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [line.split()[0] for line in shown.splitlines()[1:]] == ["0", "100", "200"]


def test_what_never_comes_is_an_error(tmp_path: Path, run: Run) -> None:
    (tmp_path / "in.dump").write_text("")
    assert "is empty, or blank" in observed(run, tmp_path / "in.dump", "--follow", "0.5")[1]
    assert "--follow must be a time above 0 s, got -1" in observed(run, tmp_path / "in.dump", "--follow", "-1")[1]


def test_dumps_are_compressed_where_their_names_say_so(frames: list[tuple[str, np.ndarray]], tmp_path: Path, run: Run) -> None:
    (tmp_path / "in.dump").write_text("".join(text for text, _ in frames))
    assert observed(run, tmp_path / "in.dump", "-o", tmp_path / "out.dump.gz")[2] == 0
    assert (tmp_path / "out.dump.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert len(list(Source(tmp_path / "out.dump.gz").frames(slice(None)))) == 3


def test_surfaces_are_warned_of_once(frames: list[tuple[str, np.ndarray]], tmp_path: Path, run: Run) -> None:
    text = "".join(text for text, _ in frames).replace("pp pp pp", "pp pp ff")
    (tmp_path / "film.dump").write_text(text)
    assert observed(run, tmp_path / "film.dump")[1].count("open along z: atoms of surfaces lack neighbours") == 1
    (tmp_path / "sites.dump").write_text(text)
    assert "open along" not in observed(run, tmp_path / "film.dump", "--sites", tmp_path / "sites.dump")[1]
