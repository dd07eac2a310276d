"""Hot crystals of other metals, by their own potentials: their lattice constant is found, and they heal as with the number."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import BIN
from file_healing import dump_frames, healed
from lammps_runs import LammpsRun, lmp

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
write_data hot.data nocoeff
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


def by_fix(folder: Path, ranks: int, words: str) -> tuple[float, LammpsRun]:
    """What `lattice auto` of fix heal says that it found in hot.data, and the run."""
    done = lmp(folder, f"units metal\nread_data hot.data\nmass * 1.0\nfix heal all heal {words}\nrun 8\n", ranks)
    assert done.exit_code == 0, done.output
    [line] = [line for line in done.output.splitlines() if "lattice constant" in line]
    return float(line.split("lattice constant")[1].split()[0]), done


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_fix_heal_finds_the_same(tmp_path: Path, capfd: Capture, ranks: int) -> None:
    hot_crystal(tmp_path, "Cu", 0.9 * METALS["Cu"][3])
    read = healed(capfd, tmp_path / "hot.dump", "-o", tmp_path / "auto", "--model", "fcc", "--lattice", "auto", "--json").out
    constant, _ = by_fix(tmp_path, ranks, "fcc lattice auto")
    assert constant == pytest.approx(json.loads(read)["lattice"], abs=3e-4)


def test_fix_heal_of_a_joint_model_and_by_torchscript(tmp_path: Path) -> None:
    """The constant is that of fcc; by the reference it is the same."""
    hot_crystal(tmp_path, "Ni", 300.0)
    by_kernel, _ = by_fix(tmp_path, 1, "metals lattice auto")
    assert by_kernel == pytest.approx(by_fix(tmp_path, 1, "fcc lattice auto")[0], rel=0.003)
    assert by_fix(tmp_path, 1, "metals lattice auto kernel no")[0] == by_kernel


def test_a_hot_crystal_is_observed_with_its_own_lattice_constant(tmp_path: Path) -> None:
    hot_crystal(tmp_path, "Cu", 0.9 * METALS["Cu"][3])
    words = "fcc lattice auto every 8 observe\nthermo_style custom step f_heal[2] f_heal[10]\nthermo 8"
    table = by_fix(tmp_path, 1, words)[1].thermo()
    assert table["f_heal[10]"].tolist() == pytest.approx([VACANCIES] * 2, abs=0.5)
    assert (table["f_heal[2]"] > 4 * CELLS**3 - 14 * VACANCIES).all()
