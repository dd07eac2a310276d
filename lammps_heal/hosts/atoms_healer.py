"""The healer of ASE Atoms: displacement of each, by one healing step, and what is seen on a copy that is healed."""

from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from numpy.typing import ArrayLike, NDArray

from lammps_heal.analysis.joint_structure import distinct_shells, joint_structure
from lammps_heal.analysis.observation import Observation
from lammps_heal.errors import HealError
from lammps_heal.hosts.floor_of_model import floor_of
from lammps_heal.hosts.structure_watch import StructureWatch
from lammps_heal.model.elements import species_of
from lammps_heal.model.model_file import Model
from lammps_heal.step.backends import make_backend
from lammps_heal.step.crystal import PeriodicCrystal
from lammps_heal.step.neighbours import Float64Array
from lammps_heal.step.soft_floor import keep_apart
from lammps_heal.step.step import cap, displacement


class AtomsHealer:
    """Computes the displacement of `atoms`, at any positions in their cell; the atoms stay as they are.

    Options and errors: see `ase_atoms.heal`.
    """

    def __init__(
        self,
        atoms: Atoms,
        model: Model,
        max_displacement: float | None = None,
        kernel: bool = True,
        threads: int = 1,
        device: str = "cpu",
        mask: ArrayLike | None = None,
    ) -> None:
        self.model, self._positions = model, atoms.positions.copy()
        self._species = species_of(self.model, atoms.get_chemical_symbols())
        _require_structure(atoms)
        self.max_displacement = self.model.max_displacement if max_displacement is None else max_displacement
        self._backend = make_backend(self.model, kernel, threads, device)
        self._cell, self._pbc, self._threads = atoms.cell[:], atoms.pbc, threads
        self._crystal = PeriodicCrystal(self._cell, self._pbc, self.model.cutoff, threads)
        self._floor = floor_of(self.model)
        self._moving = moving_atoms(atoms, mask)
        self._ghosts = self._crystal if self._moving.all() else _GhostsOfMoving(self._crystal, self._moving)

    def step(self, positions: Float64Array) -> Float64Array:
        """(n, 3) Å, to be added to positions, (n, 3) Å; capped, above the soft floor, zero for atoms that are held."""
        cluster = self._crystal.open_cluster(positions)
        v = displacement(self._backend, *cluster, self._ghosts, self._crystal.of_owners(self._species))
        capped, _ = cap(np.where(self._moving[:, None], v, 0.0), self.max_displacement)
        apart = keep_apart(capped, *cluster, self._ghosts, self._floor, self._backend.nearest, self._threads)
        return np.where(self._moving[:, None], apart, 0.0)

    def watch(self) -> Callable[[Float64Array], None]:
        """To be called before each step with positions, (n, 3) Å: warns, once, of a crystal of another structure."""
        watch = StructureWatch(self.model, threads=self._threads)
        return lambda positions: watch.before_step(lambda: self._crystal.open_cluster(positions), self._moving)

    def seen(self, steps: int) -> Observation:
        """What is seen of the atoms on a copy that is healed by so many steps, 1 or more."""
        positions = self._positions.copy()
        for _ in range(steps):
            last = self.step(positions)
            positions += last
        return self.observation(self._positions, positions, last)

    def observation(self, observed: Float64Array, healed: Float64Array, last: Float64Array) -> Observation:
        """What is seen on a healed copy. observed, healed: positions before and after, (n, 3) Å; last: the last step."""
        shells = distinct_shells(self.model.structures)
        nearest = shells[0].nearest * self.model.lattice_constant
        crystal = PeriodicCrystal(self._cell, self._pbc, max(one.search for one in shells) * nearest, self._threads)
        cluster = crystal.open_cluster(healed)
        seen = joint_structure(cluster, shells, nearest, np.linalg.norm(last, axis=1), crystal.forward, self._threads)
        found = seen.coordination, seen.labels, seen.average
        return Observation(healed, healed - observed, *found, shells, seen.own, nearest)


def moving_atoms(atoms: Atoms, mask: ArrayLike | None) -> NDArray[np.bool_]:
    """(n,) those that healing may move: all but what FixAtoms holds, and of these what the mask names.

    mask: (n,) bool, or None for all. Raises HealError for one that is no such array.
    """
    moving = np.ones(len(atoms), bool)
    if mask is not None:
        chosen = np.asarray(mask)
        if chosen.dtype != bool or chosen.shape != moving.shape:
            got = f"{chosen.dtype} of shape {chosen.shape}"
            needed = f"True or False for each of {len(atoms)} atoms"
            raise HealError(f"mask must be {needed}, got {got}: as atoms.positions[:, 2] > 5.0")
        moving &= chosen
    for constraint in atoms.constraints:
        if isinstance(constraint, FixAtoms):
            moving[constraint.index] = False
    return moving


class _GhostsOfMoving:
    """See `step.Communicator`: atoms that are held act on others by pair forces alone, as those outside a fix's group."""

    def __init__(self, crystal: PeriodicCrystal, moving: NDArray[np.bool_]) -> None:
        self._crystal, self._moving = crystal, moving[:, None]

    def reverse(self, forces: Float64Array) -> Float64Array:
        return self._crystal.reverse(forces)

    def forward(self, vectors: Float64Array) -> Float64Array:
        return self._crystal.forward(np.where(self._moving, vectors, 0.0))

    def largest(self, values: Float64Array) -> Float64Array:
        return self._crystal.largest(values)


def _require_structure(atoms: Atoms) -> None:
    if len(atoms) == 0:
        raise HealError("the structure has no atoms: give at least one")
    if not np.isfinite(atoms.positions).all():
        raise HealError("a position is not finite: check the structure file")
