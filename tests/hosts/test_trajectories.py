"""`lammps-heal heal --frames`: a trajectory, frame by frame; and the formats in which it is written."""

import gzip
import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from file_healing import dump_frames, heal, healed, off_sites
from formats.structure_files import dump_text, noisy_crystal

import lammps_heal
from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.dump import Dump
from lammps_heal.hosts.formats.source import Source
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.frame_choice import parse_frames

pytestmark = pytest.mark.lammps
Capture = pytest.CaptureFixture[str]
COLUMNS = "vx id type xs ys zs vy"


def frames_of(n: int) -> list[Atoms]:
    frames = [noisy_crystal() for _ in range(n)]
    for k, atoms in enumerate(frames):
        atoms.positions += np.random.default_rng(k).normal(0.0, 0.05, atoms.positions.shape)
    return frames


def structures(path: Path) -> list[Structure]:
    return [frame.structure for frame in Source(path).frames(slice(None))]


@pytest.fixture
def trajectory(tmp_path: Path) -> Path:
    """Five frames with other columns, timesteps in tens, the third cut short."""
    texts = [
        dump_text(atoms, COLUMNS, before=f"ITEM: TIME\n{0.5 * k}\n", timestep=10 * k) for k, atoms in enumerate(frames_of(5))
    ]
    path = tmp_path / "md.dump"
    path.write_text("ITEM: UNITS\nmetal\n" + "".join(texts))
    return path


@pytest.mark.parametrize(
    ("words", "timesteps"),
    [("all", [0, 10, 20, 30, 40]), ("1::2", [10, 30]), ("-2:", [30, 40]), ("2", [20]), ("-1", [40]), ("::-2", [40, 20, 0])],
)
def test_frames_are_chosen_as_python_does(
    trajectory: Path, tmp_path: Path, capfd: Capture, words: str, timesteps: list[int]
) -> None:
    healed(capfd, trajectory, "-o", tmp_path / "o.dump", f"--frames={words}", "--steps", 5)
    written = Dump(tmp_path / "o.dump")
    assert [written.frame(k).structure.timestep for k in range(len(written))] == timesteps


def test_frames_may_be_counted_from_the_end_without_a_sign_of_equality(trajectory: Path, tmp_path: Path, capfd: Capture) -> None:
    for words, n in (("-2:", 2), ("-1", 1), ("-4:-1", 3)):
        found = json.loads(healed(capfd, trajectory, "-o", tmp_path / "o.dump", "--frames", words, "--steps", 1, "--json").out)
        assert found["frames"] == n


def test_columns_order_and_time_are_kept(trajectory: Path, tmp_path: Path, capfd: Capture) -> None:
    healed(capfd, trajectory, "-o", tmp_path / "o.dump", "--frames", "all")
    before, after = Dump(trajectory), Dump(tmp_path / "o.dump")
    assert after.units == "metal"
    for k in range(5):
        old, new = before.frame(k), after.frame(k)
        assert new.header.time == old.header.time == 0.5 * k
        assert new.header.columns[:7] == tuple(COLUMNS.split())
        kept = [[row.split()[c] for c in (0, 1, 2, 6)] for row in old.rows]
        assert [[row.split()[c] for c in (0, 1, 2, 6)] for row in new.rows] == kept
        restored = np.array([row.split()[7:10] for row in new.rows], float)
        moved = new.structure.positions - old.structure.positions
        moved -= np.round(moved / 11.76) * 11.76
        np.testing.assert_allclose(moved, restored, atol=1e-6)
    assert all(off_sites(atoms, 3.92) < 0.1 for atoms in dump_frames(tmp_path / "o.dump"))


def test_each_frame_is_healed_as_if_alone(trajectory: Path, tmp_path: Path, capfd: Capture) -> None:
    healed(capfd, trajectory, "-o", tmp_path / "all.dump", "--model", "fcc", "--frames", "all", "--steps", 4)
    healed(capfd, trajectory, "-o", tmp_path / "last.dump", "--model", "fcc", "--steps", 4)
    together, alone = Dump(tmp_path / "all.dump").frame(4).structure, Dump(tmp_path / "last.dump").frame(4).structure
    np.testing.assert_allclose(together.positions, alone.positions, atol=2e-8 * 11.76)  # scaled coordinates have eight digits


def test_other_formats_of_trajectories(trajectory: Path, tmp_path: Path, capfd: Capture) -> None:
    ase.io.write(tmp_path / "md.xyz", frames_of(3))
    for source, n in ((trajectory, 5), (tmp_path / "md.xyz", 3)):
        for name in ("o.xyz", "o.traj", "o.dump", "o.xyz.gz"):
            healed(capfd, source, "-o", tmp_path / name, "--model", "fcc", "--frames", "all", "--steps", 3)
            ends = structures(tmp_path / name)
            assert len(ends) == n
            assert all(structure.elements == ("Pt",) or structure.masses == (195.084,) for structure in ends)
    with gzip.open(tmp_path / "o.xyz.gz", "rt") as text:
        assert text.read().count("Lattice=") == 3


def test_a_broken_frame_is_left_out_with_a_warning(trajectory: Path, tmp_path: Path, capfd: Capture) -> None:
    lines = trajectory.read_text().splitlines(keepends=True)
    broken = next(k for k, line in enumerate(lines) if line.strip() == "20")  # of the third timestep
    trajectory.write_text("".join(lines[: broken + 20] + lines[broken + 40 :]))
    ended = heal(capfd, trajectory, "-o", tmp_path / "o.dump", "--model", "fcc", "--frames", "all", "--steps", 2)
    assert ended.code == 0 and ended.err.count("\n") == 1 and "left out" in ended.err
    written = Dump(tmp_path / "o.dump")
    assert [written.frame(k).structure.timestep for k in range(len(written))] == [0, 10, 30, 40]


@pytest.mark.parametrize(("words", "n"), [(["--frames", "all"], 2), ([], 3)])
def test_a_file_of_ase_that_is_cut_short_is_healed_as_far_as_it_goes(
    tmp_path: Path, capfd: Capture, words: list[str], n: int
) -> None:
    ase.io.write(tmp_path / "md.xyz", frames_of(3))
    text = (tmp_path / "md.xyz").read_text()
    (tmp_path / "md.xyz").write_text(text[: len(text) - 2000])
    ended = heal(capfd, tmp_path / "md.xyz", "-o", tmp_path / "o.xyz", "--steps", 2, *words)
    assert ended.code == 0 and ended.err.count("\n") == 1 and "warning" in ended.err and "expected 107" in ended.err
    ends = structures(tmp_path / "o.xyz")
    assert len(ends) == n
    second = lammps_heal.heal(frames_of(3)[1], steps=2)
    apart = ends[-1].unwrapped - second.positions
    assert np.abs(apart - 11.76 * np.round(apart / 11.76)).max() < 1e-5


@pytest.mark.parametrize("name", ["o.dump", "o.dump.gz", "o.xyz"])
def test_healing_goes_on_where_it_stopped(
    trajectory: Path, tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    words = [trajectory, "-o", tmp_path / name, "--model", "fcc", "--frames", "all", "--steps", 3]
    healed(capfd, *words)
    expected = [structure.unwrapped for structure in structures(tmp_path / name)]
    (tmp_path / name).unlink()

    from lammps_heal.errors import Interrupted
    from lammps_heal.hosts.frame_reader import FrameReader
    from lammps_heal.hosts.model_choice import Choice

    note = FrameReader.note_progress

    def interrupted(reader: FrameReader, frames: int, n_bytes: int, choice: Choice | None) -> None:
        note(reader, frames, n_bytes, choice)
        if frames == 2:
            raise Interrupted(15)

    monkeypatch.setattr(FrameReader, "note_progress", interrupted)
    stopped = heal(capfd, *words)
    assert stopped.code == 143 and f"{name}.unfinished" in stopped.err
    assert not (tmp_path / name).exists()
    with (tmp_path / f"{name}.unfinished").open("ab") as file:
        file.write(b"half a frame")  # as a process that was killed leaves it
    monkeypatch.setattr(FrameReader, "note_progress", note)
    found = json.loads(healed(capfd, *words, "--json").out)
    assert (found["frames"], found["resumed"]) == (5, 2)
    again = [structure.unwrapped for structure in structures(tmp_path / name)]
    np.testing.assert_array_equal(again, expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["md.dump", name])


def test_other_settings_begin_anew(trajectory: Path, tmp_path: Path, capfd: Capture) -> None:
    state = {"taken": 2, "healed": 2, "n_bytes": 10, "settings": {}}
    (tmp_path / "o.dump.unfinished").write_bytes(b"0123456789")
    (tmp_path / "o.dump.unfinished.json").write_text(json.dumps(state))
    found = json.loads(healed(capfd, trajectory, "-o", tmp_path / "o.dump", "--frames", "all", "--steps", 1, "--json").out)
    assert (found["frames"], found["resumed"]) == (5, 0)


def test_a_number_of_atoms_may_change_from_frame_to_frame(tmp_path: Path, capfd: Capture) -> None:
    first, second = frames_of(2)
    del second[7]
    (tmp_path / "md.dump").write_text(dump_text(first) + dump_text(second, timestep=1))
    healed(capfd, tmp_path / "md.dump", "-o", tmp_path / "o.dump", "--frames", "all")
    assert [len(atoms) for atoms in dump_frames(tmp_path / "o.dump")] == [107, 106]


@pytest.mark.parametrize("text", ["first", "", "1.5", "1:2:3:4", "1:2:0", "a:b"])
def test_words_that_are_no_frames(text: str) -> None:
    with pytest.raises(HealError, match="frames must be"):
        parse_frames(text)
