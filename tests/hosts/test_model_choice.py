"""The model that is chosen for a crystal: by its element, or else by the structure that its atoms show, hot or not."""

import json
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest
from ase import Atoms
from conftest import Run
from file_healing import heal, healed

import lammps_heal
from lammps_heal.errors import HealError
from lammps_heal.hosts.formats.ase_file import structure_of
from lammps_heal.hosts.frame_reader import FrameReader
from lammps_heal.hosts.model_choice import Choice, choose, model_for

Capture = pytest.CaptureFixture[str]
OF_ELEMENT = {"Pt": "fcc", "W": "bcc", "Fe": "bcc-fe", "Mg": "hcp", "Zr": "hcp-zr", "Si": "diamond"}
OF_STRUCTURE = {"Cu": "fcc", "Al": "fcc", "Ta": "bcc", "Li": "bcc", "Ti": "hcp", "Co": "hcp", "Ge": "diamond", "C": "diamond"}


def crystal(element: str, sigma: float = 0.07, repeats: int = 4) -> Atoms:
    """With noise, nearest-neighbour distances, and a vacancy."""
    is_hcp = ase.build.bulk(element).get_global_number_of_atoms() == 2 and element in ("Mg", "Zr", "Ti", "Co")
    unit = ase.build.bulk(element, orthorhombic=True) if is_hcp else ase.build.bulk(element, cubic=True)
    atoms = unit.repeat((repeats + 1, repeats, repeats))
    nearest = np.sort(atoms.get_distances(0, np.arange(1, len(atoms)), mic=True))[0]
    del atoms[len(atoms) // 2]
    atoms.positions += np.random.default_rng(len(atoms)).normal(0.0, sigma * nearest, atoms.positions.shape)
    return atoms


def chosen_for(atoms: Atoms) -> Choice:
    return choose(structure_of(atoms, "the atoms", 0))


@pytest.mark.parametrize("element", list(OF_ELEMENT))
def test_by_the_element(element: str) -> None:
    assert chosen_for(crystal(element)) == Choice(OF_ELEMENT[element], f"of {element}", True)


@pytest.mark.parametrize("element", list(OF_STRUCTURE))
@pytest.mark.parametrize("sigma", [0.01, 0.12])
def test_by_the_structure(element: str, sigma: float) -> None:
    choice = chosen_for(crystal(element, sigma))
    assert choice.name == OF_STRUCTURE[element] and not choice.is_of_elements and "of the atoms lie as in" in choice.why


@pytest.mark.parametrize("element", ["Pt", "W", "Fe", "Si", "Cu", "Ta"])
def test_of_no_known_element_by_the_lengths_too(element: str) -> None:
    """What a dump without elements has: the model whose lattice it is, or the structure's, scaled: no proof of an element."""
    atoms = crystal(element)
    atoms.symbols[:] = "X"
    choice = chosen_for(atoms)
    assert choice.name == (OF_ELEMENT | OF_STRUCTURE)[element]
    assert not choice.is_of_elements and ("as far apart as in" in choice.why) == (element in OF_ELEMENT)


def test_of_phases_side_by_side_the_joint_one() -> None:
    distance = 2.8
    fcc = ase.build.bulk("Cu", "fcc", a=distance * np.sqrt(2.0), cubic=True).repeat((4, 4, 5))
    bcc = ase.build.bulk("Cu", "bcc", a=fcc.cell[0, 0] / 5, cubic=True).repeat((5, 5, 7))
    both = ase.build.stack(fcc, bcc, axis=2, maxstrain=None, distance=None)
    for element in ("Cu", "Fe"):  # of which there is a model of bcc
        both.symbols[:] = element
        choice = chosen_for(both)
        assert choice.name == "metals" and not choice.is_of_elements


@pytest.mark.parametrize(("element", "structure", "a"), [("Zr", "bcc", 3.6), ("Fe", "fcc", 3.65), ("Si", "bcc", 3.0)])
def test_a_structure_that_is_clear_says_more_than_the_element(element: str, structure: str, a: float) -> None:
    atoms = ase.build.bulk(element, structure, a=a, cubic=True).repeat(4)
    atoms.rattle(0.15, seed=3)
    assert chosen_for(atoms).name == structure
    atoms.rattle(1.5, seed=4)  # a melt shows none
    assert chosen_for(atoms) == Choice(OF_ELEMENT[element], f"of {element}", True)


@pytest.mark.parametrize("kind", ["gas", "few"])
def test_where_no_crystal_is_seen_a_model_is_to_be_named(kind: str) -> None:
    rng = np.random.default_rng(3)
    if kind == "gas":
        grid = np.stack(np.meshgrid(*3 * [np.arange(8)], indexing="ij"), -1).reshape(-1, 3)
        atoms = Atoms("Cu512", positions=2.6 * grid + rng.uniform(-0.9, 0.9, (512, 3)), cell=3 * [20.8], pbc=True)
        with pytest.raises(HealError, match=r"the atoms show no crystal .*% fcc.*: name one, as fcc, or make one"):
            chosen_for(atoms)
    else:
        with pytest.raises(HealError, match="too few atoms are inside of a crystal to choose a model for: name one"):
            chosen_for(Atoms("Cu5", positions=rng.uniform(0, 9, (5, 3)), cell=3 * [30.0]))


def test_python_heals_and_sees_any_crystal_without_a_name() -> None:
    tantalum, platinum = crystal("Ta", 0.05), crystal("Pt", 0.05)
    found = model_for(tantalum, "auto")
    assert found.structure == "bcc" and found.lattice_constant == pytest.approx(3.30, rel=2e-3)
    named = lammps_heal.load("bcc", lattice=found.lattice_constant)
    assert (lammps_heal.heal(tantalum).positions == lammps_heal.heal(tantalum, named).positions).all()
    assert (lammps_heal.heal(platinum).positions == lammps_heal.heal(platinum, "fcc").positions).all()
    assert (lammps_heal.heal(tantalum, "bcc").positions == lammps_heal.heal(tantalum, named).positions).all()
    assert lammps_heal.observe(tantalum).vacancies == 1.0
    with pytest.raises(HealError, match=r"atoms must be ASE Atoms, got str: lammps-heal heal reads files"):
        lammps_heal.heal("ta.xyz")
    with lammps_heal.Healing(tantalum, logfile=None) as healing:
        assert healing.run(fmax=0.001, steps=50)


@pytest.mark.lammps
def test_a_file_says_which_and_why(tmp_path: Path, capfd: Capture) -> None:
    ase.io.write(tmp_path / "ta.xyz", crystal("Ta"))
    ase.io.write(tmp_path / "fe.xyz", crystal("Fe"))
    done = heal(capfd, tmp_path / "ta.xyz", "-o", tmp_path / "o.dump", "--steps", 10)
    assert done.code == 0 and "lammps-heal: model bcc: 9" in done.err and "lie as in bcc (--model to name another)" in done.err
    assert ", model bcc, lattice constant 3.3" in done.out and "empty sites 1, double 0" in done.out
    done = healed(capfd, tmp_path / "fe.xyz", "-o", tmp_path / "o.dump", "--steps", 5, "--json")
    assert json.loads(done.out)["model"] == "bcc-fe"
    done = heal(capfd, tmp_path / "fe.xyz", "-o", tmp_path / "o.dump", "--steps", 5, "--model", "bcc", "--lattice", "auto")
    assert ", model bcc, lattice constant 2.8" in done.out and "model bcc:" not in done.err


@pytest.mark.lammps
def test_a_trajectory_that_is_gone_on_with_keeps_its_model(
    tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its later frames, here a melt, would give none."""
    rng = np.random.default_rng(4)
    frames = [crystal("Ta", 0.05) for _ in range(3)]
    frames[2].positions += rng.normal(0.0, 0.6, frames[2].positions.shape)
    trajectory, out = tmp_path / "md.xyz", tmp_path / "o.dump"
    ase.io.write(trajectory, frames)
    words = [trajectory, "-o", out, "--frames", "all", "--steps", 3, "--force"]
    note = FrameReader.note_progress

    def noted_twice(reader: FrameReader, healed: int, n_bytes: int, choice: Choice | None) -> None:
        note(reader, healed, n_bytes, choice)
        if healed == 2:
            raise HealError("enough")

    with monkeypatch.context() as patch:
        patch.setattr(FrameReader, "note_progress", noted_twice)
        assert "the same command goes on from there" in heal(capfd, *words).err
    done = heal(capfd, *words)
    assert "3 frames healed (2 of them before)" in done.out and "model bcc" in done.out


@pytest.mark.lammps
def test_observing_finds_the_lattice_constant_where_it_is_to(tmp_path: Path, run: Run) -> None:
    """Which a joint model needs: its own is platinum's."""
    ase.io.write(tmp_path / "w.xyz", crystal("W", repeats=5))
    done = run("lammps-heal", "observe", tmp_path / "w.xyz", "--model", "metals", "--lattice", "auto")
    assert done.returncode == 0 and done.stdout.splitlines()[1].split()[:3] == ["0", "1", "0"], done.stdout + done.stderr
    done = run("lammps-heal", "observe", tmp_path / "w.xyz", "--lattice", "long")
    assert done.returncode == 1 and 'lattice must be a length above 0 Å or auto, got "long"' in done.stderr


@pytest.mark.lammps
def test_what_grows_from_a_melt_is_seen_by_the_model_of_what_it_becomes(tmp_path: Path, run: Run) -> None:
    frames = [crystal("Cu", repeats=5) for _ in range(3)]
    for atoms in frames[:2]:
        atoms.rattle(0.7, seed=6)
    ase.io.write(tmp_path / "cu.xyz", frames)
    done = run("lammps-heal", "observe", tmp_path / "cu.xyz")
    assert done.returncode == 0 and done.stdout.splitlines()[3].split()[1] == "1", done.stdout + done.stderr
    assert "model fcc: 9" in done.stderr and "lattice constant 3.6" in done.stderr
    done = run("lammps-heal", "observe", tmp_path / "cu.xyz", "--frames", "0:2")
    assert done.returncode == 1 and "the atoms show no crystal" in done.stderr and done.stdout == ""


@pytest.mark.lammps
def test_a_lattice_constant_is_found_where_half_of_the_atoms_are_no_crystal(tmp_path: Path, capfd: Capture) -> None:
    """By those that are one: by all it was 3 % too long."""
    atoms = crystal("Ni", 0.05, 6)
    upper = atoms.positions[:, 0] > 0.5 * atoms.cell[0, 0]
    atoms.positions[upper] += np.random.default_rng(8).normal(0.0, 0.6, (upper.sum(), 3))
    ase.io.write(tmp_path / "ni.xyz", atoms)
    done = heal(capfd, tmp_path / "ni.xyz", "-o", tmp_path / "o.xyz", "--model", "fcc", "--steps", 1, "--json")
    assert json.loads(done.out)["lattice"] == pytest.approx(3.52, rel=6e-3)


@pytest.mark.lammps
def test_elements_are_not_invented(tmp_path: Path, capfd: Capture) -> None:
    """Whose lattice it has is a guess: chromium is iron's, and CoAl too."""
    lines = (
        "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n128\nITEM: BOX BOUNDS pp pp pp\n"
        + 3 * "0 11.54\n"
        + "ITEM: ATOMS id type x y z\n"
    )
    chromium = ase.build.bulk("Cr", "bcc", a=2.885, cubic=True).repeat(4)
    rows = (f"{k} {1 + k % 2} {x} {y} {z}\n" for k, (x, y, z) in enumerate(chromium.positions, 1))
    (tmp_path / "cr.dump").write_text(lines + "".join(rows))
    done = heal(capfd, tmp_path / "cr.dump", "-o", tmp_path / "o.dump", "--steps", 1)
    assert done.code == 0 and "lie as in bcc, as far apart as in Fe (--model to name another)" in done.err
    assert "mass" not in (tmp_path / "o.dump").read_text()
    done = heal(capfd, tmp_path / "cr.dump", "-o", tmp_path / "o.xyz", "--steps", 1)
    assert done.code == 1 and "needs elements, which the input does not tell: name them, as --elements" in done.err
