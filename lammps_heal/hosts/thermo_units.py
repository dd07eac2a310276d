"""Units of what LAMMPS prints of a run, by the names of thermo columns."""

ENERGIES = "PotEng KinEng TotEng Enthalpy Ecouple Econserve E_pair E_mol E_vdwl E_coul E_long E_tail E_bond E_angle"
PRESSURES = "Press Pxx Pyy Pzz Pxy Pxz Pyz"
LENGTHS = "Lx Ly Lz Xlo Xhi Ylo Yhi Zlo Zhi Xy Xz Yz Cella Cellb Cellc rms_displacement"
# Of energy, pressure and time, where lengths are in Å: https://docs.lammps.org/units.html
OF_STYLE = {"metal": ("eV", "bar", "ps"), "real": ("kcal/mol", "atm", "fs")}


def thermo_units(style: str | None) -> dict[str, str]:
    """Units of columns by name, as far as the style of units is known: metal, real, or None."""
    known = {"ps": "ps", "rms_displacement": "Å"}
    if style not in OF_STYLE:
        return known
    energy, pressure, time = OF_STYLE[style]
    return {
        "Temp": "K",
        "Volume": "Å³",
        "Density": "g/cm³",
        "Time": time,
        "Dt": time,
        "CPU": "s",
        **dict.fromkeys(ENERGIES.split(), energy),
        **dict.fromkeys(PRESSURES.split(), pressure),
        **dict.fromkeys(LENGTHS.split(), "Å"),
        **known,
    }
