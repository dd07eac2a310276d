"""Text dumps of every kind are read to the same structure; what is none is refused with its line."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from structure_files import MASS, dump_text, noisy_crystal, write_gzipped

from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.dump import Dump
from lammps_heal.hosts.formats.structure import Structure

EXACT = 1e-9  # Å; files here have all digits


@pytest.fixture
def atoms() -> Atoms:
    return noisy_crystal()


def read(path: Path, text: str, number: int = -1) -> Structure:
    path.write_text(text)
    dump = Dump(path)
    return dump.frame(number % len(dump)).structure


def assert_same(structure: Structure, atoms: Atoms) -> None:
    """Also unwrapped: the crystal's own positions lie a little outside of the box."""
    np.testing.assert_allclose(structure.unwrapped, atoms.positions, atol=EXACT)
    np.testing.assert_allclose(structure.cell, atoms.cell[:], atol=EXACT)
    inside = (structure.positions - structure.origin) @ np.linalg.inv(structure.cell)
    assert ((inside >= 0.0) & (inside <= 1.0)).all()


@pytest.mark.parametrize(
    "columns",
    [
        "id type xu yu zu",
        "id type x y z ix iy iz",
        "id type xs ys zs ix iy iz",
        "id type xsu ysu zsu",
        "id type xu yu zu ix iy iz",  # image flags are not counted twice
        "id type x y z vx ix iy iz vy",
        "xu yu zu",
    ],
)
def test_coordinates_of_every_kind(tmp_path: Path, atoms: Atoms, columns: str) -> None:
    assert_same(read(tmp_path / "a.dump", dump_text(atoms, columns)), atoms)


@pytest.mark.parametrize(
    ("columns", "kind", "elements", "masses"),
    [
        ("id type xu yu zu", 1, (None,), (0.0,)),
        ("id type xu yu zu", "Pt", ("Pt",), (0.0,)),
        ("id element xu yu zu", 1, ("Pt",), (0.0,)),
        ("id mass xu yu zu", 1, (None,), (MASS["Pt"],)),
        ("id type element mass xu yu zu", 3, (None, None, "Pt"), (0.0, 0.0, MASS["Pt"])),
    ],
)
def test_what_tells_the_element(
    tmp_path: Path, atoms: Atoms, columns: str, kind: object, elements: tuple[str | None, ...], masses: tuple[float, ...]
) -> None:
    structure = read(tmp_path / "a.dump", dump_text(atoms, columns, kind=kind))
    assert (structure.elements, structure.masses) == (elements, masses)


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [("", ("pp", "pp", "pp")), (" pp fs mm", ("pp", "fs", "mm")), (" p p p", ("pp", "pp", "pp"))],
)
def test_boundary_words(tmp_path: Path, atoms: Atoms, boundary: str, expected: tuple[str, ...]) -> None:
    structure = read(tmp_path / "a.dump", dump_text(atoms, "id type xu yu zu", boundary))
    assert structure.boundary == expected
    np.testing.assert_allclose(structure.unwrapped, atoms.positions, atol=EXACT)


def test_units_and_time_stand_before_a_frame(tmp_path: Path, atoms: Atoms) -> None:
    units, time = "ITEM: UNITS\nmetal\n", "ITEM: TIME\n0.25\n"
    text = dump_text(atoms, "id type xu yu zu", before=units + time) + dump_text(
        atoms, "id type xu yu zu", before=time, timestep=7
    )
    (tmp_path / "a.dump").write_text(text)
    dump = Dump(tmp_path / "a.dump")
    assert (len(dump), dump.units) == (2, "metal")
    assert [dump.frame(k).structure.timestep for k in (0, 1)] == [0, 7]
    assert dump.frame(1).header.time == 0.25
    assert_same(dump.frame(1).structure, atoms)
    with pytest.raises(HealError, match="line 2: lengths must be in Å, got units lj"):
        read(tmp_path / "lj.dump", text.replace("metal", "lj"))


def test_a_dump_may_be_compressed_whatever_its_name(tmp_path: Path, atoms: Atoms) -> None:
    path = write_gzipped(tmp_path / "a.dump", dump_text(atoms, "id type xu yu zu"))
    assert_same(Dump(path).frame(0).structure, atoms)


def test_frames_of_the_same_timestep_are_told_by_their_place(tmp_path: Path, atoms: Atoms) -> None:
    first = atoms.copy()
    first.positions += 0.5
    text = dump_text(first, "id type xu yu zu") + dump_text(atoms, "id type xu yu zu")
    assert_same(read(tmp_path / "a.dump", text), atoms)
    assert_same(read(tmp_path / "a.dump", text, 0), first)


def test_ids_in_any_order(tmp_path: Path, atoms: Atoms) -> None:
    lines = dump_text(atoms, "id type xu yu zu").splitlines()
    header, rows = lines[:9], lines[9:]
    shuffled = np.random.default_rng(1).permutation(len(rows))
    structure = read(tmp_path / "a.dump", "\n".join([*header, *(rows[k] for k in shuffled), ""]))
    assert structure.ids.tolist() == list(range(1, len(atoms) + 1))
    np.testing.assert_array_equal(structure.order, np.argsort(shuffled))
    assert_same(structure, atoms)


@pytest.mark.parametrize("cut", [1, 10, 2000, 5000])
def test_a_half_written_last_frame_is_left_out_with_a_warning(tmp_path: Path, atoms: Atoms, cut: int) -> None:
    whole = dump_text(atoms, "id type xu yu zu")
    path = tmp_path / "a.dump"
    path.write_text(whole + dump_text(atoms, "id type xu yu zu", timestep=5)[:-cut])
    dump = Dump(path)
    assert dump.warning is not None and "cut short at line" in dump.warning
    assert_same(dump.frame(len(dump) - 1).structure, atoms)
    path.write_text(whole[:-cut])
    with pytest.raises(HealError, match="cut short"):
        Dump(path)


def test_a_frame_that_is_cut_short_in_the_middle_is_refused_alone(tmp_path: Path, atoms: Atoms) -> None:
    path = tmp_path / "a.dump"
    whole = dump_text(atoms, "id type xu yu zu")
    path.write_text(whole + whole[:3000] + "\n" + whole)
    dump = Dump(path)
    assert_same(dump.frame(2).structure, atoms)
    with pytest.raises(HealError, match="cut short"):
        dump.frame(1)


def test_triclinic_boxes(tmp_path: Path, atoms: Atoms) -> None:
    """Their bounds are those of the box around the tilted one (LAMMPS manual, "Howto triclinic")."""
    side, (xy, xz, yz) = float(atoms.cell[0, 0]), (1.5, -2.0, 0.7)
    tilted = atoms.copy()
    tilted.set_cell([[side, 0, 0], [xy, side, 0], [xz, yz, side]], scale_atoms=True)
    text = dump_text(atoms, "id type xsu ysu zsu").replace("BOX BOUNDS pp pp pp", "BOX BOUNDS xy xz yz pp pp pp")
    rows = [f"{-2.0} {side + 1.5} {xy}", f"0.0 {side + 0.7} {xz}", f"0.0 {side} {yz}"]
    text = text.replace("\n".join([f"0.0 {side!r}"] * 3), "\n".join(rows))
    assert_same(read(tmp_path / "a.dump", text), tilted)


def test_a_general_triclinic_box_is_rotated_for_lammps_and_back(tmp_path: Path, atoms: Atoms) -> None:
    turned = atoms.copy()
    turned.rotate(40.0, (1, 2, 3), rotate_cell=True)
    origin = np.array([1.0, -2.0, 3.0])
    text = dump_text(atoms, "id type xu yu zu").replace("BOX BOUNDS", "BOX BOUNDS abc origin")
    side = float(atoms.cell[0, 0])
    rows = [" ".join(map(repr, [*vector, shift])) for vector, shift in zip(turned.cell.tolist(), origin.tolist(), strict=True)]
    text = text.replace("\n".join([f"0.0 {side!r}"] * 3), "\n".join(rows))
    moved = [f"{i + 1} 1 " + " ".join(map(repr, x)) for i, x in enumerate((turned.positions + origin).tolist())]
    text = text[: text.index("zu\n") + 3] + "\n".join(moved) + "\n"
    structure = read(tmp_path / "a.dump", text)
    assert structure.rotation is not None
    np.testing.assert_allclose(structure.cell, np.diag([side] * 3), atol=EXACT)
    back = (structure.unwrapped - structure.origin) @ structure.rotation + structure.origin
    np.testing.assert_allclose(back, turned.positions + origin, atol=EXACT)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("NUMBER OF ATOMS", " OF ATOMS", 'line 3: "ITEM:  OF ATOMS" begins no part of a dump of atoms'),
        ("\n107\n", "\nmany\n", 'line 4: "many" where a number is needed'),
        ("\n107\n", "\n109\n", "cut short"),
        ("ITEM: TIMESTEP\n0", "ITEM: TIMESTEP\n0.5", "line 2: 0.5 where a whole number is needed"),
        ("0.0 11.76\n", "0.0\n", "line 5: three lines of 2 or 3 numbers each must follow"),
        ("0.0 11.76\n", "0.0 nan\n", "a side or a corner of nan"),
        ("0.0 11.76\n", "0.0 1e300\n", "a side or a corner of 1e+300"),
        ("0.0 11.76\n", "5.0 5.0\n", "is none: mend the file"),
        ("0.0 11.76\n", "0.0 0.5\n", "0.5 Å thick along a"),
        ("id type xu yu zu", "id type a b c", "needed x y z"),
        ("\n80 1 ", "\n80 1 inf ", "which is no place"),
        ("\n80 1 ", "\n80 1 ~ ", 'line 89: "~" where a number is needed'),
        ("\n80 1 ", "\n79 1 ", "two atoms have the id 79"),
        ("\n80 1 ", "\n0 1 ", "atom id 0: ids must be 1 or more"),
        ("\n80 1 ", "\n80.5 1 ", "line 89: id is 80.5, needed a whole number"),
        ("\n80 1 ", "\n80 0 ", "atom type 0: types must be 1 or more"),
        ("\n80 1 ", "\n80 1000000000 ", "type 1000000000, 1000 at most"),
        ("ITEM: ATOMS", "ITEM: ENTRIES", 'line 9: "ITEM: ENTRIES'),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, atoms: Atoms, old: str, new: str, message: str) -> None:
    text = dump_text(atoms, "id type xu yu zu")
    assert old in text
    with pytest.raises(HealError) as error:
        read(tmp_path / "a.dump", text.replace(old, new, 1))
    assert message in str(error.value) and "a.dump" in str(error.value)


def test_a_frame_without_atoms_is_refused(tmp_path: Path, atoms: Atoms) -> None:
    with pytest.raises(HealError, match="there are no atoms in it"):
        read(tmp_path / "a.dump", dump_text(atoms[:0]))
