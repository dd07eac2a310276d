"""Structures that LAMMPS relaxes and heats, for any crystal and pair style."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from conftest import POTENTIAL

from lammps_heal.analysis.energies import energy_per_atom
from lammps_heal.analysis.sites import count_defects, vectors_to_sites
from lammps_heal.crystals.crystal import Crystal, guess
from lammps_heal.crystals.defects import mirror_boundary, with_cluster, with_dumbbell, with_vacancies
from lammps_heal.crystals.drafts import Draft, Plan, lattice
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.crystals.melting import estimated_melting_point
from lammps_heal.crystals.relaxed_crystal import relaxed_crystal
from lammps_heal.crystals.structures import is_perfect, relaxed_draft, write_structures
from lammps_heal.errors import HealError
from lammps_heal.hosts.potential import Potential
from lammps_heal.training.structures import START, read_training_structures

pytestmark = pytest.mark.lammps

PLATINUM = Potential.from_file(POTENTIAL)
TUNGSTEN = Potential("eam/alloy", ("* * W_zhou.eam.alloy W",))
SILICON = Potential("sw", ("* * Si.sw Si",))


@pytest.fixture(scope="module")
def tungsten() -> tuple[Crystal, LammpsWork]:
    return relaxed_crystal("bcc", ("W",), TUNGSTEN), LammpsWork(TUNGSTEN, ("W",))


def test_lattice_constants_are_those_of_the_potentials(tungsten: tuple[Crystal, LammpsWork]) -> None:
    # Pt_u3 and Si.sw are fitted to them; of W_zhou the value that LAMMPS's own relaxation of a large crystal gives.
    assert relaxed_crystal("fcc", ("Pt",), PLATINUM).lattice_constant == pytest.approx(3.92, abs=1e-4)
    assert relaxed_crystal("diamond", ("Si",), SILICON).lattice_constant == pytest.approx(5.431, abs=1e-3)
    assert tungsten[0].lattice_constant == pytest.approx(3.16485, abs=1e-4)


def test_a_guess_far_off_is_found_back() -> None:
    assert relaxed_crystal("fcc", ("Pt",), PLATINUM, lattice_constant=3.3).lattice_constant == pytest.approx(3.92, abs=1e-4)


def test_compound_with_an_unequal_axis() -> None:
    potential = Potential("eam/alloy", ("* * CuNi.eam.alloy Cu Ni",))
    a, _, c = relaxed_crystal("L1_0", ("Cu", "Ni"), potential).cell.cell.lengths()
    assert a < c < 1.1 * a  # layers of copper, the larger atom, across z


def test_a_structure_that_the_potential_does_not_hold_is_refused() -> None:
    with pytest.raises(HealError, match="name the structure that it holds"):
        relaxed_crystal("fcc", ("Si",), SILICON)


def test_errors_of_lammps_are_told() -> None:
    with pytest.raises(HealError, match="LAMMPS stopped"):
        relaxed_crystal("bcc", ("W",), Potential("eam/alloy", ("* * no_such_file W",)))


def test_energy_is_that_of_the_package() -> None:
    sites = guess("fcc", ("Pt",), 3.92).repeat(3)
    assert 1000.0 * LammpsWork(PLATINUM, ("Pt",)).energy(sites) == pytest.approx(energy_per_atom(sites), abs=1e-6)


def test_relaxed_atoms_that_cross_a_face_are_not_wrapped(rng: np.random.Generator) -> None:
    sites = guess("fcc", ("Pt",), 3.92).repeat(3)
    noisy = sites.copy()
    noisy.positions += rng.normal(0.0, 0.1, noisy.positions.shape)
    relaxed, _ = LammpsWork(PLATINUM, ("Pt",)).relaxed(noisy)
    assert np.abs(relaxed.positions - noisy.positions).max() < 0.6


def test_box_relaxes_to_no_pressure(tungsten: tuple[Crystal, LammpsWork]) -> None:
    crystal, work = tungsten
    relaxed, _ = work.relaxed(crystal.scaled(1.01).repeat(2), "iso")
    assert relaxed.cell.lengths() == pytest.approx(2 * crystal.cell.cell.lengths(), rel=1e-4)


def test_heat_moves_atoms_about_their_sites(tungsten: tuple[Crystal, LammpsWork]) -> None:
    crystal, work = tungsten
    sites = crystal.block(3.0)
    cold, hot = (work.heated(sites, temperature, 0.5, 11) for temperature in (100.0, 900.0))
    amplitudes = [np.sqrt((vectors_to_sites(atoms.positions, sites) ** 2).mean()) for atoms in (cold, hot)]
    assert 2.0 < amplitudes[1] / amplitudes[0] < 4.5  # about √9
    assert count_defects(hot.positions, sites).vacancies == 0


@pytest.mark.parametrize(
    ("structure", "elements", "potential", "known"),
    [
        ("fcc", ("Pt",), PLATINUM, 1480.0),
        ("bcc", ("Fe",), Potential("eam/fs", ("* * Fe_mm.eam.fs Fe",)), 1773.0),
        ("diamond", ("Si",), SILICON, 1683.0),
        ("L1_2", ("Ni", "Al"), Potential("eam/alloy", ("* * NiAlH_jea.eam.alloy Ni Al",)), 1660.0),
    ],
)
def test_melting_points_are_about_right(structure: str, elements: tuple[str, ...], potential: Potential, known: float) -> None:
    crystal = relaxed_crystal(structure, elements, potential)
    assert estimated_melting_point(crystal, LammpsWork(potential, elements)) == pytest.approx(known, rel=0.25)


def test_a_vacancy_that_costs_nothing_tells_no_melting_point(
    tungsten: tuple[Crystal, LammpsWork], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a crystal that goes over to another structure around it; springs alone are still about right."""
    crystal, work = tungsten
    relaxed = LammpsWork.relaxed

    def to_lower_energy(own: LammpsWork, atoms: Atoms) -> tuple[Atoms, float]:
        at_rest, energy = relaxed(own, atoms)
        return at_rest, energy - 0.2

    monkeypatch.setattr(LammpsWork, "relaxed", to_lower_energy)
    assert estimated_melting_point(crystal, work) == pytest.approx(3695.0, rel=0.35)


def test_an_atom_on_no_spring_is_said(tungsten: tuple[Crystal, LammpsWork], monkeypatch: pytest.MonkeyPatch) -> None:
    crystal, work = tungsten
    energy = LammpsWork.energy
    monkeypatch.setattr(LammpsWork, "energy", lambda own, atoms: -energy(own, atoms))
    with pytest.raises(HealError, match=r"an atom of bcc W that is moved by 0\.014 Å costs -.* eV: give --melting-point"):
        estimated_melting_point(crystal, work)


def test_defects_that_collapse_are_left_out(tungsten: tuple[Crystal, LammpsWork], rng: np.random.Generator) -> None:
    crystal, work = tungsten
    sites = crystal.block(4.0)
    assert relaxed_draft(lattice(sites, with_cluster(sites, 2, rng)), crystal, work, rng) is not None
    split = with_dumbbell(sites, crystal, (1, 1, 0), 5)
    assert relaxed_draft(Draft("dumbbell", split, sites), crystal, work, rng) is not None
    # A vacancy beside the dumbbell takes one of its two atoms.
    nearest = int(np.argsort(np.linalg.norm(sites.positions - sites.positions[5], axis=1))[1])
    del split[[nearest]]
    assert relaxed_draft(Draft("dumbbell_and_vacancy", split, sites), crystal, work, rng) is None


def test_a_twin_that_the_potential_does_not_feel_is_no_perfect_crystal(rng: np.random.Generator) -> None:
    silicon = relaxed_crystal("diamond", ("Si",), SILICON)
    assert is_perfect(silicon.repeat(2), silicon)
    # From any shift but one of high symmetry the second grain finds the twin: tetrahedra that share a bond, eclipsed.
    twin = mirror_boundary(silicon, (1, 1, 1), 2.5, 3.5, rng.random(2))
    work = LammpsWork(SILICON, ("Si",))
    relaxed, energy = work.relaxed(twin, "z")
    assert energy == pytest.approx(work.energy(silicon.cell), abs=1e-6)
    assert not is_perfect(relaxed, silicon)


def test_files_are_what_a_training_reads(tmp_path: Path, tungsten: tuple[Crystal, LammpsWork]) -> None:
    crystal, work = tungsten
    tiny = Plan(
        scales=(1.0, 0.98),
        edge=3.0,
        wide_edge=3.0,
        n_strained=1,
        n_vacancies=2,
        n_clusters=1,
        n_interstitials=1,
        n_interstitial_pairs=0,
        n_slabs=1,
        n_boundaries=1,
        n_dipoles=1,
        n_hot=3,
        ps=0.1,
    )
    path = tmp_path / "structures.xyz"
    counts = write_structures(path, crystal, work, 3400.0, tiny)
    frames = read_training_structures([path])
    assert len(frames) + counts["hot"] == sum(counts.values())
    assert counts["hot"] == sum(START in atoms.arrays for atoms in frames) >= 2
    assert frames[0].info["structure"] == "bcc" and frames[0].info["nn"] == pytest.approx(crystal.nn, abs=1e-5)
    for atoms in frames:
        if "kind" in atoms.info:
            continue
        vacancies = np.reshape(atoms.info.get("vacancies", []), (-1, 3))
        assert atoms.info["sites"] == len(atoms) + len(vacancies)
        # A site stays empty: nothing is within half a neighbour distance.
        parts = (vacancies[:, None] - atoms.positions) @ np.linalg.inv(atoms.cell[:])
        distances = np.linalg.norm((parts - np.round(parts)) @ atoms.cell[:], axis=2)
        assert distances.min(initial=np.inf) > 0.5 * crystal.nn


def test_vacancies_keep_their_number(tungsten: tuple[Crystal, LammpsWork], rng: np.random.Generator) -> None:
    crystal, work = tungsten
    sites = crystal.block(4.0)
    relaxed = relaxed_draft(lattice(sites, with_vacancies(sites, 4, rng)), crystal, work, rng)
    assert relaxed is not None
    assert count_defects(relaxed.positions, sites).vacancies == 4
