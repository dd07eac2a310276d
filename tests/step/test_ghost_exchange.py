"""Ghosts get what their owners have, and owners what their ghosts have, on one process and under the real mpirun."""

import json

import numpy as np
import pytest
from conftest import Run, fcc, noisy

from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.ghost_exchange import GhostExchange
from lammps_heal.step.neighbours import periodic_ghosts
from lammps_heal.step.ranks import Ranks

# Each rank owns random atoms and has random ghosts, of its own atoms too. argv[1]: atoms of all ranks, the rank that
# owns none, and the one that has no ghosts. Values are made from ids, so each rank knows what its ghosts must get.
PROGRAM = """
import json, sys
import numpy as np
from lammps_heal.step.ghost_exchange import GhostExchange
from lammps_heal.step.ranks import world

n_atoms, empty, lonely = json.loads(sys.argv[1])
ranks = world()
rng = np.random.default_rng(5)  # the same on all ranks
ids = 1 + 7 * rng.permutation(n_atoms)
owner = rng.choice([r for r in range(ranks.size) if r != empty], n_atoms)
mine = ids[owner == ranks.rank]
ghosts = np.random.default_rng([6, ranks.rank]).choice(ids, 0 if ranks.rank == lonely else 2 * n_atoms)
rows = np.concatenate([mine, ghosts])

def values(ids, k):
    return np.sin(ids[:, None] * [1.0, 2.0, 3.0] + k)

exchange = GhostExchange(rows, len(mine), ranks)
wrong = sum(int((exchange.forward(values(mine, k)) != values(rows, k)).sum()) for k in range(3))
# Whole numbers, whose sums are exact: the values that all ranks have of an id, summed, its owner must get.
forces = np.random.default_rng([7, ranks.rank]).integers(-9, 9, (len(rows), 3)).astype(float)
of_all = sum(np.stack([np.bincount(r, v, ids.max() + 1) for v in t.T], 1) for r, t in ranks.all((rows, forces)))
wrong += int((exchange.reverse(forces) != of_all[mine]).sum())
foreign = int(np.isin(ghosts, mine, invert=True).sum())
counts = ranks.all((wrong, len(mine), len(ghosts), foreign))
if ranks.rank == 0:
    print(json.dumps(counts))
"""


@pytest.mark.parametrize("n", [1, 3])
def test_all_images_of_an_atom_have_what_it_has(n: int, rng: np.random.Generator) -> None:
    atoms = noisy(fcc(n), 0.1, rng)
    ids = 1000 - 3 * rng.permutation(len(atoms))
    ghosts = periodic_ghosts(atoms.positions, atoms.cell[:], atoms.pbc, 6.0)
    assert np.bincount(ghosts.ghost_owner).max() > 20 * (n == 1)
    values = rng.normal(0.0, 1.0, (len(atoms), 3))
    shared = GhostExchange(ids[ghosts.owners()], len(atoms), Ranks()).forward(values)
    np.testing.assert_array_equal(shared, values[ghosts.owners()])


@pytest.mark.parametrize("n", [1, 3])
def test_an_atom_gets_what_all_its_images_have(n: int, rng: np.random.Generator) -> None:
    atoms = noisy(fcc(n), 0.1, rng)
    crystal = PeriodicCrystal(atoms.cell[:], atoms.pbc, 6.0)
    positions, _ = crystal.open_cluster(atoms.positions)
    values = rng.integers(-9, 9, positions.shape).astype(float)
    owners = crystal.forward(np.arange(len(atoms))[:, None])[:, 0]
    expected = np.zeros(atoms.positions.shape)
    np.add.at(expected, owners, values)
    np.testing.assert_array_equal(crystal.reverse(values), expected)
    np.testing.assert_array_equal(GhostExchange(7 * owners, len(atoms), Ranks()).reverse(values), expected)


def test_atoms_without_ghosts_and_no_atoms_at_all() -> None:
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    np.testing.assert_array_equal(GhostExchange(np.array([9, 4]), 2, Ranks()).forward(values), values)
    np.testing.assert_array_equal(GhostExchange(np.array([9, 4]), 2, Ranks()).reverse(values), values)
    nobody = GhostExchange(np.zeros(0, np.int64), 0, Ranks())
    assert nobody.forward(np.zeros((0, 3))).shape == nobody.reverse(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize(("n_atoms", "empty", "lonely"), [(200, None, None), (200, 1, None), (200, None, 1), (1, 0, 1)])
def test_ghosts_of_other_ranks(run: Run, ranks: int, n_atoms: int, empty: int | None, lonely: int | None) -> None:
    done = run("python", "-c", PROGRAM, json.dumps([n_atoms, empty, lonely]), ranks=ranks)
    assert done.returncode == 0, done.stderr
    wrong, owned, ghosts, foreign = zip(*json.loads(done.stdout), strict=True)
    assert wrong == (0,) * ranks
    assert sum(owned) == n_atoms and (empty is None or owned[empty] == 0)
    assert lonely is None or ghosts[lonely] == 0
    assert sum(foreign) > 0
