"""The OVITO modifier, headless, by OVITO's own pipeline: it gives the numbers of `lammps_heal.observe`."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from conftest import ROOT, fcc, noisy

import lammps_heal
from lammps_heal.model.model_file import Model

pytestmark = pytest.mark.skipif(find_spec("ovito") is None, reason="OVITO is an extra")
SAME = 1e-9  # Å; positions pass through a file in float64, and through other axes
LATTICES = {"Pt": None, "Cu": 3.615}


@pytest.fixture
def hot(rng: np.random.Generator) -> Atoms:
    """With a vacancy and an interstitial's worth of trouble; some atoms outside of the box, as programs leave them."""
    atoms = noisy(fcc(5), 0.12, rng)
    del atoms[111]
    atoms.positions[:20] += atoms.cell[:].sum(0)
    return atoms


def computed(folder: Path, atoms: Atoms, **options: object) -> object:
    """What a pipeline with the modifier gives."""
    from ovito.io import import_file

    from lammps_heal.hosts.ovito.modifier import HealCrystal

    ase.io.write(folder / "hot.xyz", atoms, format="extxyz")
    pipeline = import_file(str(folder / "hot.xyz"))
    pipeline.modifiers.append(HealCrystal(**options))
    return pipeline.compute()


def read_again(folder: Path) -> Atoms:
    """The atoms with the digits that the file has."""
    atoms: Atoms = ase.io.read(folder / "hot.xyz")
    return atoms


def test_it_observes_as_python_does(tmp_path: Path, hot: Atoms, model: Model) -> None:
    data = computed(tmp_path, hot)
    atoms = read_again(tmp_path)
    seen = lammps_heal.observe(atoms, model)
    particles = data.particles
    np.testing.assert_allclose(particles["Healed Position"], seen.positions, atol=SAME)
    np.testing.assert_allclose(particles["Healed Displacement"], seen.displacement, atol=SAME)
    np.testing.assert_array_equal(particles["Coordination"], seen.coordination)
    np.testing.assert_array_equal(particles["Label"], seen.labels)
    np.testing.assert_allclose(particles["Residual"], seen.residual, atol=SAME)
    np.testing.assert_allclose(particles["Position"], atoms.positions, atol=SAME)
    counts = {name: data.attributes[f"HealCrystal.{name}"] for name in seen.table()}
    assert counts == pytest.approx(seen.table()) and counts["vacancies"] == 1.0
    assert particles["Label"].type_by_id(1).name == "fcc"


def test_it_heals_where_it_is_asked_to(tmp_path: Path, hot: Atoms, model: Model) -> None:
    data = computed(tmp_path, hot, steps=10, move_particles=True)
    expected = lammps_heal.heal(read_again(tmp_path), model, steps=10)
    np.testing.assert_allclose(data.particles["Position"], expected.positions, atol=SAME)


def test_a_turned_cell_comes_back_turned(tmp_path: Path, hot: Atoms, model: Model) -> None:
    hot.rotate(40.0, (1, 2, 3), rotate_cell=True)
    data = computed(tmp_path, hot)
    seen = lammps_heal.observe(read_again(tmp_path), model)
    np.testing.assert_allclose(data.particles["Healed Position"], seen.positions, atol=1e-5)
    np.testing.assert_array_equal(data.particles["Label"], seen.labels)


def test_other_elements_have_their_lattice_constant(tmp_path: Path, rng: np.random.Generator) -> None:
    copper = noisy(fcc(5, 3.615), 0.1, rng)
    copper.symbols[:] = "Cu"
    found, given = computed(tmp_path, copper), computed(tmp_path, copper, lattice=3.615)
    for data in (found, given):
        assert data.attributes["HealCrystal.fcc"] == len(copper)
    np.testing.assert_allclose(found.particles["Healed Position"], given.particles["Healed Position"], atol=0.02)


@pytest.mark.parametrize(("options", "message"), [({"model": "none.pt"}, "does not exist"), ({"lattice": 4.6}, "off")])
def test_what_is_wrong_is_said(tmp_path: Path, hot: Atoms, options: dict[str, object], message: str) -> None:
    with pytest.raises(lammps_heal.HealError, match=message):
        computed(tmp_path, hot, **options)


def test_ovito_finds_it_and_nothing_else_needs_ovito() -> None:
    [(name, place)] = re.findall(r'OVITO.Modifier"\]\n"(.*)" = "(.*)"', (ROOT / "pyproject.toml").read_text())
    assert name == "Heal crystal"
    module, _, attribute = place.partition(":")
    imported = f"import sys, {module}; from ovito.pipeline import ModifierInterface as M"
    check = f"assert issubclass({module}.{attribute}, M)"
    subprocess.run([sys.executable, "-c", f"{imported}; {check}"], check=True, timeout=120)
    unasked = (
        "import sys, lammps_heal; lammps_heal.heal, lammps_heal.observe, lammps_heal.Healing; assert 'ovito' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", unasked], check=True, timeout=120)
