"""The case of alloys and compounds, with healings of which it is known what they do."""

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms

from lammps_heal.crystals.acceptance import QUICK, Acceptance
from lammps_heal.crystals.crystal import Crystal, guess
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.crystals.species import occupants, species
from lammps_heal.evaluation.rows import Row
from lammps_heal.hosts.potential import Potential

pytestmark = pytest.mark.lammps

ELEMENTS = ("Cu", "Ni")
WORK = LammpsWork(Potential("eam/alloy", ("* * CuNi.eam.alloy Cu Ni",)), ELEMENTS)
ALLOY = guess("fcc", ELEMENTS, 3.5822, (0.5, 0.5), 0.1)
ORDERED = guess("L1_0", ELEMENTS, 3.58)


def rows_of(crystal: Crystal, heal: Callable[[Atoms, int], Atoms]) -> list[Row]:
    return list(species(Acceptance(crystal, WORK, heal, 1400.0, QUICK)))


def relaxed(atoms: Atoms, steps: int) -> Atoms:
    return WORK.relaxed(atoms)[0]


def with_two_exchanged(atoms: Atoms, steps: int) -> Atoms:
    """Two unlike atoms on each other's sites, relaxed."""
    other = int(np.flatnonzero(atoms.numbers != atoms.numbers[0])[0])
    order = np.arange(len(atoms))
    order[[0, other]] = order[[other, 0]]
    exchanged = WORK.relaxed(atoms)[0]
    exchanged.positions = exchanged.positions[order]
    return exchanged


@pytest.mark.parametrize(("crystal", "name"), [(ALLOY, "random alloy"), (ORDERED, "2% antisites")])
def test_minimisation_passes(crystal: Crystal, name: str) -> None:
    rows = rows_of(crystal, relaxed)
    assert all(row.passed for row in rows)
    assert rows[0].structure.startswith(f"{name}, ") and "1% vacant" in rows[4].structure


def test_atoms_on_others_sites_are_seen() -> None:
    changed = [row for row in rows_of(ALLOY, with_two_exchanged) if row.figure.startswith("sites of other atoms")]
    assert len(changed) == 4 and all(row.healed == 2 and not row.passed for row in changed)


def test_occupants_tell_vacancies_and_elements() -> None:
    sites = ALLOY.block(4.0)
    damaged = sites.copy()
    damaged.numbers[3] = 13
    del damaged[7]
    found = occupants(damaged, sites)
    assert (found[3], found[7]) == (13, 0)
    assert (np.delete(found, [3, 7]) == np.delete(sites.numbers, [3, 7])).all()
