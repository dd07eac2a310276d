"""`lammps-heal heal` in this process, and what it left."""

from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from lammps_heal.commands.main import main

NOTES = "lammps-heal: model ", "lammps-heal: lattice constant "  # of what was chosen where nothing is named


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def heal(capfd: pytest.CaptureFixture[str], *words: object) -> Ended:
    """Run `lammps-heal heal` with these words."""
    code = 0
    capfd.readouterr()
    try:
        main(["heal", *map(str, words)])
    except SystemExit as ended:
        code = int(ended.code or 0)
    captured = capfd.readouterr()
    return Ended(code, captured.out, captured.err)


def healed(capfd: pytest.CaptureFixture[str], *words: object) -> Ended:
    """The same; it must be done, and nothing said but what was chosen."""
    ended = heal(capfd, *words)
    assert ended.code == 0, ended.err
    assert [line for line in ended.err.splitlines() if not line.startswith(NOTES)] == []
    return ended


def dump_frames(path: Path) -> list[Atoms]:
    frames: list[Atoms] = ase.io.read(path, index=":", format="lammps-dump-text")
    return frames


def off_sites(atoms: Atoms, lattice: float) -> float:
    """Å, the farthest of an atom from the sites of an fcc crystal along x, y, z, which may lie anywhere."""
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    shift = np.zeros(3)
    for _ in range(20):
        from_sites = (atoms.positions - shift)[:, None] / lattice - basis
        from_sites -= np.round(from_sites)
        nearest = from_sites[np.arange(len(atoms)), (from_sites**2).sum(2).argmin(1)] * lattice
        shift = shift + nearest.mean(0)
    return float(np.linalg.norm(nearest, axis=1).max())
