"""Hot crystals of other metals, by their own potentials: their lattice constant is found, and they heal as with the number."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import BIN
from file_healing import dump_frames, healed
from lammps_runs import lmp

pytestmark = [pytest.mark.lammps, pytest.mark.acceptance]
Capture = pytest.CaptureFixture[str]
CELLS, VACANCIES = 6, 8
WITHIN = 0.01  # of the true lattice constant
SAME = 0.1  # Å, of sites
# Potential, its pair style, lattice constant (Å) to begin with, and melting point, K: of the metal where the potential's is not
# known; a periodic crystal of this size bears more than that for some picoseconds.
METALS = {
    "Cu": ("Cu_mishin1.eam.alloy", "eam/alloy", 3.615, 1327),
    "Ni": ("NiAlH_jea.eam.alloy", "eam/alloy", 3.52, 1728),
    "Al": ("Al_mm.eam.fs", "eam/fs", 4.045, 926),
    "Au": ("Au_u3.eam", "eam", 4.08, 1337),
}
RUN = """
units metal
lattice fcc {lattice}
region box block 0 {cells} 0 {cells} 0 {cells}
create_box 1 box
create_atoms 1 box
mass 1 {mass}
delete_atoms random count {vacancies} no all NULL 7 compress yes
pair_style {style}
pair_coeff * * {coefficients}
velocity all create $(2*{temperature}) 7
timestep 0.002
fix npt all npt temp {temperature} {temperature} 0.1 iso 0 0 1
run 1500
write_dump all custom hot.dump id element x y z modify element {element} format float %.10g
"""
MASSES = {"Cu": 63.546, "Ni": 58.693, "Al": 26.982, "Au": 196.967}


def hot_crystal(folder: Path, element: str, temperature: float) -> None:
    """hot.dump, in `folder`."""
    name, style, lattice, _ = METALS[element]
    potential = next(BIN.parent.glob("lib/python3*/site-packages/lammps/share/lammps/potentials")) / name
    coefficients = f"{potential} {element}" if style != "eam" else str(potential)
    words = {"lattice": lattice, "cells": CELLS, "mass": MASSES[element], "vacancies": VACANCIES, "style": style}
    done = lmp(folder, RUN.format(**words, coefficients=coefficients, temperature=temperature, element=element))
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("element", METALS)
@pytest.mark.parametrize("part", [None, 0.9], ids=["300 K", "0.9 T_m"])
def test_the_lattice_constant_is_found(tmp_path: Path, capfd: Capture, element: str, part: float | None) -> None:
    hot_crystal(tmp_path, element, 300.0 if part is None else part * METALS[element][3])
    found = json.loads(healed(capfd, tmp_path / "hot.dump", "-o", tmp_path / "auto", "--lattice", "auto", "--json").out)
    auto = dump_frames(tmp_path / "auto")
    true = float(auto[-1].cell[0, 0] / CELLS)
    assert found["lattice"] == pytest.approx(true, rel=WITHIN)
    assert found["sites"] == {"empty": VACANCIES, "double": 0}
    given = json.loads(healed(capfd, tmp_path / "hot.dump", "-o", tmp_path / "given", "--lattice", true, "--json").out)
    assert given["sites"] == found["sites"]
    apart = auto[-1].positions - dump_frames(tmp_path / "given")[-1].positions
    side = auto[-1].cell[0, 0]
    assert np.abs(apart - side * np.round(apart / side)).max() < SAME
