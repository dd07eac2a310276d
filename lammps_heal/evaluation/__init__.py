"""How well a model heals, beside CG minimisation of the same start with the same potential; see README.md.

Start structures have seeds of their own, which training never sees. Energies, molecular dynamics and minimisation are
LAMMPS's. Excess: potential energy above the relaxed structure with the same defects, meV/atom.
"""
