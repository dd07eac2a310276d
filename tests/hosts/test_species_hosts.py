"""An alloy under a model that sees species: every host finds them by the same rule, and heals alike."""

import json
import subprocess
from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import BIN, ROOT, TOLERANCE, Run, fcc, noisy
from fix_heal_runs import failing
from lammps_runs import DUMP, lmp
from networks import exported, random_network
from test_fix_external import PROGRAM

import lammps_heal
from lammps_heal.errors import HealError
from lammps_heal.model.model_file import Model

pytestmark = pytest.mark.lammps

SAME = TOLERANCE[torch.float32]  # Å
STEPS = 3
ORDER = ["Al", "Co", "Ni"]  # of LAMMPS's types; the model's is Co, Ni, Al
READ = "units metal\natom_modify map yes\nread_data alloy.data\ntimestep 0.001\n"
RUN = f"{DUMP}run {STEPS}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a model of displacements that leave the crystal one, of weights that nobody trained."""
    network = random_network(2, n_species=3)
    with torch.no_grad():
        network.gates[4].weight *= 0.2
        network.gates[4].bias *= 0.2
    made = tmp_path_factory.mktemp("species")
    exported(network, made)
    return made


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return lammps_heal.load(folder / "exported.pt")


@pytest.fixture(scope="module")
def alloy(folder: Path) -> Atoms:
    """Written as alloy.data and, without masses or elements, as bare.data and bare.dump."""
    rng = np.random.default_rng(3)
    atoms = noisy(fcc(4), 0.1, rng)
    atoms.symbols[:] = rng.permutation(np.resize(ORDER, len(atoms)))
    del atoms[100]
    atoms.wrap()
    ase.io.write(folder / "alloy.data", atoms, format="lammps-data", masses=True, specorder=ORDER)
    text = (folder / "alloy.data").read_text()
    begin, end = text.index("Masses"), text.index("Atoms")
    (folder / "bare.data").write_text(text[:begin] + text[end:])
    types = [ORDER.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
    rows = [f"{k} {t} {x!r} {y!r} {z!r}" for k, (t, (x, y, z)) in enumerate(zip(types, atoms.positions.tolist(), strict=True), 1)]
    box = 3 * [f"0.0 {float(atoms.cell[0, 0])!r}"]
    head = ["ITEM: TIMESTEP", "0", "ITEM: NUMBER OF ATOMS", str(len(rows)), "ITEM: BOX BOUNDS pp pp pp", *box]
    (folder / "bare.dump").write_text("\n".join([*head, "ITEM: ATOMS id type xu yu zu", *rows, ""]))
    return atoms


@pytest.fixture(scope="module")
def expected(alloy: Atoms, model: Model) -> np.ndarray:
    """Positions after each step; that species count is seen from one of the wrong ones."""
    frames = [lammps_heal.heal(alloy, model, steps=n).positions for n in range(STEPS + 1)]
    other = alloy.copy()
    other.symbols[:] = np.roll(alloy.symbols, 1)
    assert np.abs(lammps_heal.heal(other, model, steps=STEPS).positions - frames[-1]).max() > 100 * SAME
    return np.array(frames)


def positions(folder: Path, script: str, ranks: int = 1) -> np.ndarray:
    """(STEPS + 1, n, 3) Å, of a run that must succeed."""
    done = lmp(folder, script, ranks)
    assert done.exit_code == 0, done.output
    return np.array(list(done.dump("all.dump").values()))


LABELS = "labelmap atom 1 Al 2 Co 3 Ni\nmass * 1.0\n"
KNOWN_BY = {
    "masses": "fix heal all heal exported.pt",
    "elements": "mass * 1.0\nfix heal all heal exported.pt elements Al Co Ni",
    "labels": f"{LABELS}fix heal all heal exported.pt",
    "TorchScript": "fix heal all heal exported.pt kernel no",
    "lattice": "fix heal all heal exported.pt lattice 3.92",
}


@pytest.mark.parametrize("how", KNOWN_BY)
def test_fix_heal(how: str, folder: Path, expected: np.ndarray) -> None:
    found = positions(folder, f"{READ}{KNOWN_BY[how]}\n{RUN}")
    np.testing.assert_allclose(found, expected, atol=SAME)


@pytest.mark.mpi
@pytest.mark.usefixtures("alloy")
def test_the_same_bits_on_two_ranks(folder: Path) -> None:
    script = f"{READ}fix heal all heal exported.pt threads 2\n{RUN}"
    np.testing.assert_array_equal(positions(folder, script), positions(folder, script, ranks=2))


@pytest.mark.mpi
def test_observing(folder: Path, alloy: Atoms, model: Model) -> None:
    """Ghosts of the copy have their owners' species."""
    seen = lammps_heal.observe(alloy, model, STEPS)
    script = f"{READ}fix seen all heal exported.pt observe {STEPS}\n{DUMP.replace('xu yu zu', 'f_seen[*]')}run 0"
    for ranks in (1, 2):
        done = lmp(folder, script, ranks)
        assert done.exit_code == 0, done.output
        frame = done.dump("all.dump")[0]
        np.testing.assert_allclose(frame[:, :3], seen.positions, atol=SAME)
        np.testing.assert_array_equal(frame[:, 4], seen.coordination)


def test_fix_external(folder: Path, expected: np.ndarray) -> None:
    before = [*READ.splitlines(), "pair_style none"]
    before[2] = f"read_data {folder}/alloy.data"
    options = {
        "model": str(folder / "exported.pt"),
        "out": str(folder / "external"),
        "before": before,
        "after": [f"dump d all custom 1 {folder}/all.dump id xu yu zu", "dump_modify d format float %.17g", f"run {STEPS}"],
    }
    done = subprocess.run(
        [str(BIN / "python"), "-c", PROGRAM, json.dumps(options)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    rows = [frame.splitlines()[8:] for frame in (folder / "all.dump").read_text().split("ITEM: TIMESTEP\n")[1:]]
    found = [np.array(sorted([float(word) for word in row.split()] for row in frame))[:, 1:] for frame in rows]
    np.testing.assert_allclose(np.array(found), expected, atol=SAME)


@pytest.mark.parametrize("host", ["fix", "python"])
@pytest.mark.parametrize(("file", "words"), [("alloy.data", []), ("bare.dump", ["--elements", *ORDER])])
def test_files(host: str, file: str, words: list[str], folder: Path, expected: np.ndarray, run: Run) -> None:
    out = folder / "healed.lammpstrj"
    model = folder / "exported.pt"
    done = run("lammps-heal", "heal", folder / file, "-o", out, "--model", model, "--steps", STEPS, "--host", host, *words)
    assert done.returncode in (0, 3), done.stderr  # 3: nobody trained the model
    frame = ase.io.read(out, index=-1, format="lammps-dump-text")
    moved = frame.get_positions() - expected[-1]
    side = float(frame.cell[0, 0])
    np.testing.assert_allclose(moved - side * np.round(moved / side), 0.0, atol=2 * SAME)


@pytest.mark.parametrize(("file", "words"), [("alloy.data", []), ("bare.dump", ["--elements", *ORDER])])
def test_observing_files(file: str, words: list[str], folder: Path, alloy: Atoms, model: Model, run: Run) -> None:
    out = folder / "observed.dump"
    options = ["-o", out, "--model", folder / "exported.pt", "--steps", STEPS]
    done = run("lammps-heal", "observe", folder / file, *options, *words)
    assert done.returncode == 0, done.stderr
    table = np.loadtxt(out.read_text().splitlines()[9:])
    seen = lammps_heal.observe(alloy, model, STEPS)
    np.testing.assert_allclose(table[np.argsort(table[:, 0])][:, 5:8], seen.positions, atol=2 * SAME)


NICKEL = "the model knows Co (58.933 g/mol), Ni (58.693 g/mol), Al (26.982 g/mol)"
REFUSED = {
    "mass 2 195.084\nfix heal all heal exported.pt": f"atom type 2 has mass 195.084, {NICKEL}",
    "fix heal all heal exported.pt elements Al Pt Ni": f"atom type 2 is Pt, {NICKEL}: use a model trained on Pt",
    "labelmap atom 1 Al 2 Pt 3 Ni\nfix heal all heal exported.pt": "the label of atom type 2 is no element of the model",
    "fix heal all heal exported.pt elements Al Pt Ni lattice 3.9": f"atom type 2 is Pt, {NICKEL}",
    "fix heal all heal exported.pt lattice 3.6": "lattice 3.6 Å is more than 5 % from the model's, 3.92 Å",
}


@pytest.mark.parametrize("commands", REFUSED)
@pytest.mark.usefixtures("alloy")
def test_other_elements_are_refused(commands: str, folder: Path) -> None:
    assert REFUSED[commands] in failing(folder, f"{READ}{commands}\nrun 1")


@pytest.mark.usefixtures("alloy")
def test_a_type_that_comes_in_a_run_is_refused(folder: Path) -> None:
    """A type without atoms may be of any element, as long as it is without."""
    script = READ.replace("alloy.data", "alloy.data extra/atom/types 1") + "mass 4 195.084\nfix heal all heal exported.pt\n"
    positions(folder, f"{script}{RUN}")
    message = failing(folder, f"{script}run 1\nset atom 1 type 4\nrun 1 pre no")
    assert "atoms of type 4 have come in this run, and the model does not know its element" in message


def test_other_elements_are_refused_in_python(folder: Path, alloy: Atoms, model: Model, run: Run) -> None:
    strange = alloy.copy()
    strange.symbols[3] = "Pt"
    for call in (lammps_heal.heal, lammps_heal.observe):
        with pytest.raises(HealError, match=r"element Pt is not in the model, which knows Co .*: use a model of Pt$"):
            call(strange, model)
    for words, message in (
        (["alloy.data", "--elements", "Al", "Pt", "Ni"], "element Pt is not in the model"),
        (["alloy.data", "--elements", "Al", "Pt", "Ni", "--lattice", 3.9], "element Pt is not in the model"),
        (["bare.dump"], "it does not tell the element of type 1: name one for each"),
        (["bare.dump", "--lattice", 3.9], "it does not tell the element of type 1: name one for each"),
    ):
        for command in ("heal", "observe"):
            file, *options = words
            output = folder / "refused.dump"
            done = run("lammps-heal", command, folder / str(file), "-o", output, "--model", folder / "exported.pt", *options)
            assert done.returncode not in (0, 3) and message in done.stderr, (command, words, done.stderr)
            assert "Traceback" not in done.stderr and not output.exists()
