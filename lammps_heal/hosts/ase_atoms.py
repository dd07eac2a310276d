"""Healing and observing of ASE Atoms, without LAMMPS."""

from pathlib import Path

from ase import Atoms
from numpy.typing import ArrayLike

from lammps_heal.analysis.observation import Observation
from lammps_heal.analysis.reference_sites import ReferenceSites
from lammps_heal.errors import HealError
from lammps_heal.hosts.atoms_healer import AtomsHealer
from lammps_heal.hosts.model_choice import model_for
from lammps_heal.hosts.progress import ProgressLine
from lammps_heal.model.model_file import Model
from lammps_heal.model.names import AUTO


def heal(
    atoms: Atoms,
    model: Model | str | Path = AUTO,
    steps: int = 10,
    max_displacement: float | None = None,
    kernel: bool = True,
    threads: int = 1,
    device: str = "cpu",
    mask: ArrayLike | None = None,
    progress: bool = False,
) -> Atoms:
    """A healed copy of `atoms`: `steps` times x <- x + Delta(x), positions never wrapped.

    model: as `load` returns it, or what it takes, or "auto": the shipped one of the atoms' element, or else of the structure that
    they show, scaled to their distances. max_displacement: cap of one step in Å, by default the model's. kernel,
    threads, device: see `backends.make_backend`. mask: (n,) bool, atoms that may move, all by default; those that FixAtoms
    holds never do, and other constraints are applied after each step as ASE does. progress: show a line of it. Warns of a
    crystal of another structure than the model's. Raises HealError for an element that the model does not know, an empty or
    non-finite structure, a cell without volume, or two atoms that overlap.
    """
    healer = AtomsHealer(atoms, model_for(atoms, model, threads), max_displacement, kernel, threads, device, mask)
    watch = healer.watch()
    healed: Atoms = atoms.copy()
    with ProgressLine("healed", "steps", progress) as line:
        for number in range(1, steps + 1):
            watch(healed.positions)
            healed.set_positions(healed.positions + healer.step(healed.positions))
            line.show(number, steps)
    return healed


def observe(
    atoms: Atoms,
    model: Model | str | Path = AUTO,
    steps: int = 3,
    kernel: bool = True,
    threads: int = 1,
    device: str = "cpu",
    sites: Atoms | ReferenceSites | None = None,
) -> Observation:
    """Local structure of `atoms`, seen on a copy that is healed by so many steps; the atoms stay as they are.

    Options and errors as of `heal`; steps: 1 or more, 3 are enough for hot crystals, 20 for cascades. sites: a
    reference crystal at rest, on whose sites vacancies, interstitials and antisites are counted too; as `ReferenceSites` it
    follows the drift of a crystal from one call to the next.
    """
    if steps < 1:
        raise HealError(f"observing needs 1 step or more, got {steps}")
    seen = AtomsHealer(atoms, model_for(atoms, model, threads), None, kernel, threads, device).seen(steps)
    if sites is None:
        return seen
    if isinstance(sites, Atoms):
        sites = ReferenceSites(sites.positions, sites.cell[:], sites.numbers)
    return seen.on_sites(sites, atoms.numbers, atoms.cell[:], atoms.pbc)
