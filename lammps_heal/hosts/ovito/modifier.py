"""A modifier for OVITO, in its pipeline module and in OVITO Pro: observes each frame on a healed copy, or heals it.

OVITO finds it by the entry point "OVITO.Modifier"; nothing else here needs OVITO.
"""

from collections.abc import Generator
from typing import Any

import numpy as np
from ovito.data import DataCollection, ElementType
from ovito.pipeline import ModifierInterface
from traits.api import Bool, Float, Range, Str

from lammps_heal.analysis.observation import Observation
from lammps_heal.errors import HealError
from lammps_heal.hosts.atoms_healer import AtomsHealer
from lammps_heal.hosts.fitting_model import atoms_of
from lammps_heal.hosts.model_choice import fitted
from lammps_heal.hosts.ovito.particles import structure_of_particles, to_particles
from lammps_heal.model.names import AUTO
from lammps_heal.report.pictures import COLOURS

PREFIX = "HealCrystal."  # of the attributes
NAMES = ("fcc", "hcp", "bcc", "icosahedral", "other", "cubic diamond", "hexagonal diamond")  # of labels 1 to 7


class HealCrystal(ModifierInterface):
    """See the README beside this file. lattice: constant, Å; 0: the model's, or found where the elements are others."""

    model = Str(AUTO, label="Model (auto, name or file)")
    steps = Range(1, 1000, 3, label="Healing steps")
    lattice = Float(0.0, label="Lattice constant (0: find)")
    move_particles = Bool(False, label="Move particles to healed positions")
    threads = Range(1, 256, 1, label="Threads")

    def modify(self, data: DataCollection, *, frame: int, **_: Any) -> Generator[str | float, None, None]:
        """Adds properties and attributes to the frame. OVITO shows what it yields, and may end it there."""
        if data.particles is None or data.particles.count == 0:
            raise HealError("there are no particles: put this modifier where there are some")
        structure = structure_of_particles(data, f"frame {frame}")
        yield "Looking at the crystal"
        steps, threads = int(self.steps), int(self.threads)
        model = fitted(structure, self.model, self.lattice or None, threads=threads).model
        atoms = atoms_of(structure, model)
        healer = AtomsHealer(atoms, model, threads=threads)
        positions = atoms.positions.copy()
        yield "Healing"
        for number in range(steps):
            yield number / steps
            last = healer.step(positions)
            positions += last
        seen = healer.observation(atoms.positions, positions, last)
        _add(data, seen, to_particles(structure, seen.positions, seen.displacement), self.move_particles)


def _add(data: DataCollection, seen: Observation, places: tuple[np.ndarray, np.ndarray, np.ndarray], moves: bool) -> None:
    """places: healed positions, displacement, Å, and row of each particle among the atoms seen."""
    healed, displacement, row = places
    particles = data.particles_
    particles.create_property("Healed Position", data=healed, components=["X", "Y", "Z"])
    particles.create_property("Healed Displacement", data=displacement, components=["X", "Y", "Z"])
    particles.create_property("Coordination", data=seen.coordination[row])
    particles.create_property("Residual", data=seen.residual[row])
    labels = particles.create_property("Label", data=seen.labels[row])
    for number, (name, colour) in enumerate(zip(NAMES, COLOURS[1:], strict=True), 1):
        labels.types.append(ElementType(id=number, name=name, color=tuple(colour)))
    if moves:
        particles.create_property("Position", data=healed)
    for name, value in seen.table().items():
        data.attributes[PREFIX + name] = value
