"""The same crystal turned, and described by a triclinic cell, is healed to the same."""

import numpy as np
from scipy.spatial.transform import Rotation

from lammps_heal.evaluation.cells import perfect_crystal, with_noise, with_vacancies
from lammps_heal.evaluation.comparison import longest_move
from lammps_heal.evaluation.healing import healed_by
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.evaluation.sizes import SEED, Size
from lammps_heal.model.model_file import Model
from lammps_heal.tables import at_most


def rotated(model: Model, size: Size, steps: int = 10) -> list[Row]:
    """The same crystal turned, and described by a triclinic cell: is the healed one the same?"""
    rng = np.random.default_rng([SEED, 4])
    sites = perfect_crystal(size.medium)
    clean = with_vacancies(sites, round(0.01 * len(sites)), rng)
    start = with_noise(clean, 0.3, rng)
    healed = healed_by(start, model, steps)
    figure, goal, rows = "largest difference to the unrotated, Å", at_most(0.001), []
    for number, rotation in enumerate(Rotation.random(3, rng=rng), 1):
        turned = start.copy()
        turned.set_cell(rotation.apply(start.cell[:]))
        turned.positions = rotation.apply(start.positions)
        back = healed.copy()
        back.positions = rotation.inv().apply(healed_by(turned, model, steps).positions)
        structure = f"1 % vacant, σ 0.3 Å, {len(start):,} atoms, rotation {number}"
        rows.append(row("rotated", structure, figure, goal, longest_move(back, healed), None, steps))
    sheared = start.copy()
    sheared.set_cell(np.array([[1, 0, 0], [1, 1, 0], [-1, 1, 1]]) @ start.cell[:])  # the same lattice of images
    sheared.wrap()
    structure = f"1 % vacant, σ 0.3 Å, {len(start):,} atoms, triclinic cell"
    difference = longest_move(healed_by(sheared, model, steps), healed)
    rows.append(row("rotated", structure, figure, goal, difference, None, steps))
    return rows
