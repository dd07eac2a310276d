"""The only place where the evaluation heals."""

from collections.abc import Iterable

from ase import Atoms

from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.model.model_file import Model


def trajectory(atoms: Atoms, model: Model, at_steps: Iterable[int]) -> dict[int, Atoms]:
    """Copies of `atoms` healed by these numbers of steps, all of one trajectory."""
    healed: dict[int, Atoms] = {}
    current, done = atoms, 0
    for n in sorted(set(at_steps)):
        current, done = heal(current, model, n - done), n
        healed[n] = current
    return healed


def healed_by(atoms: Atoms, model: Model, steps: int) -> Atoms:
    """`atoms` healed by so many steps."""
    return trajectory(atoms, model, [steps])[steps]
