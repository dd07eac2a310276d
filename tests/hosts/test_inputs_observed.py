"""The scripts of inputs/ that observe, small: what they count, and the pages made of it."""

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import Run

from lammps_heal.hosts.formats.source import Source
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.logs import thermo_tables
from lammps_heal.hosts.observed_runs import read_run
from lammps_heal.hosts.type_elements import elements_told
from lammps_heal.report.chart_groups import ON_SITES


def last_frame(dump: Path) -> Structure:
    return Source(dump).last().structure


pytestmark = pytest.mark.lammps


@pytest.mark.parametrize(("element", "n"), [("Pt", 7), ("Fe", 9)])
def test_a_cascade_counts_its_pairs(tmp_path: Path, run: Run, element: str, n: int) -> None:
    small = ["-var", "element", element, "-var", "n", n, "-var", "recoil", "300", "-var", "ps", "0.4", "-var", "warm_ps", "0.2"]
    often = ["-var", "every", "20", "-var", "frame", "80", "-var", "prefix", f"{tmp_path}/"]
    log = tmp_path / "log.lammps"
    done = run("lmp", "-in", "inputs/in.cascade", *small, *often, "-log", log, "-screen", "none")
    assert done.returncode == 0, done.stdout
    table = thermo_tables(log.read_text())[-1]
    vacancies, pairs = np.array(table["vacancies"]), np.array(table["Frenkel_pairs"])
    assert vacancies[0] == 0 and vacancies.max() > 0
    np.testing.assert_array_equal(vacancies, table["interstitials"])  # no atom is lost
    np.testing.assert_array_equal(pairs, vacancies)
    [ended] = re.findall(r"halt condition .* met on step \d+ with value (\S+)", log.read_text())
    assert float(ended) >= 0.4
    defects = list(Source(tmp_path / "defects.lammpstrj").frames_or_errors(slice(None)))
    assert len(defects) > 10
    assert elements_told(last_frame(tmp_path / "observed.lammpstrj")) == {element}
    # Pictures take longer than the run: the page without them, and whether there is what they would be of.
    assert read_run(log, tmp_path / "observed.lammpstrj").last is not None
    done = run("lammps-heal", "report", log, "-o", tmp_path / "cascade.html")
    page = (tmp_path / "cascade.html").read_text()
    assert done.returncode == 0 and all(text in page for text in (ON_SITES, "Frenkel pairs", "time, ps")), done.stderr


def test_a_melt_beside_its_crystal_stays_one(tmp_path: Path, run: Run) -> None:
    small = ["-var", "cells", "4", "-var", "length", "10", "-var", "melt_ps", "1.0", "-var", "ps", "0.4", "-var", "every", "50"]
    log = tmp_path / "log.lammps"
    done = run("lmp", "-in", "inputs/in.front", *small, "-var", "prefix", f"{tmp_path}/", "-log", log, "-screen", "none")
    assert done.returncode == 0, done.stdout
    table = thermo_tables(log.read_text())[-1]
    assert max(table["fcc_in_the_melt"]) == 0
    assert min(table["fcc"]) > 200 and min(table["doubtful"]) > 200  # of 640
    assert elements_told(last_frame(tmp_path / "observed.lammpstrj")) == {"Pt"}
    # Pictures take longer than the run: the page without them, and whether there is what they would be of.
    assert read_run(log, tmp_path / "observed.lammpstrj").first is not None
    done = run("lammps-heal", "report", log, "-o", tmp_path / "front.html")
    assert done.returncode == 0 and "fcc_in_the_melt" in (tmp_path / "front.html").read_text(), done.stderr
