"""The start structures are what their names say: energies against published ones, labels and counts of defects."""

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from conftest import POTENTIAL, ROOT

from lammps_heal.analysis import labels
from lammps_heal.analysis.energies import energy_per_atom, minimise
from lammps_heal.analysis.local_structure import FCC, SHELLS
from lammps_heal.analysis.sites import count_defects
from lammps_heal.errors import HealError
from lammps_heal.evaluation import cells, defect_cells
from lammps_heal.evaluation.metals import ELEMENTS, metal_lattice_constant, metal_potential
from lammps_heal.hosts.potential import Potential

pytestmark = pytest.mark.lammps

COHESIVE = 5770.0  # meV/atom of Pt_u3.eam: Foiles, Baskes and Daw, Phys. Rev. B 33, 7983 (1986), table I
MJ_PER_M2 = 16.0218  # in one meV/Å²


@pytest.fixture(autouse=True)
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def above_crystal(atoms: Atoms) -> tuple[Atoms, float]:
    """Relaxed atoms, and their energy above as many in the perfect crystal, meV."""
    relaxed, energy = minimise(atoms)
    return relaxed, (energy + COHESIVE) * len(atoms)


def per_area(energy: float, atoms: Atoms, normal: int, planes: int) -> float:
    """mJ/m² of each of the planes normal to this axis."""
    lengths = np.delete(atoms.cell.lengths(), normal)
    return float(energy / (planes * lengths.prod()) * MJ_PER_M2)


def test_the_crystal_has_the_published_energy() -> None:
    assert energy_per_atom(cells.perfect_crystal(2)) == pytest.approx(-COHESIVE, abs=0.1)


@pytest.mark.parametrize(("face", "published"), [("100", 1650), ("110", 1750), ("111", 1440)])
def test_surfaces_have_the_published_energy(face: str, published: float) -> None:
    """mJ/m², relaxed: Foiles, Baskes and Daw 1986, table VII, to three digits."""
    atoms = defect_cells.slab(face, 4, 4, 12)
    assert per_area(above_crystal(atoms)[1], atoms, 2, 2) == pytest.approx(published, abs=6)


def test_a_stack_of_close_packed_layers_is_the_crystal() -> None:
    atoms = defect_cells.stack("ABC" * 2, 3, 2)
    assert energy_per_atom(atoms) == pytest.approx(-COHESIVE, abs=0.1)
    assert (labels.labels(atoms) == FCC).all()


def test_a_stacking_fault_is_two_hcp_layers_and_a_twin_boundary_one_at_half_the_energy() -> None:
    fault, twin = defect_cells.stacking_fault(4, 2, 5), defect_cells.twin(4, 2, 3)
    per_layer = 2 * 4 * 2
    for atoms, hcp_layers in ((fault, 2), (twin, 2)):
        found = labels.labels(atoms)
        assert (found == 2).sum() == hcp_layers * per_layer
        assert (found == FCC).sum() == len(atoms) - hcp_layers * per_layer
    energies = per_area(above_crystal(fault)[1], fault, 2, 1), per_area(above_crystal(twin)[1], twin, 2, 2)
    assert 5 < energies[0] < 50
    assert energies[1] == pytest.approx(energies[0] / 2, rel=0.1)


def test_the_grain_boundary_is_a_sigma_5_of_low_energy() -> None:
    atoms = defect_cells.sigma5_boundary(3, 1, 2)
    relaxed, energy = above_crystal(atoms)
    # Two grains of 3 periods, 20 atoms each to a period and cell of the coincidence lattice.
    assert len(atoms) == 2 * 3 * 20 * 2
    assert 800 < per_area(energy, atoms, 1, 2) < 1200
    shifted = defect_cells.sigma5_boundary(3, 1, 2, translation=(0.25, 0.25))
    assert above_crystal(shifted)[1] / len(shifted) > energy / len(atoms)
    # Crystal again between the boundaries, in two orientations that share every fifth site.
    at_middle = np.abs(relaxed.positions[:, 1] / relaxed.cell[1, 1] % 0.5 - 0.25) < 0.1
    assert (labels.labels(relaxed)[at_middle] == FCC).all()
    assert (labels.labels(relaxed) != FCC).any()


def test_the_dislocation_dipole_is_a_pair_of_lines() -> None:
    atoms = defect_cells.dislocation_dipole(16, 1, 3)
    assert len(atoms) == 2 * 9 * (16 + 15)
    relaxed = above_crystal(atoms)[0]
    found = labels.labels(relaxed)
    # Each line splits into partials with a ribbon of stacking fault between them: hcp at two heights.
    heights = relaxed.positions[found == 2, 2] / relaxed.cell[2, 2] % 1.0
    assert (np.abs(heights - 0.5) < 0.1).any()
    assert (np.minimum(heights, 1 - heights) < 0.1).any()
    assert (found == FCC).mean() > 0.7


def test_a_dumbbell_is_one_interstitial_and_a_void_fifty_vacancies() -> None:
    sites = cells.perfect_crystal(5)
    dumbbell, energy = above_crystal(cells.with_dumbbell(sites))
    found = count_defects(dumbbell.positions, sites)
    assert (found.vacancies, found.interstitials) == (0, 1)
    assert 2000 < energy < 5000
    # It stays a [100] dumbbell: the two atoms of one site lie along x.
    d, vectors = neighbor_list("dD", dumbbell, 3.0)
    assert np.abs(vectors[d.argmin()])[1:].max() < 0.1
    void = cells.with_void(sites, 50)
    assert count_defects(minimise(void)[0].positions, sites).vacancies == 50
    middle = sites.cell.lengths() / 2
    assert np.linalg.norm(void.positions - middle, axis=1).min() > 0.45 * (50 / 4 * 3 / np.pi / 4 * 3.92**3) ** (1 / 3) * 2


def test_noise_has_its_sigma_and_puts_no_two_atoms_on_one_spot() -> None:
    sites = cells.perfect_crystal(6)
    for seed in range(5):
        noisy = cells.with_noise(sites, 1.0, np.random.default_rng(seed))
        assert (noisy.positions - sites.positions).std() == pytest.approx(1.0, rel=0.05)
        assert len(neighbor_list("d", noisy, 0.1)) == 0


def test_the_lattice_follows_the_box_and_the_drift() -> None:
    sites = cells.perfect_crystal(3)
    moved = cells.with_vacancies(sites, 5, np.random.default_rng(1))
    moved.set_cell(sites.cell * 1.02, scale_atoms=True)
    moved.positions += 0.7
    found = count_defects(moved.positions, cells.scaled_sites(sites, moved))
    assert (found.vacancies, found.interstitials) == (5, 0)
    np.testing.assert_allclose(cells.scaled_sites(sites, moved).positions, sites.positions * 1.02 + 0.7, atol=1e-9)


@pytest.mark.parametrize("element", ELEMENTS)
def test_metals_are_relaxed_at_the_lattice_constant_of_their_potential(element: str) -> None:
    a, potential = metal_lattice_constant(element), Potential.from_file(metal_potential(element))
    energies = [
        energy_per_atom(cells.perfect_crystal(2, cells.Lattice("fcc", element, a * part)), potential)
        for part in (0.99, 1.0, 1.01)
    ]
    assert energies[1] == min(energies)


def test_a_crystal_perfect_to_rounding_is_fcc_throughout() -> None:
    crystal = cells.perfect_crystal(10)
    for seed in (3, 8, 11):  # each with an atom that template matching alone does not match
        atoms = crystal.copy()
        atoms.positions += np.random.default_rng(seed).normal(0, 1e-9, atoms.positions.shape)
        assert (labels.labels(atoms) == FCC).all()


def test_both_analyses_agree_where_there_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    atoms = defect_cells.stacking_fault(4, 2, 3)
    monkeypatch.setattr(labels, "has_ovito", lambda: False)
    assert labels.analysis() == "LAMMPS compute cna/atom"
    by_neighbours = labels.labels(atoms)
    assert np.bincount(by_neighbours).tolist() == [0, len(atoms) - 32, 32]
    pytest.importorskip("ovito")
    np.testing.assert_array_equal(labels.template_labels(atoms), by_neighbours)


@pytest.mark.parametrize(("structure", "atoms_per_cell"), [("fcc", 4), ("bcc", 2), ("hcp", 4), ("diamond", 8)])
def test_crystals_of_every_structure_have_its_neighbours(structure: str, atoms_per_cell: int) -> None:
    shells, constant = SHELLS[structure], 3.3
    crystal = cells.perfect_crystal(3, cells.Lattice(structure, "W", constant))
    assert len(crystal) == atoms_per_cell * 27
    assert np.allclose(crystal.cell.angles(), 90.0)
    distances = neighbor_list("d", crystal, shells.bond * shells.nearest * constant)
    assert distances.min() == pytest.approx(shells.nearest * constant)
    assert len(distances) == shells.coordination * len(crystal)


@pytest.mark.parametrize("has_ovito", [True, False])
@pytest.mark.parametrize("structure", ["fcc", "bcc", "hcp"])
def test_labels_are_those_of_the_structure(structure: str, has_ovito: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if has_ovito:
        pytest.importorskip("ovito")
    monkeypatch.setattr(labels, "has_ovito", lambda: has_ovito)
    crystal = cells.perfect_crystal(4, cells.Lattice(structure, "W", 3.3))
    assert labels.labelled_fraction(cells.with_noise(crystal, 0.05, np.random.default_rng(1)), structure) == 1.0


def test_structures_that_are_not_known_are_refused() -> None:
    with pytest.raises(HealError, match="crystals of fcc, bcc, diamond, hcp, got A15"):
        cells.Lattice("A15", "W", 5.0)
    with pytest.raises(HealError, match="labels fcc, hcp and bcc, got diamond"):
        labels.labels(cells.perfect_crystal(2, cells.Lattice("diamond", "Si", 5.43)), "diamond")


def test_the_platinum_potential_is_the_one_of_lammps() -> None:
    assert POTENTIAL.read_bytes() == metal_potential("Cu").with_name("Pt_u3.eam").read_bytes()
