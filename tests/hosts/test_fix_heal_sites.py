"""fix heal ... observe K sites FILE: defects on the sites of a reference crystal, as Python counts them."""

from pathlib import Path

import ase.build
import numpy as np
import pytest
from ase import Atoms
from conftest import fcc, noisy
from fix_heal_runs import failing
from lammps_runs import EAM, LammpsRun, crystal, heal, lmp, triclinic, write_data
from numpy.typing import NDArray

import lammps_heal
from lammps_heal.analysis.reference_sites import SiteCount
from lammps_heal.evaluation.cells import with_dumbbell
from lammps_heal.model.model_file import Model

pytestmark = pytest.mark.lammps

OBSERVE = "fix seen all heal {{model}} observe 3 sites {file}\n"
ROWS = "dump sites all local 1 sites.dump f_seen[*]\ndump_modify sites sort 1 format float %.17g\n"
THERMO = "thermo 1\nthermo_style custom step f_seen[13] f_seen[14] f_seen[15] f_seen[16]\n"
WATCH = OBSERVE + ROWS + THERMO


@pytest.fixture
def damaged(rng: np.random.Generator) -> Atoms:
    """Drifted, warm, with three vacancies and a dumbbell."""
    atoms = noisy(with_dumbbell(fcc(6)), 0.2, rng)
    atoms.positions += [1.2, -0.7, 0.4]
    del atoms[[17, 300, 611]]
    return atoms


def expected(hot: Atoms, sites: Atoms, model: Model) -> SiteCount:
    counted = lammps_heal.observe(hot, model, sites=sites).sites
    assert counted is not None
    return counted


def rows(done: LammpsRun) -> NDArray[np.float64]:
    """Of the last frame of the dump of sites."""
    lines = (done.folder / "sites.dump").read_text().split("ITEM: ENTRIES")[-1].splitlines()[1:]
    return np.array([[float(word) for word in line.split()] for line in lines]).reshape(-1, 7)


def require_same(done: LammpsRun, count: SiteCount) -> None:
    thermo = done.thermo()
    counted = [count.vacancies, count.interstitials, count.frenkel_pairs, int(count.is_antisite.sum())]
    assert [thermo[f"f_seen[{n}]"][-1] for n in (13, 14, 15, 16)] == counted
    found, wrong = rows(done), count.is_defect
    np.testing.assert_array_equal(found[:, 0], count.ids[wrong])
    np.testing.assert_array_equal(found[:, 5], count.occupation[wrong])
    np.testing.assert_allclose(found[:, 2:5], count.positions[wrong], atol=1e-4)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks, grid", [(1, "* * *"), (2, "* * *"), (4, "1 2 2")])
def test_the_same_as_in_python_on_any_number_of_ranks(
    tmp_path: Path, damaged: Atoms, model: Model, ranks: int, grid: str
) -> None:
    write_data(tmp_path / "sites.data", fcc(6))
    done = heal(tmp_path, damaged, WATCH.format(file="sites.data") + "run 0", f"processors {grid}", ranks)
    count = expected(damaged, fcc(6), model)
    assert (count.vacancies, count.interstitials) == (3, 1)
    require_same(done, count)


@pytest.mark.mpi
def test_a_strained_triclinic_box_on_the_sites_of_a_dump(tmp_path: Path, damaged: Atoms, model: Model) -> None:
    tilted, wide = triclinic(damaged), damaged.copy()
    wide.set_cell(damaged.cell[:] * [1.02, 1.0, 0.99], scale_atoms=True)
    write_dump = "write_dump all custom sites.dump id type xs ys zs modify format float %.17g\n"
    heal(tmp_path, triclinic(fcc(6)), write_dump)
    sites = (tmp_path / "sites.dump").rename(tmp_path / "reference.dump")
    for atoms, ranks in ((tilted, 1), (tilted, 2), (wide, 1)):
        done = heal(tmp_path, atoms, WATCH.format(file=sites.name) + "run 0", ranks=ranks)
        require_same(done, expected(atoms, fcc(6), model))


@pytest.mark.mpi
def test_a_slab_with_ranks_that_have_no_atoms(tmp_path: Path, model: Model, rng: np.random.Generator) -> None:
    sites = ase.build.fcc100("Pt", (6, 6, 5), a=3.92, vacuum=15.0)
    sites.pbc = [True, True, False]
    slab = noisy(sites, 0.1, rng)
    del slab[[3, 70]]
    write_data(tmp_path / "sites.data", sites)
    for ranks in (1, 3):
        done = heal(tmp_path, slab, WATCH.format(file="sites.data") + "run 0", "processors 1 1 *", ranks)
        require_same(done, expected(slab, sites, model))


# What tells that type 2 is another element, or platinum as type 1, and how many antisites two such atoms are.
TOLD = {
    "masses": ("mass 2 63.546\n", "lattice 3.92", 2),
    "equal masses": ("", "", 0),
    "equal masses of no element of the model": ("mass * 63.546\n", "lattice 3.615", 0),
    "masses of nothing": ("mass * 1.0\n", "lattice 3.92", 2),
    "elements": ("mass * 1.0\n", "lattice 3.92 elements Cu Ni", 2),
    "equal elements": ("mass 2 1.0\n", "elements Pt Pt", 0),
    "labels": ("labelmap atom 1 Cu 2 Ni\nmass Cu 63.546\nmass Ni 58.693\n", "lattice 3.92", 2),
    "labels of one element": ("labelmap atom 1 Pt 2 Pt_fixed\n", "lattice 3.92", 0),
}


@pytest.mark.parametrize("told", TOLD)
def test_elements_tell_antisites(tmp_path: Path, damaged: Atoms, told: str) -> None:
    commands, words, n_antisites = TOLD[told]
    write_data(tmp_path / "sites.data", fcc(6), 2)
    script = crystal(tmp_path, damaged, "atom_modify map array", 2) + "set atom 5 type 2\nset atom 90 type 2\n" + commands
    watch = WATCH.format(file="sites.data").format(model=f"fcc {words}")
    done = lmp(tmp_path, script + watch + "run 0")
    assert done.exit_code == 0, done.output
    assert done.thermo()["f_seen[16]"].tolist() == [n_antisites]
    antisites = rows(done)[rows(done)[:, 5] == 1]
    np.testing.assert_array_equal(antisites[:, [1, 6]], np.tile([1, 2], (n_antisites, 1)))


def test_the_run_stays_as_it_is(tmp_path: Path, damaged: Atoms) -> None:
    write_data(tmp_path / "sites.data", fcc(6), 2)
    script = (
        crystal(tmp_path, damaged, "atom_modify map array", 2)
        + "set atom 5 type 2\nset atom 90 type 2\n"
        + EAM
        + "velocity all create 600 4711\nfix md all nve\ndump all all custom 5 all.dump id type xu yu zu\n"
        "dump_modify all format float %.17g\n"
    )
    watch = WATCH.format(file="sites.data").format(model="fcc elements Pt Pt").replace("observe", "every 5 observe")
    done = lmp(tmp_path, script + watch.replace("local 1", "local 5").replace("thermo 1\n", "thermo 5\n") + "run 10")
    assert done.exit_code == 0, done.output
    watched = (tmp_path / "all.dump").read_bytes()
    assert done.thermo()["f_seen[13]"].tolist() == [3.0, 3.0, 3.0]
    assert lmp(tmp_path, script + "run 10").exit_code == 0
    assert (tmp_path / "all.dump").read_bytes() == watched


@pytest.mark.mpi
def test_a_reference_that_does_not_fit_is_said_once(tmp_path: Path, damaged: Atoms) -> None:
    write_data(tmp_path / "sites.data", ase.build.bulk("Pt", "bcc", a=3.1, cubic=True).repeat(6))
    done = heal(tmp_path, damaged, WATCH.format(file="sites.data") + "run 0\nrun 0", ranks=2)
    assert done.output.count("(RMS) from the nearest sites of the reference") == 1


DATA = "title\n\n2 atoms\n1 atom types\n\n0 9 xlo xhi\n0 9 ylo yhi\n0 9 zlo zhi\n\nAtoms{}\n\n{}\n"


@pytest.mark.parametrize(
    "text, message",
    [
        (None, "No such file"),
        ("", "it is cut off"),
        ("ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n3\n", "it is cut off"),
        (DATA.format("", "1 1 0 0 0\n2 1 0 0"), "column 5 is missing"),
        (DATA.format("", "1 1 0 0 x\n2 1 0 0 0"), '"x" is no number'),
        (DATA.format(" # sphere", "1 1 0 0 0\n2 1 0 0 0"), "atom style sphere is not among"),
        (DATA.format("", "1 1 0.0 0 0 0\n2 1 0.0 0 0 0"), "its atom style is unknown"),
        (DATA.format("", "1 1 0 0 0").replace("0 9 ylo", "9 0 ylo"), "its box has no volume"),
    ],
)
def test_what_is_no_reference_is_refused(tmp_path: Path, damaged: Atoms, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "sites.data").write_text(text)
    said = failing(tmp_path, crystal(tmp_path, damaged) + OBSERVE.format(file="sites.data"), ranks=2)
    assert 'fix heal: the sites of "sites.data"' in said and message in said


def test_sites_without_observing(tmp_path: Path, damaged: Atoms) -> None:
    message = failing(tmp_path, crystal(tmp_path, damaged) + "fix seen all heal {model} sites sites.data")
    assert 'fix heal sites counts what a healed copy shows: add "observe"' in message
