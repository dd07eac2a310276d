"""Files that ASE, LAMMPS and OVITO write, each format and option that writes it, are read back; and so is what we write."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest
from ase import Atoms
from file_healing import healed
from formats.structure_files import data_text

from lammps_heal.hosts.formats.data_file import read_data_file
from lammps_heal.hosts.formats.source import Source
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.runs import library

pytestmark = pytest.mark.lammps
Capture = pytest.CaptureFixture[str]
SAME = 1e-6  # Å
PERIODIC = ("pp", "pp", "pp")


def crystal(element: str = "Pt") -> Atoms:
    """Triclinic, in a position that LAMMPS takes; with noise."""
    atoms = ase.build.bulk(element, "fcc", a=3.92, cubic=True).repeat((3, 2, 2))
    cell = atoms.cell[:].copy()
    cell[1, 0], cell[2, 0], cell[2, 1] = 0.7, -0.4, 0.5
    atoms.set_cell(cell, scale_atoms=True)
    atoms.positions += np.random.default_rng(3).normal(0.0, 0.1, atoms.positions.shape)
    return atoms


def assert_read(path: Path, atoms: Atoms, tolerance: float = SAME) -> Structure:
    """Distances between atoms are the same whatever the axes, as are those across faces."""
    structure = Source(path).last().structure
    rotation = np.eye(3) if structure.rotation is None else structure.rotation
    np.testing.assert_allclose(structure.cell @ rotation, atoms.cell[:], atol=tolerance)
    moved = (structure.positions - structure.origin) @ rotation - atoms.positions
    boxes = moved @ np.linalg.inv(atoms.cell[:])
    np.testing.assert_allclose((boxes - np.round(boxes)) @ atoms.cell[:], 0.0, atol=tolerance)
    return structure


@pytest.mark.parametrize(
    ("name", "form", "options"),
    [
        ("a.xyz", "extxyz", {}),
        ("a.xyz.gz", "extxyz", {}),
        ("POSCAR", "vasp", {}),
        ("a.vasp", "vasp", {"direct": True}),
        ("a.traj", "traj", {}),
        ("a.xsf", "xsf", {}),
        ("a.cfg", "cfg", {}),
        ("a.data", "lammps-data", {"masses": True}),
        ("a.data", "lammps-data", {"masses": True, "atom_style": "full", "units": "real"}),
        ("a.data", "lammps-data", {"masses": True, "atom_style": "charge", "velocities": True}),
        ("XDATCAR", "vasp-xdatcar", {}),
        ("a.pwi", "espresso-in", {"pseudopotentials": {"Pt": "Pt.upf"}}),
    ],
)
def test_what_ase_writes(tmp_path: Path, name: str, form: str, options: dict[str, object]) -> None:
    atoms = crystal()
    if options.get("velocities"):
        atoms.set_velocities(np.full((len(atoms), 3), 0.01))
    ase.io.write(tmp_path / name, atoms, format=form, **options)
    structure = assert_read(tmp_path / name, atoms, SAME if form != "espresso-in" else 1e-5)
    assert structure.elements == ("Pt",) or structure.masses == pytest.approx((195.084,))


DUMPS = {
    "x": "custom 1 {path} id type x y z",
    "xs": "custom 1 {path} id type xs ys zs ix iy iz",
    "xu": "custom 1 {path} id type xu yu zu vx vy vz",
    "xsu": "custom 1 {path} id element xsu ysu zsu mass",
    "mass": "custom 1 {path} mass x y z ix iy iz",
    "atom": "atom 1 {path}",
    "gz": "custom/gz 1 {path}.gz id type x y z",
}


@pytest.mark.parametrize("kind", DUMPS)
@pytest.mark.parametrize("modify", ["", "units yes time yes", "sort id"])
def test_what_lammps_dumps(tmp_path: Path, kind: str, modify: str) -> None:
    atoms = crystal()
    ase.io.write(tmp_path / "a.data", atoms, format="lammps-data", masses=True)
    path = tmp_path / "a.dump"
    with library() as lmp:
        lmp.commands_list(["units metal", "atom_style atomic", f"read_data {tmp_path}/a.data"])
        style = DUMPS[kind].format(path=path)
        if "/gz" in style and not lmp.has_style("dump", "custom/gz"):
            style = style.replace("custom/gz", "custom").replace(".gz", "")
        lmp.command(f"dump d all {style}")
        digits = "scale yes" if kind == "atom" else "format float %.12g"
        elements = "element Pt" if "element" in style else ""
        lmp.commands_list([f"dump_modify d {digits} {elements} {modify}", "run 0 post no"])
        written = next(tmp_path.glob("a.dump*"))
    structure = assert_read(written, atoms, SAME if kind != "atom" else 1e-4)  # dump atom has six digits
    assert len(structure.ids) == len(atoms)


IN_DUMP = ["Particle Identifier", "Particle Type", "Position.X", "Position.Y", "Position.Z"]
BY_OVITO = [
    ("a.dump", "lammps/dump", {"columns": IN_DUMP}),
    ("positions alone.dump", "lammps/dump", {"columns": IN_DUMP[2:]}),
    ("a.dump.gz", "lammps/dump", {"columns": [*IN_DUMP[1:], "Velocity.X"]}),
    ("a.data", "lammps/data", {}),
    ("charge.data", "lammps/data", {"atom_style": "charge"}),
    ("full.data", "lammps/data", {"atom_style": "full"}),
    ("labels.data", "lammps/data", {"export_type_names": True}),
    ("a.xyz", "xyz", {"columns": IN_DUMP[1:]}),
    ("ids.xyz", "xyz", {"columns": [*IN_DUMP, "Velocity.X", "Velocity.Y", "Velocity.Z"]}),
    ("POSCAR", "vasp", {}),
    ("reduced.vasp", "vasp", {"reduced": True}),
    ("geometry.in", "fhi-aims", {}),
]


@pytest.mark.skipif(find_spec("ovito") is None, reason="OVITO is an extra")
@pytest.mark.parametrize(("name", "form", "options"), BY_OVITO, ids=[name for name, _, _ in BY_OVITO])
@pytest.mark.parametrize("turned", [False, True])
def test_what_ovito_writes(tmp_path: Path, name: str, form: str, options: dict[str, object], turned: bool) -> None:
    from ovito.io import export_file
    from ovito.io.ase import ase_to_ovito

    atoms = crystal()
    if turned:
        atoms.rotate(40.0, (3, 1, 2), rotate_cell=True)
    data = ase_to_ovito(atoms)
    data.particles_.create_property("Particle Identifier", data=np.arange(1, len(atoms) + 1))
    data.particles_.create_property("Velocity", data=np.full((len(atoms), 3), 0.25))
    digits = {} if form == "fhi-aims" else {"precision": 12}
    export_file(data, str(tmp_path / name), form, **options, **digits)
    structure = assert_read(tmp_path / name, atoms)
    if not name.endswith((".dump", ".dump.gz")):
        assert structure.elements == ("Pt",)


def test_general_triclinic_boxes(tmp_path: Path) -> None:
    atoms = crystal()
    atoms.rotate(40.0, (3, 1, 2), rotate_cell=True)
    header = ["general triclinic", "", f"{len(atoms)} atoms", "1 atom types"]
    box = [" ".join(map(repr, vector)) + f" {name}vec" for vector, name in zip(atoms.cell.tolist(), "abc", strict=True)]
    rows = [f"{k} 1 " + " ".join(map(repr, x)) for k, x in enumerate(atoms.positions.tolist(), 1)]
    masses = ["", "Masses", "", "1 195.084", "", "Atoms # atomic", ""]
    (tmp_path / "a.data").write_text("\n".join([*header, *box, "0 0 0 abc origin", *masses, *rows, ""]))
    assert_read(tmp_path / "a.data", atoms)
    with library() as lmp:
        lmp.commands_list(["units metal", "atom_style atomic", f"read_data {tmp_path}/a.data"])
        lmp.command(f"write_data {tmp_path}/b.data triclinic/general")
        lmp.command(f"write_dump all custom {tmp_path}/b.dump id type x y z modify triclinic/general yes format float %.12g")
    for name in ("b.data", "b.dump"):
        assert_read(tmp_path / name, atoms)


@pytest.mark.parametrize("options", ["", "nocoeff", "nofix", "types labels"])
def test_what_write_data_writes(tmp_path: Path, options: str) -> None:
    atoms = crystal()
    ase.io.write(tmp_path / "a.data", atoms, format="lammps-data", masses=True)
    with library() as lmp:
        lmp.commands_list(["units metal", "atom_style atomic", f"read_data {tmp_path}/a.data", "labelmap atom 1 Pt"])
        lmp.command(f"write_data {tmp_path}/b.data {options}")
    structure = assert_read(tmp_path / "b.data", atoms)
    assert structure.elements == ("Pt",)


@pytest.mark.parametrize(
    ("name", "many"),
    [
        ("o.lammpstrj", True),
        ("o.xyz", True),
        ("o.traj", True),
        ("o.dump.gz", True),
        ("o.data", False),
        ("POSCAR", False),
        ("o.cif", False),
    ],
)
def test_the_name_of_the_output_is_its_format(tmp_path: Path, capfd: Capture, name: str, many: bool) -> None:
    atoms = crystal()
    ase.io.write(tmp_path / "in.xyz", atoms)
    healed(capfd, tmp_path / "in.xyz", "-o", tmp_path / "ref.traj", "--steps", 3)
    healed(capfd, tmp_path / "in.xyz", "-o", tmp_path / name, "--steps", 3)
    expected = ase.io.read(tmp_path / "ref.traj", index=-1)
    assert_read(tmp_path / name, expected, 1e-5 if name == "o.cif" else SAME)
    assert len(list(Source(tmp_path / name).frames(slice(None)))) == (4 if many else 1)


def test_a_turned_cell_is_written_as_it_was_read(tmp_path: Path, capfd: Capture) -> None:
    """LAMMPS heals it in other axes; left-handed cells too."""
    for factor in (1.0, -1.0):
        atoms = crystal()
        atoms.rotate(50.0, (1, 2, 3), rotate_cell=True)
        atoms.cell[2] *= factor
        straight = crystal()
        ase.io.write(tmp_path / "turned.xyz", atoms)
        ase.io.write(tmp_path / "straight.xyz", straight)
        for name in ("turned", "straight"):
            healed(capfd, tmp_path / f"{name}.xyz", "-o", tmp_path / f"{name}.traj", "--steps", 3)
        turned, expected = (ase.io.read(tmp_path / f"{name}.traj", index=-1) for name in ("turned", "straight"))
        expected.rotate(50.0, (1, 2, 3), rotate_cell=True)
        np.testing.assert_allclose(turned.positions, expected.positions, atol=1e-5)
        np.testing.assert_allclose(turned.cell[:], atoms.cell[:], atol=1e-9)


def test_a_data_file_keeps_what_healing_does_not_change(tmp_path: Path, capfd: Capture) -> None:
    atoms = crystal()
    atoms.cell[:] = np.diag(np.diag(atoms.cell[:]))
    text = data_text(crystal_in_a_cube(), "charge").replace("Atoms # charge", "Atoms # charge", 1)
    (tmp_path / "a.data").write_text(text + "\nVelocities\n\n1 0.5 0.25 0.125\n\nPair Coeffs\n\n1 0.1 2.5\n")
    healed(capfd, tmp_path / "a.data", "-o", tmp_path / "o.data")
    old, new = (tmp_path / "a.data").read_text().splitlines(), (tmp_path / "o.data").read_text().splitlines()
    row = old.index("Atoms # charge") + 2
    n_atoms = len(crystal_in_a_cube())
    assert new[:4] + new[7:row] == old[:4] + old[7:row] and new[row + n_atoms :] == old[row + n_atoms :]
    assert [line.split()[:3] for line in new[row : row + n_atoms]] == [line.split()[:3] for line in old[row : row + n_atoms]]
    before, after = (read_data_file(tmp_path / name, PERIODIC).structure for name in ("a.data", "o.data"))
    assert 0.1 < np.abs(after.unwrapped - before.unwrapped).max() < 1.0


def crystal_in_a_cube() -> Atoms:
    atoms = ase.build.bulk("Pt", "fcc", a=3.92, cubic=True).repeat(3)
    atoms.positions += np.random.default_rng(3).normal(0.0, 0.1, atoms.positions.shape)
    return atoms


def test_other_arrays_of_ase_are_kept_and_energies_are_not(tmp_path: Path, capfd: Capture) -> None:
    atoms = crystal()
    atoms.new_array("grain", np.arange(len(atoms)))
    atoms.info["note"] = "mine"
    with gzip.open(tmp_path / "a.xyz.gz", "wt") as file:
        ase.io.write(file, atoms, format="extxyz")
    healed(capfd, tmp_path / "a.xyz.gz", "-o", tmp_path / "o.xyz", "--steps", 2)
    last = ase.io.read(tmp_path / "o.xyz", index=-1)
    np.testing.assert_array_equal(last.arrays["grain"], np.arange(len(atoms)))
    assert last.info["note"] == "mine" and last.calc is None


def test_a_slab_and_a_cluster_without_a_box(tmp_path: Path, capfd: Capture) -> None:
    slab = ase.build.fcc111("Pt", (4, 4, 6), a=3.92, vacuum=8.0)
    cluster = Atoms("Pt55", positions=ase.build.bulk("Pt", "fcc", a=3.92, cubic=True).repeat(3).positions[:55])
    for name, atoms in (("slab.traj", slab), ("cluster.xyz", cluster)):
        atoms.positions += np.random.default_rng(1).normal(0.0, 0.1, atoms.positions.shape)
        ase.io.write(tmp_path / name, atoms)
        healed(capfd, tmp_path / name, "-o", tmp_path / f"o{name}", "--steps", 5)
        last = ase.io.read(tmp_path / f"o{name}", index=-1)
        assert np.abs(last.positions - atoms.positions).max() < 1.5
        assert list(last.pbc) == list(atoms.pbc)
