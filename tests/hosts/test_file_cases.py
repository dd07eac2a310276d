"""Files as people have them, each of its kind: healed, or refused in one line. None may end with a wrong crystal and code 0."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from conftest import BIN, POTENTIAL
from file_healing import dump_frames, heal, healed, off_sites
from formats.structure_files import data_text, dump_text, noisy_crystal, write_gzipped

import lammps_heal
from lammps_heal.hosts.runs import library

pytestmark = pytest.mark.lammps
ON_SITE = 0.1  # Å; beside a vacancy atoms rest a little off the sites
COPPER = next(BIN.parent.glob("lib/python3*/site-packages/lammps/share/lammps/potentials")) / "Cu_mishin1.eam.alloy"
Capture = pytest.CaptureFixture[str]


def assert_on_sites(path: Path, lattice: float = 3.92, n_atoms: int = 107) -> None:
    last = dump_frames(path)[-1]
    assert len(last) == n_atoms
    assert off_sites(last, lattice) < ON_SITE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(data_text(noisy_crystal(), "charge"), [], id="data, style charge"),
        pytest.param(data_text(noisy_crystal(), "full", hint=False), ["--atom-style", "full"], id="data, style by the user"),
        pytest.param(data_text(noisy_crystal(), masses=False), ["--elements", "Pt"], id="data without masses"),
        pytest.param(data_text(noisy_crystal(), n_types=2), [], id="data, two types of one element"),
        pytest.param(dump_text(noisy_crystal(), "id element xu yu zu"), ["--elements", "Pt"], id="dump, element for type"),
        pytest.param(dump_text(noisy_crystal(), "id mass xs ys zs"), [], id="dump, mass for type, scaled"),
        pytest.param(dump_text(noisy_crystal(), boundary=""), [], id="dump without boundary words"),
        pytest.param(dump_text(noisy_crystal(), kind="Pt"), [], id="dump, type labels"),
        pytest.param(dump_text(noisy_crystal(), before="ITEM: UNITS\nmetal\n"), [], id="dump, units"),
        pytest.param(dump_text(noisy_crystal(), "xu yu zu"), [], id="dump, positions alone"),
    ],
)
def test_what_is_healed(tmp_path: Path, capfd: Capture, text: str, words: list[str]) -> None:
    (tmp_path / "crystal").write_text(text)
    healed(capfd, tmp_path / "crystal", "-o", tmp_path / "healed.lammpstrj", *words)
    assert_on_sites(tmp_path / "healed.lammpstrj")


def test_compressed_files_and_names_of_all_kinds(tmp_path: Path, capfd: Capture) -> None:
    folder = tmp_path / "a folder with 'quotes', $HOME, * and ünïcode"
    folder.mkdir()
    source = write_gzipped(folder / "my * crystal@1 %.dump", dump_text(noisy_crystal()))
    out = folder / "healed * %.lammpstrj"
    healed(capfd, source, "-o", out, "--model", _linked(lammps_heal.load().path, folder / "my model.pt"))
    assert_on_sites(out)
    assert sorted(path.name for path in folder.iterdir()) == sorted([source.name, out.name, "my model.pt"])


def _linked(path: Path, link: Path) -> Path:
    link.symlink_to(path.resolve())
    return link


def test_the_last_frame_is_read_whatever_its_timestep(tmp_path: Path, capfd: Capture) -> None:
    atoms = noisy_crystal()
    other = atoms[:50]
    (tmp_path / "a.dump").write_text(dump_text(other) + dump_text(atoms, timestep=0))
    healed(capfd, tmp_path / "a.dump", "-o", tmp_path / "o.lammpstrj", "--steps", 0)
    [frame] = dump_frames(tmp_path / "o.lammpstrj")
    assert len(frame) == 107


def test_a_cut_last_frame_is_left_out_with_a_warning(tmp_path: Path, capfd: Capture) -> None:
    text = dump_text(noisy_crystal())
    (tmp_path / "a.dump").write_text(text + text[:-100])
    ended = heal(capfd, tmp_path / "a.dump", "-o", tmp_path / "o.lammpstrj", "--model", "fcc")
    assert ended.code == 0
    assert ended.err.count("\n") == 1 and "warning" in ended.err and "cut short" in ended.err
    assert_on_sites(tmp_path / "o.lammpstrj")


def test_unwrapped_positions_stay_what_they_are(tmp_path: Path, capfd: Capture) -> None:
    atoms = noisy_crystal()
    atoms.positions += np.random.default_rng(2).integers(-2, 3, atoms.positions.shape) * atoms.cell[0, 0]
    (tmp_path / "a.dump").write_text(dump_text(atoms, "id type xu yu zu ix iy iz"))
    healed(capfd, tmp_path / "a.dump", "-o", tmp_path / "o.lammpstrj", "--steps", 0)
    rows = np.loadtxt((tmp_path / "o.lammpstrj").read_text().splitlines()[9:])
    np.testing.assert_allclose(rows[:, 2:5] + rows[:, 5:8] * atoms.cell[0, 0], atoms.positions, atol=1e-7)


@pytest.mark.parametrize(("name", "form"), [("POSCAR", "vasp"), ("a.cif", "cif"), ("a.xyz", "extxyz"), ("a.traj", "traj")])
def test_what_ase_reads(tmp_path: Path, capfd: Capture, name: str, form: str) -> None:
    ase.io.write(tmp_path / name, noisy_crystal(), format=form)
    healed(capfd, tmp_path / name, "-o", tmp_path / "o.lammpstrj")
    assert_on_sites(tmp_path / "o.lammpstrj")


@pytest.mark.parametrize("pair", ["pair_style eam\npair_coeff * * {eam}", "pair_style lj/cut 5.0\npair_coeff * * 0.1 2.5", ""])
def test_restarts_of_any_run(tmp_path: Path, capfd: Capture, pair: str) -> None:
    (tmp_path / "a.data").write_text(data_text(noisy_crystal()))
    with library() as lmp:
        lmp.commands_string(f"units metal\natom_style atomic\nread_data {tmp_path}/a.data\n{pair.format(eam=POTENTIAL)}\n")
        lmp.commands_list(["run 0 post no", f"write_restart {tmp_path}/a.restart"])
    healed(capfd, tmp_path / "a.restart", "-o", tmp_path / "o.lammpstrj")
    assert_on_sites(tmp_path / "o.lammpstrj")


def test_another_element_is_healed_with_its_own_lattice_constant(tmp_path: Path, capfd: Capture) -> None:
    (tmp_path / "cu.data").write_text(data_text(noisy_crystal("Cu"), n_types=2))
    ended = heal(capfd, tmp_path / "cu.data", "-o", tmp_path / "o.lammpstrj", "--potential", COPPER)
    assert ended.code == 0
    assert "lattice constant 3.6" in ended.err and "energy -37" in ended.out
    assert_on_sites(tmp_path / "o.lammpstrj", 3.615)


def test_alloys_are_one_lattice_for_command_and_python(tmp_path: Path, capfd: Capture) -> None:
    atoms = noisy_crystal("Cu")
    atoms.symbols[::2] = "Ni"
    ase.io.write(tmp_path / "a.xyz", atoms)
    done = heal(capfd, tmp_path / "a.xyz", "-o", tmp_path / "o.lammpstrj", "--lattice", 3.615, "--steps", 5)
    assert done.code == 0 and "of the atoms lie as in fcc; it knows no species" in done.err
    by_python = lammps_heal.heal(atoms, lammps_heal.load(lattice=3.615), 5)
    by_command = dump_frames(tmp_path / "o.lammpstrj")[-1]
    assert by_command.get_chemical_symbols() == atoms.get_chemical_symbols()
    difference = by_python.positions - by_command.positions
    difference -= np.round(difference / atoms.cell[0, 0]) * atoms.cell[0, 0]
    assert np.abs(difference).max() < 1e-5


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        (data_text(noisy_crystal(), masses=False), [], "name one for each, as --elements Pt"),
        (data_text(noisy_crystal("Cu")), ["--lattice", 4.05], "10% off"),
        (data_text(noisy_crystal("Cu")).replace("63.546", "195.084"), ["--lattice", 4.0], "give --lattice auto"),
        (data_text(noisy_crystal(), n_types=3), ["--elements", "Pt", "Cu"], "3 atom types, 2 elements are named"),
        (data_text(noisy_crystal()), ["--elements", "Qq"], '"Qq" is no element'),
        (" " * 4096, [], "there are no atoms in it"),
        ("\0" * 4096, [], "there are no atoms in it"),
        ("some text\n", [], "neither a LAMMPS data, dump or restart file"),
        ("LammpS RestartT" + "x" * 200, [], "restart file"),
        (data_text(noisy_crystal(), "charge", hint=False), [], "use --atom-style"),
        (dump_text(noisy_crystal())[:3000], [], "cut short"),
        (dump_text(noisy_crystal()).replace("ITEM: TIMESTEP", "TIMESTEP", 1), [], "neither a LAMMPS data, dump"),
        ("a note\n" + dump_text(noisy_crystal()).replace("BOX BOUNDS", "BOX", 1), [], 'line 6: "ITEM: BOX'),
    ],
)
def test_what_is_refused_in_one_line(tmp_path: Path, capfd: Capture, content: str, words: list[object], message: str) -> None:
    (tmp_path / "input").write_text(content)
    ended = heal(capfd, tmp_path / "input", "-o", tmp_path / "o.lammpstrj", *words)
    assert ended.code == 1
    assert message in ended.err
    assert ended.err.startswith("lammps-heal: ") and ended.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["input"]


def test_a_film_in_a_tight_box_is_refused_or_healed_as_a_film(tmp_path: Path, capfd: Capture) -> None:
    film = noisy_crystal()
    film = film[film.positions[:, 2] < 9.0]
    film.positions += [0.0, 0.0, -film.positions[:, 2].min()]
    film.cell[2, 2] = film.positions[:, 2].max()
    lines = data_text(film).splitlines()
    at = next(k for k, line in enumerate(lines) if "zlo zhi" in line)
    lines[at] = f"0 {float(film.cell[2, 2])!r} zlo zhi"
    (tmp_path / "film.data").write_text("\n".join(lines) + "\n")
    ended = heal(capfd, tmp_path / "film.data", "-o", tmp_path / "o.lammpstrj")
    assert ended.code == 1 and 'give --boundary "p p s"' in ended.err
    ended = heal(capfd, tmp_path / "film.data", "-o", tmp_path / "o.lammpstrj", "--boundary", "p p s")
    assert ended.code == 0, ended.err
    found = dump_frames(tmp_path / "o.lammpstrj")[-1]
    assert off_sites(found, 3.92) < 0.35  # surfaces relax inwards
