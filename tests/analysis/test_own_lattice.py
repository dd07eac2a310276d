"""The lattice of a healed crystal, and the sites that are empty and double in it; the truth is how the crystal was made."""

import ase.build
import numpy as np
import pytest
from ase import Atoms

from lammps_heal.analysis.neighbour_shells import surroundings
from lammps_heal.analysis.own_lattice import OwnLattice, own_lattice

NEAREST = {"fcc": 2.77, "bcc": 2.74, "hcp": 3.20, "diamond": 2.35}  # Å
REST = 0.02  # Å, of atoms that are healed


def crystal(structure: str, n: int = 5) -> Atoms:
    nearest = NEAREST[structure]
    if structure == "hcp":
        atoms = ase.build.bulk("Mg", "hcp", a=nearest, c=1.62 * nearest, orthorhombic=True).repeat((n, n - 2, n - 1))
    else:
        a = nearest * {"fcc": np.sqrt(2.0), "bcc": 2.0 / np.sqrt(3.0), "diamond": 4.0 / np.sqrt(3.0)}[structure]
        atoms = ase.build.bulk({"fcc": "Pt", "bcc": "W", "diamond": "Si"}[structure], structure, a=a, cubic=True).repeat(n)
    return atoms


def lattice_of(atoms: Atoms, structure: str) -> OwnLattice | None:
    around = surroundings(atoms.positions, atoms.cell[:], np.ones(3, bool))
    return own_lattice(around, atoms.cell[:], NEAREST[structure])


@pytest.mark.parametrize("structure", NEAREST)
@pytest.mark.parametrize("turned", [False, True])
def test_vacancies_and_interstitials_are_counted(structure: str, turned: bool, rng: np.random.Generator) -> None:
    atoms = crystal(structure)
    n_sites = len(atoms)
    atoms.positions += rng.normal(0.0, REST, atoms.positions.shape) + rng.uniform(-5, 5, 3)
    atoms.set_cell(atoms.cell[:] @ [[1.01, 0.0, 0.0], [0.02, 0.99, 0.0], [0.0, 0.01, 1.0]], scale_atoms=True)
    if turned:
        atoms.rotate(33.0, (1, 2, 3), rotate_cell=True)
    split = 0.3 * NEAREST[structure] * np.array([1.0, 0.0, 0.0])
    extra = Atoms(atoms[7:8].symbols, positions=[atoms.positions[7] + split])
    atoms.positions[7] -= split
    del atoms[[40, 90, 133]]
    atoms += extra
    lattice = lattice_of(atoms, structure)
    assert lattice is not None and lattice.n_sites == n_sites
    found = lattice.occupation(atoms.positions)
    assert (found.empty, found.double) == (3, 1)


def test_an_oblique_box_of_any_periods(rng: np.random.Generator) -> None:
    atoms = ase.build.make_supercell(ase.build.bulk("Pt", "fcc", a=3.92), [[9, 1, 0], [-2, 8, 1], [0, 3, 7]])
    n_sites = len(atoms)
    atoms.positions += rng.normal(0.0, REST, atoms.positions.shape)
    del atoms[[5, 6]]
    lattice = lattice_of(atoms, "fcc")
    assert lattice is not None and lattice.n_sites == n_sites
    assert lattice.occupation(atoms.positions).empty == 2
    # Noise leads atoms to sites beside their own: as many doubled as emptied.
    noisy = lattice.occupation(atoms.positions + rng.normal(0.0, 0.6, atoms.positions.shape))
    assert noisy.empty - 2 >= noisy.double > 0


def test_long_boxes_do_not_lose_count() -> None:
    atoms = ase.build.bulk("Pt", "fcc", a=3.92, cubic=True).repeat((60, 2, 2))
    atoms.positions += 0.15 * np.sin(2.0 * np.pi * atoms.positions[:, [0]] / atoms.cell[0, 0])  # long waves, left by healing
    del atoms[3]
    lattice = lattice_of(atoms, "fcc")
    assert lattice is not None and lattice.occupation(atoms.positions).empty == 1


def twin() -> Atoms:
    layers = ase.build.fcc111("Pt", (4, 4, 6), a=3.92, orthogonal=True)
    layers.cell[2, 2] = 6 * 3.92 / np.sqrt(3.0)
    mirrored = layers.copy()
    mirrored.positions[:, 2] *= -1.0
    whole = layers + mirrored[mirrored.positions[:, 2] < -0.1]
    whole.cell[2, 2] = 11 * 3.92 / np.sqrt(3.0)
    return whole


@pytest.mark.parametrize("what", ["liquid", "slab", "twin", "few"])
def test_where_no_lattice_fills_the_box_nothing_is_told(what: str, rng: np.random.Generator) -> None:
    atoms = crystal("fcc")
    if what == "liquid":
        atoms.positions = rng.uniform(0.0, 1.0, atoms.positions.shape) @ atoms.cell[:]
    elif what == "slab":
        atoms.cell[2, 2] += 3 * 3.92
    elif what == "twin":
        atoms = twin()
    else:
        atoms = atoms[:3]
    assert lattice_of(atoms, "fcc") is None
