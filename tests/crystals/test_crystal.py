"""The crystal description: named structures, unit cells from files, oriented cells."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk

from lammps_heal.crystals.crystal import Crystal, guess, in_lammps_orientation, oriented_cell
from lammps_heal.crystals.prototypes import PROTOTYPES
from lammps_heal.errors import HealError

# Nearest and next neighbours: numbers, and distance of the next in nn; atoms of the primitive cell.
KNOWN = {
    "fcc": (12, 6, np.sqrt(2.0), 1),
    "bcc": (8, 6, np.sqrt(4.0 / 3.0), 1),
    "hcp": (12, 6, np.sqrt(2.0), 2),
    "diamond": (4, 12, np.sqrt(8.0 / 3.0), 2),
    "B2": (8, 6, np.sqrt(4.0 / 3.0), 2),
    "L1_2": (12, 6, np.sqrt(2.0), 4),
    "L1_0": (12, 6, np.sqrt(2.0), 2),
    "rocksalt": (6, 12, np.sqrt(2.0), 2),
    "zincblende": (4, 12, np.sqrt(8.0 / 3.0), 2),
    "wurtzite": (4, 13, 1.636, 4),
}
ELEMENTS = {1: ("W",), 2: ("Ni", "Al")}


def crystal_of(structure: str) -> Crystal:
    return guess(structure, ELEMENTS[PROTOTYPES[structure].n_species])


@pytest.mark.parametrize("structure", PROTOTYPES)
def test_neighbour_shells_are_those_of_the_structure(structure: str) -> None:
    crystal = crystal_of(structure)
    nearest, following, distance, n_primitive = KNOWN[structure]
    assert [shell.n_neighbours for shell in crystal.shells[:2]] == [nearest, following]
    assert crystal.shells[0].distance == pytest.approx(1.0, abs=0.01)
    assert crystal.shells[1].distance == pytest.approx(distance, abs=0.001)
    assert len(crystal.primitive_cell()) == n_primitive


@pytest.mark.parametrize("structure", PROTOTYPES)
def test_primitive_cell_repeats_to_the_same_crystal(structure: str) -> None:
    crystal = crystal_of(structure)
    primitive = Crystal("", crystal.elements, in_lammps_orientation(crystal.primitive_cell()))
    assert primitive.volume_per_atom == pytest.approx(crystal.volume_per_atom)
    assert [s.n_neighbours for s in primitive.shells] == [s.n_neighbours for s in crystal.shells]


def test_lattice_constant_given_is_the_lattice_constant() -> None:
    assert guess("bcc", ("W",), 3.165).lattice_constant == pytest.approx(3.165)
    assert guess("bcc", ("W",), 3.165).nn == pytest.approx(3.165 * np.sqrt(0.75))


def test_block_is_as_high_as_asked_in_every_direction() -> None:
    crystal = crystal_of("hcp")
    block = crystal.block(4.0)
    assert (block.cell.lengths() >= 4.0 * crystal.nn - 1e-9).all()
    assert len(crystal.block(4.0)) < len(crystal.block(6.0))


def test_unit_cell_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tin.cif"
    ase.io.write(path, bulk("Sn", "bct", a=5.83, c=3.18))
    crystal = guess(str(path), ("Sn",))
    assert crystal.structure == "tin" and crystal.prototype is None
    assert crystal.volume_per_atom == pytest.approx(5.83**2 * 3.18 / 4.0, rel=1e-4)
    assert np.allclose(np.triu(crystal.cell.cell[:], 1), 0.0)


@pytest.mark.parametrize(
    ("structure", "elements", "words"),
    [
        ("bccc", ("W",), "neither a file nor one of"),
        ("bcc", ("Xx",), "no chemical element"),
        ("B2", ("W",), "has 2 species"),
        ("fcc", ("Cu", "Ni"), "has 1 species"),
    ],
)
def test_wrong_descriptions_are_refused(structure: str, elements: tuple[str, ...], words: str) -> None:
    with pytest.raises(HealError, match=words):
        guess(structure, elements)


@pytest.mark.parametrize("structure", ["fcc", "bcc", "hcp", "diamond"])
def test_cells_along_dislocations_hold_the_same_crystal(structure: str) -> None:
    crystal = crystal_of(structure)
    for dislocation in PROTOTYPES[structure].dislocations:
        vectors = np.array([dislocation.line, dislocation.glide, dislocation.normal])
        turned = Crystal("", crystal.elements, oriented_cell(crystal, vectors))
        assert np.allclose(turned.cell.cell.angles(), 90.0)
        assert [s.n_neighbours for s in turned.shells] == [s.n_neighbours for s in crystal.shells]


def test_vectors_that_are_none_of_the_lattice_are_refused() -> None:
    with pytest.raises(HealError, match="no lattice vectors"):
        oriented_cell(crystal_of("diamond"), np.array([[0.25, 0.25, 0.25], [1, 0, 0], [0, 1, 0]]))
