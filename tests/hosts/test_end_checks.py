"""What is said when healing has ended: atoms that came too near to each other, steps that do not get smaller."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from conftest import fcc

from lammps_heal.hosts.end_checks import check_end, is_converging
from lammps_heal.hosts.formats.ase_file import structure_of
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.snapshot import Snapshot
from lammps_heal.model.model_file import Model

NEAREST = 3.92 / np.sqrt(2.0)  # Å


def input_of(atoms: Atoms) -> Structure:
    return structure_of(atoms, "input", 0)


def healed(structure: Structure, moved: dict[int, np.ndarray] | None = None) -> Snapshot:
    """The input with some atoms elsewhere."""
    positions = structure.positions.copy()
    for atom, move in (moved or {}).items():
        positions[atom] += move
    return Snapshot(0, positions, structure.images, structure.cell, structure.origin, positions - structure.positions)


def toward(structure: Structure, one: int, other: int, distance: float) -> np.ndarray:
    """The move of one atom that leaves it so far from another, Å."""
    apart = structure.positions[other] - structure.positions[one]
    move: np.ndarray = apart * (1.0 - distance / np.linalg.norm(apart))
    return move


@pytest.mark.parametrize(("distance", "n_pairs"), [(0.71, 0), (0.69, 1)])
def test_a_pair_nearer_than_0_7_nearest_neighbour_distances_is_said(model: Model, distance: float, n_pairs: int) -> None:
    structure = input_of(fcc(3))
    checks = check_end(structure, healed(structure, {0: toward(structure, 0, 1, distance * NEAREST)}), model, [0.1])
    assert checks.too_near == n_pairs
    assert len(checks.problems) == n_pairs and all("1 pairs of atoms are nearer than 1.94" in line for line in checks.problems)


def test_a_pair_across_a_face_counts_once_and_one_of_the_input_not_at_all(model: Model) -> None:
    atoms = fcc(3)
    across = input_of(atoms)
    far = int(np.argmax(across.positions @ [0.0, 1.0, 1.0]))  # its neighbour across two faces is atom 0
    shift = np.array([0.0, 1.0, 1.0]) * (across.cell[0, 0] - across.positions[far, 1] - 1.0)
    assert across.positions[far, 1] == across.positions[far, 2]
    assert check_end(across, healed(across, {far: shift}), model, []).too_near == 1
    near = replace(across, positions=healed(across, {far: shift}).positions)
    assert check_end(near, healed(near), model, []).too_near == 0


@pytest.mark.parametrize(
    ("steps", "converging"),
    [
        ([], True),
        ([1.0] * 9, True),  # too few to tell
        ([1.0] * 10, False),
        ([0.5**k for k in range(12)], True),
        ([*[0.5**k for k in range(12)], *[0.03] * 12], True),  # long waves: at rest
        ([0.8**k for k in range(6)] + [0.5] * 6, False),
        ([1.0] * 9 + [np.inf], False),
        ([1.0] * 9 + [np.nan], False),
    ],
)
def test_steps_that_do_not_get_smaller_are_said(model: Model, steps: list[float], converging: bool) -> None:
    assert is_converging(steps, 0.02 * NEAREST) == converging
    structure = input_of(fcc(2))
    problems = check_end(structure, healed(structure), model, steps).problems
    assert [line.startswith("steps do not get smaller, the last moved an atom by") for line in problems] == [True] * (
        not converging
    )


def test_what_was_to_go_on_until_atoms_rest_and_has_not_is_said(model: Model) -> None:
    structure = input_of(fcc(2))
    slow = [0.9**k for k in range(39)]  # down to 0.018 Å
    for steps, stop, n_lines in ((slow, 0.001, 1), (slow, None, 0), (slow, 0.02, 0), ([*slow, 0.002], 0.001, 0)):
        problems = check_end(structure, healed(structure), model, steps, stop).problems
        assert len(problems) == n_lines and all("still moved an atom by 0.0182 Å: give more --steps" in line for line in problems)
