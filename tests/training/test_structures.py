from collections import Counter
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.geometry import get_distances
from conftest import ROOT, fcc, noisy
from trainings import crystals, shares, shipped

from lammps_heal.analysis.sites import vectors_to_sites
from lammps_heal.crystals.crystal import guess
from lammps_heal.errors import HealError
from lammps_heal.training.mixture import NOISE, Fractions
from lammps_heal.training.recipe import Crystal, Recipe
from lammps_heal.training.structures import (
    CRYSTAL,
    DEFECT,
    START,
    THERMAL,
    group_of,
    lattice_of,
    read_training_structures,
    split,
    training_set,
)


def tagged(atoms: Atoms, temperature: int) -> Atoms:
    atoms.info = {"kind": "perfect", "temperature": temperature}
    return atoms


def test_the_shipped_structures_are_in_three_groups() -> None:
    assert Counter(map(group_of, shipped())) == {CRYSTAL: 285, DEFECT: 312, THERMAL: 39}


def test_a_hot_frame_becomes_the_start_of_the_quenched_one_before_it(tmp_path: Path, rng: np.random.Generator) -> None:
    quenched = tagged(fcc(3), 0)
    hot = tagged(noisy(fcc(3), 0.2, rng), 600)
    hot.positions[5] += quenched.cell[0]  # written by LAMMPS at another image
    ase.io.write(tmp_path / "thermal.xyz", [quenched, hot, tagged(fcc(2), 0)], format="extxyz")
    first, second = read_training_structures([tmp_path / "thermal.xyz"])
    assert (group_of(first), group_of(second)) == (THERMAL, DEFECT)
    expected = hot.positions.copy()
    expected[5] -= quenched.cell[0]
    np.testing.assert_allclose(first.arrays[START], expected, atol=1e-6)


def test_a_hot_frame_without_its_quenched_one_is_refused(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "thermal.xyz", [tagged(fcc(2), 0), tagged(fcc(3), 600)], format="extxyz")
    with pytest.raises(HealError, match="make data"):
        read_training_structures([tmp_path / "thermal.xyz"])


def test_thermal_starts_have_every_atom_at_its_own_site() -> None:
    for atoms in read_training_structures([ROOT / "data" / "training_thermal.xyz"]):
        way = atoms.positions - atoms.arrays[START]
        np.testing.assert_allclose(vectors_to_sites(atoms.arrays[START], atoms), way, atol=1e-9)
        assert 0.05 < way.std() < 0.3


def test_each_group_holds_out_a_tenth() -> None:
    parts = split(shipped(), Fractions.of(NOISE))
    assert Counter(map(group_of, parts.validation)) == {CRYSTAL: 28, DEFECT: 31, THERMAL: 3}
    assert len(parts.training) + len(parts.validation) == len(shipped())
    for group, rows in parts.groups.items():
        assert {group_of(parts.training[row]) for row in rows} == {group}


def test_validation_structures_are_not_trained_on() -> None:
    parts = split(crystals(), Fractions.of(NOISE))
    trained = [s.positions.tobytes() for s in parts.training]
    assert not any(s.positions.tobytes() in trained for s in parts.validation)
    assert len(trained) + len(parts.validation) == 11


def test_a_share_of_structures_that_are_not_there_is_refused() -> None:
    with pytest.raises(HealError, match=r"at least 10 structures \(defect\), got 0"):
        split(crystals(), Fractions.of(shares(defect_noise=0.1)))


def test_lattice_constants_are_read_from_the_structures() -> None:
    slab = fcc(3)
    slab.info["kind"] = "surface_100"
    slab.center(vacuum=10.0, axis=2)  # 4 n^3 atoms too, and no crystal
    lattice = lattice_of([*shipped(), slab], Crystal())
    assert lattice.constant == pytest.approx(3.92, abs=1e-6)
    assert lattice.nearest_neighbour == pytest.approx(fcc(3).get_all_distances(mic=True)[0, 1:].min())
    np.testing.assert_allclose([lattice.smallest, lattice.largest], [0.96 * 3.92, 1.04 * 3.92], rtol=1e-6)


def test_structures_of_another_element_than_the_recipes_are_refused() -> None:
    with pytest.raises(HealError, match="needed Cu, got Pt: mend elements"):
        lattice_of(crystals(), Crystal(elements=("Cu",)))
    with pytest.raises(HealError, match="perfect cubic cells"):
        lattice_of(crystals()[1::2], Crystal())


def described(structure: str, scale: float, n_missing: int = 0) -> Atoms:
    """A crystal with the header of crystals/structures.py."""
    crystal = guess(structure, ("Mg",), 3.2)
    sites = crystal.scaled(scale).repeat(3)
    atoms = sites[n_missing:]
    atoms.info = {"structure": structure, "nn": crystal.nn, "lattice_constant": 3.2, "sites": len(sites)}
    if n_missing:
        atoms.info["vacancies"] = sites.positions[:n_missing]
    return atoms


def test_lattice_constants_of_any_crystal_are_those_of_its_header() -> None:
    structures = [described("hcp", 1.0), described("hcp", 0.97, n_missing=2), described("hcp", 1.02)]
    lattice = lattice_of(structures, Crystal("hcp", ("Mg",)))
    assert (lattice.constant, lattice.nearest_neighbour) == (3.2, pytest.approx(3.2))
    assert (lattice.smallest, lattice.largest) == (pytest.approx(0.97 * 3.2), pytest.approx(1.02 * 3.2))


def test_structures_of_another_crystal_than_the_recipe_names_are_refused() -> None:
    with pytest.raises(HealError, match="structures must be bcc as the recipe names, got hcp"):
        lattice_of([described("hcp", 1.0)], Crystal("bcc", ("Mg",)))
    with pytest.raises(HealError, match="must include a perfect crystal"):
        lattice_of([described("hcp", 1.0, n_missing=1)], Crystal("hcp", ("Mg",)))


def test_a_joint_model_is_trained_on_all_its_crystals_at_one_nearest_neighbour_distance(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    crystals, paths = (Crystal("bcc", ("Mg",)), Crystal("hcp", ("Mg",))), [tmp_path / "bcc.xyz", tmp_path / "hcp.xyz"]
    for crystal, path in zip(crystals, paths, strict=True):
        vacant = described(crystal.structure, 1.0, n_missing=1)
        quenched, hot = tagged(described(crystal.structure, 0.98), 0), tagged(described(crystal.structure, 0.98), 300)
        hot.positions += rng.normal(0.0, 0.1, hot.positions.shape)
        for atoms in (quenched, hot):
            atoms.info["structure"] = crystal.structure
        frames = [described(crystal.structure, 1.0), vacant, quenched, hot]
        ase.io.write(path, frames, format="extxyz", columns=["symbols", "positions"])
    structures, lattice = training_set(Recipe(tuple(paths), crystals[0], others=crystals[1:]))
    assert lattice.nearest_neighbour == pytest.approx(3.2 * 0.75**0.5)
    for atoms, (start, sites) in zip(structures, 2 * [(None, 1.0), (None, 1.0), (0.1, 0.98)], strict=True):
        nearest = atoms.get_all_distances(mic=True)
        assert nearest[nearest > 0.0].min() == pytest.approx(sites * lattice.nearest_neighbour, rel=1e-5)
        if "vacancies" in atoms.info:
            _, away = get_distances(atoms.info["vacancies"], atoms.positions, cell=atoms.cell, pbc=True)
            assert away.min() == pytest.approx(lattice.nearest_neighbour, rel=1e-5)
        if start is not None:
            moved = (atoms.arrays[START] - atoms.positions).std()
            assert moved == pytest.approx(start * lattice.nearest_neighbour / 3.2, rel=0.3)
    assert {atoms.info["structure"] for atoms in structures} == {"bcc", "hcp"}
