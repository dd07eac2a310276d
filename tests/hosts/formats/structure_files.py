"""Small structure files of the kinds that people have, made by code: a crystal of 107 atoms, one site of 108 vacant."""

import gzip
from pathlib import Path

import ase.build
import numpy as np
from ase import Atoms

LATTICE = {"Pt": 3.92, "Cu": 3.615}  # Å
MASS = {"Pt": 195.084, "Cu": 63.546}
SIGMA = 0.15  # Å


def noisy_crystal(element: str = "Pt") -> Atoms:
    """3 x 3 x 3 cells with noise and a vacancy."""
    atoms = ase.build.bulk(element, "fcc", a=LATTICE[element], cubic=True).repeat(3)
    del atoms[40]
    atoms.positions += np.random.default_rng(5).normal(0.0, SIGMA, atoms.positions.shape)
    return atoms


def data_text(atoms: Atoms, style: str = "atomic", hint: bool = True, masses: bool = True, n_types: int = 1) -> str:
    """A data file whose atoms are of types 1 to n_types in turn."""
    side = float(atoms.cell[0, 0])
    columns = {"atomic": "", "charge": " 0.0", "full": " 0.0", "molecular": ""}[style]
    molecule = "1 " if style in ("full", "molecular") else ""
    mass = MASS[atoms.get_chemical_symbols()[0]]
    rows = [
        f"{i + 1} {molecule}{i % n_types + 1}{columns} {x!r} {y!r} {z!r}" for i, (x, y, z) in enumerate(atoms.positions.tolist())
    ]
    return "\n".join(
        [
            "made up",
            "",
            f"{len(atoms)} atoms",
            f"{n_types} atom types",
            *(f"0 {side!r} {a}lo {a}hi" for a in "xyz"),
            "",
            *(["Masses", "", *(f"{k + 1} {mass}" for k in range(n_types)), ""] if masses else []),
            f"Atoms # {style}" if hint else "Atoms",
            "",
            *rows,
            "",
        ]
    )


def dump_text(
    atoms: Atoms,
    columns: str = "id type x y z",
    boundary: str = " pp pp pp",
    before: str = "",
    timestep: int = 0,
    kind: object = 1,
) -> str:
    """One frame of a text dump. columns: of id, type, element, mass, x, xs, xu, ix and so on; kind: what stands for type."""
    side = float(atoms.cell[0, 0])
    symbols = atoms.get_chemical_symbols()
    rows = []
    for i, position in enumerate(atoms.positions):
        boxes = np.floor(position / side).astype(int)
        values: dict[str, object] = {"id": i + 1, "type": kind, "element": symbols[i], "mass": MASS[symbols[i]]}
        for k, axis in enumerate("xyz"):
            values[axis] = repr(float(position[k] - boxes[k] * side))
            values[axis + "u"], values[axis + "s"] = repr(float(position[k])), repr(float(position[k] / side - boxes[k]))
            values[axis + "su"], values["i" + axis] = repr(float(position[k] / side)), boxes[k]
            values["v" + axis] = repr(0.1 * i + k)
        rows.append(" ".join(str(values[name]) for name in columns.split()))
    bounds = "\n".join([f"0.0 {side!r}"] * 3)
    return (
        f"{before}ITEM: TIMESTEP\n{timestep}\nITEM: NUMBER OF ATOMS\n{len(atoms)}\nITEM: BOX BOUNDS{boundary}\n{bounds}\n"
        f"ITEM: ATOMS {columns}\n" + "\n".join(rows) + "\n"
    )


def write_gzipped(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()))
    return path
