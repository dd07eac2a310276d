"""Packs what the GPU check needs beside the repository and a Python with torch, for a machine without a network.

python tests/gpu/bundle.py [--output FILE]      (make gpu-bundle)

LAMMPS, MPICH, ASE and the optimiser of the training, as they are installed here, without examples, tests and potentials;
mpi4py's wheel for the Python of that machine, which is all here that depends on its version. Standard library only.
"""

import argparse
import io
import posixpath
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackagePath, distribution, version
from pathlib import Path

LIMIT = 60 * 2**20  # bytes, of what travels
PYTHONS = ("3.12",)  # of GPU machines
PRESET = 2  # of xz: the highest takes four times as long, for 3 MiB less
OUTPUT = Path("runs/gpu/bundle.tar.xz")
SITE_PACKAGES = "lib/python/site-packages"  # in the bundle; as deep as the real one, so that "../../../bin" fits
PACKAGES = ("lammps", "mpich", "ase", "pytorch-optimizer", "tqdm", "lammps-heal")
PROGRAMS = ("mpirun", "hydra_pmi_proxy")  # those in Python begin with the path of this one, and are made anew there
# Not needed: LAMMPS's examples and tools, MPI's other ABI and its compilers, ASE's tests, caches; and this package itself,
# which is taken from the repository.
LEFT_OUT = (
    *("lammps/share", "lammps/ipython", "lammps/mliap", "lammps/cmake", "lammps/etc", "lammps/msi2lmp", "lammps/phana"),
    *("lammps/liblammps.so", "ase/test", "ase/gui", "ase/web"),
    *("libmpi_abi.so", "libmpi_abi.so.1", "include/mpi_abi.h"),
)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--output", type=Path, default=OUTPUT, help="default: %(default)s")
    output = options.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(output.name + ".unfinished")
    with tarfile.open(unfinished, "w:xz", preset=PRESET) as archive, tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            _print_size(f"{package} {version(package)}", _add_package(archive, package))
        _add_link(archive, f"{SITE_PACKAGES}/lammps/liblammps.so", "liblammps.so.0")
        for wheel in _wheels(Path(folder)):
            archive.add(wheel, f"wheels/{wheel.name}")
            _print_size(wheel.name, wheel.stat().st_size)
    unfinished.replace(output)
    size = output.stat().st_size
    print(f"{'compressed':<48} {size / 2**20:8.1f} MiB of {LIMIT / 2**20:.0f} at the most: {output}")
    if size > LIMIT:
        sys.exit(f"{output} has {size / 2**20:.1f} MiB, more than may travel: leave more out in {__file__}")


def _print_size(name: str, n_bytes: int) -> None:
    print(f"{name:<48} {n_bytes / 2**20:8.1f} MiB", flush=True)


def _add_package(archive: tarfile.TarFile, package: str) -> int:
    """Returns its size, bytes."""
    size = 0
    for file in distribution(package).files or []:
        source = Path(str(file.locate()))
        if source.is_file() and not _is_left_out(package, file):
            archive.add(source, posixpath.normpath(f"{SITE_PACKAGES}/{file}"))
            size += source.stat().st_size
    return size


def _is_left_out(package: str, file: PackagePath) -> bool:
    name = file.as_posix().replace("../", "")
    if package == "lammps-heal":
        return ".dist-info/" not in name or file.name in ("RECORD", "direct_url.json")
    inside = any(name == left_out or name.startswith(f"{left_out}/") for left_out in LEFT_OUT)
    return inside or file.suffix == ".pyc" or (name.startswith("bin/") and file.name not in PROGRAMS)


def _add_link(archive: tarfile.TarFile, name: str, target: str) -> None:
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, target
    archive.addfile(link, io.BytesIO())


def _wheels(folder: Path) -> Iterator[Path]:
    """mpi4py's for each of PYTHONS; without a network the GPU machine has to have its own."""
    for python in PYTHONS:
        words = f"-m pip download --quiet --no-deps --only-binary=:all: --python-version {python} --dest {folder}".split()
        done = subprocess.run([sys.executable, *words, f"mpi4py=={version('mpi4py')}"], capture_output=True, text=True)
        if done.returncode != 0:
            print(f"no mpi4py for Python {python}: {(done.stderr.strip() or 'pip says nothing').splitlines()[-1]}")
    yield from sorted(folder.glob("*.whl"))


if __name__ == "__main__":
    main()
