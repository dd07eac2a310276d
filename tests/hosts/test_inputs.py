"""The LAMMPS inputs as a user runs them, on both kinds of LAMMPS: fix heal, and the Python fix."""

import os
import subprocess
import sysconfig
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from conftest import BIN, ROOT, Run, fcc

from lammps_heal.analysis.energies import common_neighbours, energy_per_atom, minimise
from lammps_heal.analysis.sites import count_defects, read_structures, vectors_to_sites
from lammps_heal.commands.demo import show

pytestmark = pytest.mark.lammps

SCALES = np.array([1.00, 0.98, 1.012, 1.025, 0.99, 1.006, 1.018, 0.97])  # of in.defects
VOIDS = (19, 43, 55)  # sites: one and its nearest shells
CNA_CUTOFF = (1.0 + np.sqrt(0.5)) / 2.0  # lattice constants: between first and second neighbours

# A LAMMPS with the PYTHON package and an MPI of its own; .ci/run installs Debian's.
PYTHON_LAMMPS = Path(os.environ.get("PYTHON_LAMMPS", "/usr/bin/lmp"))
PYTHON_MPIRUN = Path(os.environ.get("PYTHON_MPIRUN", "/usr/bin/mpirun"))
needs_python_lammps = pytest.mark.skipif(
    not (PYTHON_LAMMPS.exists() and PYTHON_MPIRUN.exists()),
    reason="needs a LAMMPS with the PYTHON package: apt install lammps python3-lammps openmpi-bin",
)


def run_python_lammps(*words: object, ranks: int = 1) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON_LAMMPS), *map(str, words)]
    if ranks > 1:
        command = [str(PYTHON_MPIRUN), "--allow-run-as-root", "--oversubscribe", "-np", str(ranks), *command]
    paths = f"{ROOT}:{sysconfig.get_path('purelib')}"
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    environment.pop("LAMMPS_HEAL_PLUGIN", None)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of in.crystal and in.damage, a crystal of 500 sites at 1,200 K with severe damage."""
    path = tmp_path_factory.mktemp("inputs")
    for words in (
        [
            "inputs/in.crystal",
            "-var",
            "mode",
            "cell",
            "-var",
            "cell",
            f"{path}/crystal",
            *"-var nx 6 -var ny 6 -var nz 6".split(),
        ],
        ["inputs/in.damage", "-var", "crystal", f"{path}/crystal", "-var", "prefix", f"{path}/", "-var", "ps", "1.0"],
    ):
        done = subprocess.run([BIN / "lmp", "-in", *words, "-log", "none"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:]
    return path


def variables(folder: Path, out: str) -> list[str]:
    return f"-var damaged {folder}/damaged.data -var out {folder}/{out} -log {folder}/{out}.log -var steps 10".split()


def last_positions(path: Path) -> np.ndarray:
    atoms = ase.io.read(path, index=-1, format="lammps-dump-text")
    return atoms.positions, atoms.cell.lengths()


def assert_same(first: Path, second: Path) -> None:
    (a, side), (b, _) = last_positions(first), last_positions(second)
    difference = a - b
    assert np.abs(difference - side * np.round(difference / side)).max() < 1e-5


def test_the_training_structures_are_what_in_crystal_makes(tmp_path: Path, run: Run) -> None:
    made = tmp_path / "training_data.xyz"
    done = run("lmp", "-in", "inputs/in.crystal", "-var", "out", made, "-log", "none")
    assert done.returncode == 0, done.stdout[-2000:]
    shipped, again = read_structures(ROOT / "data/training_data.xyz"), read_structures(made)
    assert len(shipped) == len(again) == 285
    for a, b in zip(shipped, again, strict=True):
        np.testing.assert_allclose(a.positions, b.positions, atol=1e-5)
        np.testing.assert_allclose(a.cell[:], b.cell[:], atol=1e-8)


def test_the_training_structures_are_relaxed_crystals_with_the_vacancies_meant() -> None:
    for atoms in read_structures(ROOT / "data/training_data.xyz"):
        sites = fcc(4 if len(atoms) <= 256 else 5)
        missing = len(sites) - len(atoms)
        assert missing in (range(14) if len(sites) == 256 else VOIDS)
        sites.set_cell(atoms.cell, scale_atoms=True)
        found = count_defects(atoms.positions, sites)
        assert (found.vacancies, found.interstitials) == (missing, 0)


@pytest.mark.parametrize(
    "kind",
    [
        "dumbbell_and_vacancy",
        "adatom_100",
        "extrinsic_fault",
        "sigma17_530",
        "small_edge_dipole",
        "thick_110",
        "vacancy_111",
    ],
)
def test_the_training_defects_are_what_in_defects_makes(kind: str, tmp_path: Path, run: Run) -> None:
    made = tmp_path / "defects.xyz"
    done = run("lmp", "-in", "inputs/in.defects", "-var", "out", made, "-var", "only", kind, "-log", "none")
    assert done.returncode == 0, done.stdout[-2000:]
    shipped = [atoms for atoms in read_structures(ROOT / "data/training_defects.xyz") if atoms.info["kind"] == kind]
    again = read_structures(made)
    assert len(shipped) == len(again) == len(SCALES)
    for a, b in zip(shipped, again, strict=True):
        np.testing.assert_allclose(a.positions, b.positions, atol=1e-3)
        np.testing.assert_allclose(a.cell[:], b.cell[:], atol=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["defects.xyz"]


def test_thermal_snapshots_follow_what_they_are_quenched_to(tmp_path: Path, run: Run) -> None:
    made = tmp_path / "thermal.xyz"
    words = ["-var", "mode", "thermal", "-var", "out", made, "-var", "only", "twin", "-var", "ps", 0.5, "-log", "none"]
    done = run("lmp", "-in", "inputs/in.defects", *words)
    assert done.returncode == 0, done.stdout[-2000:]
    frames = read_structures(made)
    assert [(atoms.info["kind"], atoms.info["temperature"]) for atoms in frames] == [("twin", t) for t in (0, 600, 0, 900)]
    for quenched, hot in zip(frames[::2], frames[1::2], strict=True):
        reached, _ = minimise(hot)
        way = vectors_to_sites(reached.positions, quenched)
        np.testing.assert_allclose(way - way.mean(0), 0.0, atol=1e-3)


def defects(*kinds: str) -> list[Atoms]:
    found = [atoms for atoms in read_structures(ROOT / "data/training_defects.xyz") if atoms.info["kind"] in kinds]
    assert len(found) == len(SCALES) * len(kinds)
    return found


@pytest.mark.parametrize(
    ("kind", "cells", "interstitials", "vacancies"),
    [
        ("dumbbell", (4, 4, 4), 1, 0),
        ("two_dumbbells", (4, 4, 4), 2, 0),
        ("dumbbell_and_vacancy", (5, 5, 4), 1, 1),
        ("wide_dumbbell", (6, 6, 6), 1, 0),
    ],
)
def test_dumbbells_are_split_along_100(kind: str, cells: tuple[int, int, int], interstitials: int, vacancies: int) -> None:
    for atoms in defects(kind):
        sites = ase.build.bulk("Pt", "fcc", a=3.92, cubic=True).repeat(cells)
        sites.set_cell(atoms.cell, scale_atoms=True)
        found = count_defects(atoms.positions, sites)
        assert (found.interstitials, found.vacancies) == (interstitials, vacancies)
        i, j, pair = neighbor_list("ijD", atoms, 0.62 * sites.cell[0, 0] / cells[0])  # neighbours are at 0.71
        assert np.count_nonzero(i < j) == interstitials
        assert (np.abs(pair).max(1) > 0.99 * np.linalg.norm(pair, axis=1)).all()


@pytest.mark.parametrize(
    ("kind", "fcc_atoms", "hcp_atoms"),
    [
        ("stacking_fault", 180, 40),  # two layers of 20
        ("extrinsic_fault", 220, 40),
        ("twin", 160, 32),  # two boundaries of 16
        ("surface_100", 180, 0),  # less the two outermost layers, 30 and 30
        ("surface_110", 120, 0),  # the four outermost, 20 each
        ("surface_111", 168, 0),  # the two outermost, 24 each
        ("thick_100", 192, 0),  # the two outermost, 16 each
        ("thick_110", 144, 0),  # the four outermost, 12 each
        ("thick_111", 160, 0),  # the two outermost, 16 each
        ("thick_twin", 352, 32),
    ],
)
def test_planar_defects_have_the_atoms_of_their_layers(kind: str, fcc_atoms: int, hcp_atoms: int) -> None:
    for atoms, a in zip(defects(kind), 3.92 * SCALES, strict=True):
        label = common_neighbours(atoms, CNA_CUTOFF * a)
        assert ((label == 1).sum(), (label == 2).sum()) == (fcc_atoms, hcp_atoms)


@pytest.mark.parametrize(
    ("kind", "sites", "vacancies"),
    [("wide_vacancies", 864, {9}), ("vacancy_100", 324, {1, 2}), ("vacancy_110", 288, {1, 2}), ("vacancy_111", 240, {1, 2})],
)
def test_vacancies_have_room(kind: str, sites: int, vacancies: set[int]) -> None:
    found = defects(kind)
    assert {sites - len(atoms) for atoms in found} == vacancies
    for atoms, a in zip(found, 3.92 * SCALES, strict=True):
        assert atoms.get_volume() == pytest.approx(sites * a**3 / 4, rel=1e-5)
        assert atoms.cell.lengths().max() > 5.9 * a
        # Whatever surrounds no vacancy is as in the perfect crystal.
        assert (common_neighbours(atoms, CNA_CUTOFF * a) == 1).sum() >= len(atoms) - 12 * (sites - len(atoms))


def test_dislocations_are_dissociated_and_boundaries_are_there() -> None:
    dipoles = defects("edge_dipole", "small_edge_dipole", "long_edge_dipole", "screw_dipole", "wide_screw_dipole")
    tilted_110 = defects("sigma9_221", "sigma9_114", "sigma11_113", "sigma11_332")
    tilted_001 = defects("sigma13_320", "sigma17_410", "sigma17_530", "sigma25_430", "sigma29_520")
    boundaries = tilted_110 + tilted_001 + defects("thick_sigma13")
    for atoms, a in zip(dipoles + boundaries, np.tile(3.92 * SCALES, 15), strict=True):
        label = common_neighbours(atoms, CNA_CUTOFF * a)
        assert 0.3 < (label == 1).mean() < 0.94, atoms.info
        # Between the partials, on two planes each: a ribbon of stacking fault.
        assert (label == 2).sum() >= 4 or atoms in boundaries, atoms.info


def test_damage_keeps_the_vacancy_and_is_severe(folder: Path) -> None:
    from lammps_heal.hosts.structures import read_data

    damaged, reference, sites = (read_data(folder / f"{name}.data") for name in ("damaged", "reference", "sites"))
    assert len(sites) == 864 and len(reference) == len(damaged) == 863
    found = count_defects(reference.positions, sites)
    assert (found.vacancies, found.interstitials) == (1, 0)
    np.testing.assert_allclose(damaged.cell[:], sites.cell[:], atol=1e-6)
    assert damaged.get_volume() > 1.01 * 864 / 4 * 3.92**3  # thermal expansion
    assert energy_per_atom(damaged) - energy_per_atom(reference) > 150.0  # meV/atom: 3/2 kT at 1,200 K is 155


def test_in_heal_heals_with_fix_heal_and_the_demo_shows_it(folder: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    done = run("lmp", "-in", "inputs/in.heal", *variables(folder, "fix"), "-var", "steps", 20)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "fix heal all heal" in (folder / "fix.log").read_text()
    picture = folder / "picture.png"
    steps = show(folder / "fix.log", folder / "fix", folder, picture)
    assert [s.step for s in steps] == list(range(len(steps)))
    assert all((s.defects.vacancies, s.defects.interstitials) == (1, 0) for s in steps[5:])
    assert steps[0].excess_meV > 150.0 and abs(steps[-1].excess_meV) < 0.5
    assert steps[-1].crystalline == pytest.approx(1 - 12 / 863, abs=1e-6)  # all but the vacancy's twelve neighbours
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "meV/atom" in capsys.readouterr().out


@pytest.mark.parametrize(("element", "neighbours"), [("W", 14), ("Mg", 12), ("Si", 4)])
def test_the_same_scripts_serve_other_crystals(tmp_path: Path, run: Run, element: str, neighbours: int) -> None:
    """Damaged around its vacancy, healed by its own model, shown; potentials are those of LAMMPS's own folder."""
    size = "-var nx 6 -var ny 4 -var nz 4" if element == "Si" else "-var nx 6 -var ny 5 -var nz 5"
    to_crystal = f"-var mode cell -var cell {tmp_path}/crystal {size}"
    to_damage = f"-var temperature 300 -var ps 0.4 -var radius 5 -var crystal {tmp_path}/crystal -var prefix {tmp_path}/"
    for script, options in (("crystal", to_crystal), ("damage", to_damage)):
        done = run("lmp", "-in", f"inputs/in.{script}", "-var", "element", element, *options.split(), "-log", "none")
        assert done.returncode == 0, done.stdout[-2000:]
    done = run("lmp", "-in", "inputs/in.heal", "-var", "element", element, *variables(tmp_path, "healed"))
    assert done.returncode == 0, done.stdout[-2000:]
    steps = show(tmp_path / "healed.log", tmp_path / "healed", tmp_path, tmp_path / "picture.png")
    n_atoms = len(ase.io.read(tmp_path / "healed", format="lammps-dump-text"))
    assert (steps[-1].defects.vacancies, steps[-1].defects.interstitials) == (1, 0)
    assert steps[0].excess_meV > 30.0 and steps[-1].excess_meV < 0.2
    # In diamond a neighbour of the vacancy may take part of its place.
    assert 1.0 - steps[-1].crystalline <= neighbours / n_atoms + 1e-6 < 1.0 - steps[0].crystalline


@pytest.mark.mpi
def test_in_heal_under_mpirun_is_the_same(folder: Path, run: Run) -> None:
    for ranks in (1, 2):
        done = run("lmp", "-in", "inputs/in.heal", *variables(folder, f"ranks{ranks}"), ranks=ranks)
        assert done.returncode == 0, done.stdout[-2000:]
    assert_same(folder / "ranks1", folder / "ranks2")


@needs_python_lammps
@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_the_python_fix_moves_atoms_as_fix_heal_does(folder: Path, run: Run, ranks: int) -> None:
    done = run("lmp", "-in", "inputs/in.heal", *variables(folder, "stock"))
    assert done.returncode == 0, done.stdout[-2000:]
    done = run_python_lammps("-in", "inputs/in.heal", *variables(folder, f"python{ranks}"), ranks=ranks)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "python/move" in (folder / f"python{ranks}.log").read_text()
    assert_same(folder / "stock", folder / f"python{ranks}")


@needs_python_lammps
def test_the_python_fix_takes_lattice_and_threads(folder: Path, run: Run) -> None:
    options = ["-var", "lattice", 3.95, "-var", "threads", 2]
    for out, chosen in (("plain", []), ("options", options)):
        done = run("lmp", "-in", "inputs/in.heal", *variables(folder, out), *chosen)
        assert done.returncode == 0, done.stdout[-2000:]
    done = run_python_lammps("-in", "inputs/in.heal", *variables(folder, "python_options"), *options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert_same(folder / "options", folder / "python_options")
    assert np.abs(last_positions(folder / "options")[0] - last_positions(folder / "plain")[0]).max() > 1e-3


def test_the_callback_host_moves_atoms_as_fix_heal_does(folder: Path, run: Run) -> None:
    outs = [folder / f"{host}.lammpstrj" for host in ("python", "fix")]
    for out in outs:
        done = run("lammps-heal", "heal", folder / "damaged.data", "-o", out, "--host", out.stem)
        assert done.returncode == 0, done.stderr
    assert_same(*outs)


@needs_python_lammps
@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_an_error_in_the_python_fix_ends_all_ranks_with_one_message(folder: Path, tmp_path: Path, ranks: int) -> None:
    earlier = folder / "earlier"
    earlier.write_text("an earlier trajectory")
    words = ["-in", "inputs/in.heal", *variables(folder, "earlier"), "-var", "model", tmp_path / "none.pt"]
    done = run_python_lammps(*words, ranks=ranks)
    assert done.returncode != 0
    assert (done.stdout + done.stderr).count('none.pt" does not exist') == 1, done.stdout + done.stderr
    assert earlier.read_text() == "an earlier trajectory"


def test_a_failed_run_of_in_heal_leaves_the_earlier_trajectory(folder: Path, run: Run) -> None:
    earlier = folder / "kept"
    earlier.write_text("an earlier trajectory")
    done = run("lmp", "-in", "inputs/in.heal", *variables(folder, "kept"), "-var", "model", "none.pt")
    assert done.returncode != 0
    assert earlier.read_text() == "an earlier trajectory"


def test_healing_stops_by_itself_when_healed(folder: Path, run: Run) -> None:
    words = [*variables(folder, "halted"), "-var", "steps", 60, "-var", "stop", 0.02]
    done = run("lmp", "-in", "inputs/in.heal", *words)
    assert done.returncode == 0, done.stdout[-2000:]
    frames = ase.io.read(folder / "halted", index=":", format="lammps-dump-text")
    assert 3 < len(frames) < 30
    moves = [np.linalg.norm(b.positions - a.positions, axis=1) for a, b in zip(frames[-3:], frames[-2:], strict=False)]
    assert moves[-1][moves[-1] < 5.0].max() <= 0.02 < moves[-2][moves[-2] < 5.0].max()
