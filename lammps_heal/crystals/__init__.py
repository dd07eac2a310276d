"""One crystal, described once, and structures of it for any pair style of LAMMPS."""
