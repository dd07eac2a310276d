"""Dumps of runs whose box and number of atoms may change, and each frame of them beside the host without LAMMPS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from ase import Atoms
from fix_heal_runs import SAME
from networks import step_of_group
from numpy.typing import NDArray

import lammps_heal
from lammps_heal.model.model_file import Model

Moves = Callable[[NDArray[np.int64], Atoms], NDArray[np.bool_]]  # ids, atoms -> (n_atoms,) which of them are in the group

DISPLACEMENT, VELOCITY, SEEN = "f_heal[1] f_heal[2] f_heal[3]", "vx vy vz", "f_heal[4] f_heal[5] f_heal[6] f_heal[7]"


@dataclass(frozen=True)
class Frame:
    """ids: sorted. columns: (n_atoms, n), behind the positions."""

    step: int
    ids: NDArray[np.int64]
    atoms: Atoms
    columns: NDArray[np.float64]


def frames(path: Path) -> list[Frame]:
    """Of a dump with id, three coordinates, and other columns."""
    lines, result, start = path.read_text().splitlines(), [], 0
    while start < len(lines):
        n_atoms = int(lines[start + 3])
        bounds = np.array([line.split() for line in lines[start + 5 : start + 8]], float)
        table = np.array([line.split() for line in lines[start + 9 : start + 9 + n_atoms]], float)
        table = table[np.argsort(table[:, 0])]
        boundary = lines[start + 4].split()[-3:]
        atoms = Atoms("Pt" * n_atoms, table[:, 1:4], cell=cell_of(bounds), pbc=[word == "pp" for word in boundary])
        result.append(Frame(int(lines[start + 1]), table[:, 0].astype(int), atoms, table[:, 4:]))
        start += 9 + n_atoms
    return result


def cell_of(bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Å, rows are vectors, of a dump's lines of bounds, which are those of a tilted box as a whole."""
    tilts = bounds[:, 2] if bounds.shape[1] == 3 else np.zeros(3)
    xy, xz, yz = tilts
    lengths = bounds[:, 1] - bounds[:, 0]
    lengths[0] -= max(0.0, xy, xz, xy + xz) - min(0.0, xy, xz, xy + xz)
    lengths[1] -= abs(yz)
    return np.array([[lengths[0], 0.0, 0.0], [xy, lengths[1], 0.0], [xz, yz, lengths[2]]])


def dumped_runs(parts: Sequence[str], name: str, columns: str = DISPLACEMENT) -> list[str]:
    """Lines of the parts of a script, each with a dump of its own, NAME.0, NAME.1 ... A part ends with its run."""
    lines = []
    for k, part in enumerate(parts):
        *before, run = part.strip().split("\n")
        lines += [*(["undump h"] if k else []), *before, f"dump h all custom 1 {name}.{k} id xu yu zu {columns}"]
        lines += ["dump_modify h format float %.17g", run]
    return lines


def reference_step(model: Model, frame: Frame, moves: Moves | None = None) -> NDArray[np.float64]:
    """(n_atoms, 3) Å, by the host without LAMMPS. moves: the group, by default all."""
    if moves is None:
        return np.asarray(lammps_heal.heal(frame.atoms, model, steps=1).positions - frame.atoms.positions)
    return step_of_group(model, frame.atoms, moves(frame.ids, frame.atoms))


def require_reference_steps(path: Path, model: Model, moves: Moves | None = None) -> None:
    """The displacement of each frame of a run is the reference's of the frame before; atoms that came since have none."""
    of_run = frames(path)
    assert len(of_run) > 1
    for before, after in pairwise(of_run):
        expected = reference_step(model, before, moves)
        _, now, then = np.intersect1d(after.ids, before.ids, return_indices=True)
        np.testing.assert_allclose(after.columns[now], expected[then], rtol=0.0, atol=SAME, err_msg=f"step {after.step}")
        new = np.setdiff1d(np.arange(len(after.ids)), now)
        np.testing.assert_array_equal(after.columns[new], 0.0)
        assert np.abs(after.columns).max() > 1e-4  # healing went on


def require_reference_velocities(path: Path, model: Model, timestep: float) -> None:
    """The same of the callback, whose velocities times the timestep are the next step."""
    of_run = frames(path)
    assert len(of_run) > 1
    for before, after in pairwise(of_run):
        moves = timestep * before.columns
        np.testing.assert_allclose(moves, reference_step(model, before), rtol=0.0, atol=SAME, err_msg=f"step {before.step}")
        _, now, then = np.intersect1d(after.ids, before.ids, return_indices=True)
        if np.array_equal(before.atoms.cell, after.atoms.cell):
            moved = after.atoms.positions[now] - before.atoms.positions[then]
            np.testing.assert_allclose(moved, moves[then], rtol=0.0, atol=1e-9)
        assert np.abs(moves).max() > 1e-4


def require_reference_observation(frame: Frame, model: Model, steps: int = 3) -> None:
    """Distance from the copy, coordination, label and residual are those of the host without LAMMPS."""
    seen = lammps_heal.observe(frame.atoms, model, steps=steps)
    np.testing.assert_allclose(frame.columns[:, 0], np.linalg.norm(seen.displacement, axis=1), rtol=0.0, atol=SAME)
    np.testing.assert_array_equal(frame.columns[:, 1], seen.coordination)
    np.testing.assert_array_equal(frame.columns[:, 2], seen.labels)
    np.testing.assert_allclose(frame.columns[:, 3], seen.residual, rtol=0.0, atol=SAME)
