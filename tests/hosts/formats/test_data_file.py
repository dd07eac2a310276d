"""Data files of any atom style, as LAMMPS itself and others write them."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from structure_files import data_text, noisy_crystal

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.atom_styles import STYLES
from lammps_heal.hosts.formats.data_file import DataFile, read_data_file
from lammps_heal.hosts.runs import library

PERIODIC = ("pp", "pp", "pp")
EXACT = 1e-9  # Å


def read(path: Path, text: str, style: str | None = None) -> DataFile:
    path.write_text(text)
    return read_data_file(path, PERIODIC, style)


@pytest.mark.parametrize("style", ["atomic", "charge", "full", "molecular"])
@pytest.mark.parametrize("hint", [True, False])
def test_the_atoms_line_or_the_user_names_the_style(tmp_path: Path, style: str, hint: bool) -> None:
    atoms = noisy_crystal()
    found = read(tmp_path / "a.data", data_text(atoms, style, hint), None if hint else style).structure
    np.testing.assert_allclose(found.unwrapped, atoms.positions, atol=EXACT)
    assert found.masses == (195.084,)


PER_ATOM_MASSES = ("sphere", "bpm/sphere", "ellipsoid", "tri", "peri", "smd")


@pytest.mark.lammps
@pytest.mark.parametrize("style", [*STYLES, "hybrid charge molecular"])
def test_columns_of_every_style_are_where_lammps_puts_them(tmp_path: Path, style: str) -> None:
    places = np.array([[1.25, 2.5, 3.75], [7.0, 8.5, 9.125]])
    with library() as lmp:
        lmp.commands_list(["units metal", f"atom_style {style}", "region b block 0 10 0 10 0 10", "create_box 2 b"])
        lmp.commands_list([f"create_atoms 2 single {x} {y} {z}" for x, y, z in places])
        lmp.command("set type * mass 195.084" if style in PER_ATOM_MASSES else "mass * 195.084")
        lmp.command(f"write_data {tmp_path}/a.data nocoeff")
    found = read_data_file(tmp_path / "a.data", PERIODIC).structure
    np.testing.assert_allclose(found.positions, places, atol=EXACT)
    assert found.types.tolist() == [2, 2]


def test_labels_stand_for_types(tmp_path: Path) -> None:
    atoms = noisy_crystal()
    text = data_text(atoms, n_types=2).replace(
        "Masses\n\n1 195.084\n2 195.084", "Atom Type Labels\n\n1 Pt\n2 other\n\nMasses\n\nPt 195.084\nother 63.5"
    )
    lines = text.splitlines()
    start = lines.index("Atoms # atomic") + 2
    for k in range(start, start + len(atoms)):
        words = lines[k].split()
        lines[k] = " ".join([words[0], {"1": "Pt", "2": "other"}[words[1]], *words[2:]])
    found = read(tmp_path / "a.data", "\n".join(lines)).structure
    assert (found.elements, found.masses) == (("Pt", None), (195.084, 63.5))
    assert found.types[:4].tolist() == [1, 2, 1, 2]


def test_masses_may_be_missing_and_comments_name_elements(tmp_path: Path) -> None:
    atoms = noisy_crystal()
    assert read(tmp_path / "a.data", data_text(atoms, masses=False)).structure.masses == (0.0,)
    assert read(tmp_path / "a.data", data_text(atoms).replace("195.084", "195.084  # Pt")).structure.elements == ("Pt",)


def test_image_flags_count(tmp_path: Path) -> None:
    atoms = noisy_crystal()
    text = data_text(atoms).replace("\n5 1 ", "\n5 1 ").splitlines()
    row = text.index("Atoms # atomic") + 2
    text[row:] = [line + " 1 0 -2" if line else line for line in text[row:]]
    found = read(tmp_path / "a.data", "\n".join(text)).structure
    np.testing.assert_allclose(found.unwrapped, atoms.positions + np.array([1, 0, -2]) * atoms.cell[0, 0], atol=EXACT)


def test_a_general_triclinic_box(tmp_path: Path) -> None:
    atoms = noisy_crystal()
    atoms.rotate(30.0, (0, 1, 1), rotate_cell=True)
    text = data_text(atoms)
    vectors = [" ".join(map(repr, v)) + f" {name}vec" for v, name in zip(atoms.cell.tolist(), "abc", strict=True)]
    lines = [line for line in text.splitlines() if "lo" not in line]
    lines[4:4] = [*vectors, "0 0 0 abc origin"]
    found = read(tmp_path / "a.data", "\n".join(lines)).structure
    assert found.rotation is not None
    np.testing.assert_allclose(found.unwrapped @ found.rotation, atoms.positions, atol=EXACT)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("107 atoms", "0 atoms", "there are no atoms in it"),
        ("107 atoms", "200 atoms", "107 atoms follow, 200 are announced"),
        ("Atoms # atomic", "Atoms # charge", "a row of 5 columns of atom style charge, needed 6"),
        ("Atoms # atomic", "Atoms # nonsense", 'there is no atom style "nonsense"'),
        ("0 11.76 xlo xhi\n", "", 'no line "xlo xhi"'),
        ("0 11.76 xlo xhi", "0 xlo xhi", '1 numbers before "xlo xhi", needed 2'),
        ("\n\n1 195.084", "\n\n1 heavy", '"1 heavy" is no type and mass'),
        ("made up", "made up, units = lj", "got units lj"),
        ("\n7 1 ", "\n7 one ", "where a number is needed"),
        ("\n7 1 ", "\n7 1 nan ", "which is no place"),
        ("1 atom types", "100000 atom types", "100000 atom types, 1000 at most"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = data_text(noisy_crystal())
    assert old in text
    with pytest.raises(HealError) as error:
        read(tmp_path / "a.data", text.replace(old, new, 1))
    assert message in str(error.value) and "a.data" in str(error.value)


def test_ase_agrees(tmp_path: Path) -> None:
    atoms = noisy_crystal()
    ase.io.write(tmp_path / "ase.data", atoms, format="lammps-data", masses=True, atom_style="full")
    found = read_data_file(tmp_path / "ase.data", PERIODIC).structure
    np.testing.assert_allclose(found.unwrapped, atoms.positions, atol=1e-6)
    assert found.elements == ("Pt",)
