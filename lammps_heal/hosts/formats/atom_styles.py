"""What the columns of a data file's Atoms section are, for each atom style (LAMMPS manual, read_data, 22Jul2025).

Left out are styles of two dimensions or of units lj, and those whose atoms are bodies or come from templates.
"""

from lammps_heal.errors import HealError

IMAGES = ("ix", "iy", "iz")

_X = "x y z"
STYLES = {
    "atomic": f"id type {_X}",
    **dict.fromkeys(("angle", "bond", "molecular"), f"id molecule type {_X}"),
    **dict.fromkeys(("full", "amoeba"), f"id molecule type q {_X}"),
    "charge": f"id type q {_X}",
    "dipole": f"id type q {_X} mux muy muz",
    "dielectric": f"id molecule type q {_X} normx normy normz area ed em epsilon curvature",
    "sphere": f"id type diameter density {_X}",
    "bpm/sphere": f"id molecule type diameter density {_X}",
    "spin": f"id type {_X} spx spy spz sp",
    "ellipsoid": f"id type ellipsoidflag density {_X}",
    "tri": f"id molecule type triangleflag density {_X}",
    "dpd": f"id type theta {_X}",
    "electron": f"id type q spin radius {_X}",
    "peri": f"id type volume density {_X}",
    "rheo": f"id type status rho {_X}",
    "rheo/thermal": f"id type status rho energy {_X}",
    "sph": f"id type rho energy heat-capacity {_X}",
    "smd": f"id type molecule volume mass kernel-radius contact-radius x0 y0 z0 {_X}",
}
# Has as many more columns as its parts need.
OPEN_STYLES = {"hybrid": f"id type {_X}"}


def columns_of_style(style: str | None, row: list[str], where: str) -> tuple[str, ...]:
    """Names of the columns of a row of atoms, image flags included where it has some. style: None if nobody names it.

    where: for messages. Raises HealError for a style that there is not, or that the row does not fit.
    """
    name = (style or "atomic").split()[0]
    known = ", ".join(sorted({**STYLES, **OPEN_STYLES}))
    if name in OPEN_STYLES:
        columns = OPEN_STYLES[name].split()
        more = [f"more{k}" for k in range(len(row) - len(columns))]
        if more[2:] and all(word.lstrip("-").isdigit() for word in row[-3:]):
            more[-3:] = IMAGES
        columns += more
    elif name in STYLES:
        columns = STYLES[name].split()
        if len(row) == len(columns) + 3:
            columns += IMAGES
    else:
        raise HealError(f'{where}: there is no atom style "{name}": use --atom-style with one of {known}')
    if len(row) != len(columns):
        named = f"of atom style {name}" if style else "and no style is named"
        needed = len((STYLES | OPEN_STYLES)[name].split())
        raise HealError(f"{where}: a row of {len(row)} columns {named}, needed {needed}: use --atom-style with one of {known}")
    return tuple(columns)
