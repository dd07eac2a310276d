"""Many crystals, each healed hot by a model that `fit` made for it: how many atoms are where the quench has them?

What the same question gets without healing stands beside it: from the frame as it is, and from an average over time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from lammps_heal.analysis.labels import has_ovito, template_labels
from lammps_heal.analysis.local_structure import has_shells, shells_of
from lammps_heal.analysis.sites import count_defects, site_distances
from lammps_heal.crystals.acceptance import Acceptance, without_drift
from lammps_heal.crystals.defects import with_vacancies
from lammps_heal.crystals.fit import Subject
from lammps_heal.crystals.structures import random_seed
from lammps_heal.crystals.thorough import labels
from lammps_heal.evaluation.cells import scaled_sites
from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.model.model_file import Model
from lammps_heal.tables import aligned
from lammps_heal.training.recipe import Crystal as Described
from lammps_heal.whole_files import with_tuples

HEATS = (0.3, 0.6, 0.8, 0.95, 1.0)  # of the melting point
VACANT, VACANT_HEAT = 0.01, 0.8  # of the sites; of the melting point
EDGE = 9.0  # nn, least height of the crystal
PS, MEAN_PS = 3.0, 1.0  # of a heating; of an average over time
STEPS = 8  # of healing
OWN_SITE = 0.5  # nn
TITLES = ("crystal", "T/T_m", "K", "on site: frame", "average", "healed", "labels: frame", "average", "healed", "vacancies kept")
ABSENT = "-"


@dataclass(frozen=True)
class Measured:
    """A snapshot. on_site: parts of the atoms that are nearest to their own place in the quench, in the frame, in the average,
    healed; labels: parts whose label is the quench's, in the same three, None where there are none. vacancies: of the quench,
    and of those the ones that the healed copy has; None where there are none."""

    heat: float
    kelvin: float
    on_site: tuple[float, float, float]
    labels: tuple[float, float, float] | None
    vacancies: tuple[int, int] | None

    def words(self, name: str) -> list[str]:
        """Of its line in the table."""
        labelled = [ABSENT] * 3 if self.labels is None else [f"{part:.4f}" for part in self.labels]
        kept = ABSENT if self.vacancies is None else f"{self.vacancies[1]} of {self.vacancies[0]}"
        return [name, f"{self.heat:g}", f"{self.kelvin:.0f}", *(f"{part:.4f}" for part in self.on_site), *labelled, kept]


def measure(described: Described, model: Model) -> Iterator[Measured]:
    """A snapshot at each temperature, and one more with vacancies."""
    subject = Subject.of(described)
    for number, (heat, vacant) in enumerate([*((heat, 0.0) for heat in HEATS), (VACANT_HEAT, VACANT)]):
        yield _snapshot(subject, model, heat, vacant, Acceptance.rng(9, number))


def _snapshot(subject: Subject, model: Model, heat: float, vacant: float, rng: np.random.Generator) -> Measured:
    crystal, work = subject.crystal, subject.work
    sites = crystal.block(EDGE)
    start = work.relaxed(with_vacancies(sites, round(vacant * len(sites)), rng))[0]
    kelvin = heat * subject.melting_point
    hot, mean = work.heated_with_mean(start, kelvin, PS, MEAN_PS, random_seed(rng))
    quench, _ = work.relaxed(hot)
    healed = heal(hot, model, STEPS)
    seen = (hot, mean, healed)
    vacancies = None
    if vacant:
        lattice = scaled_sites(sites, quench)
        empty = [count_defects(without_drift(atoms, quench).positions, lattice).vacancies for atoms in (quench, healed)]
        vacancies = empty[0], empty[1]
    on_site = tuple(_on_own_site(atoms, quench, crystal.nn) for atoms in seen)
    return Measured(heat, kelvin, _three(on_site), _labelled(seen, quench, subject), vacancies)


def _on_own_site(atoms: Atoms, quench: Atoms, nn: float) -> float:
    distances, nearest, _ = site_distances(without_drift(atoms, quench).positions, quench, 1)
    own = (nearest[:, 0] == np.arange(len(atoms))) & (distances[:, 0] < OWN_SITE * nn)
    return float(own.mean())


def _labelled(seen: Sequence[Atoms], quench: Atoms, subject: Subject) -> tuple[float, float, float] | None:
    """The frame and the average by template matching at its default, as people do it; the healed copy by its own labels."""
    structure = subject.crystal.structure
    if not has_shells(structure):
        return None
    own = labels(quench, subject.crystal)
    by_template = has_ovito() and not shells_of(structure).is_diamond

    def of_frame(atoms: Atoms) -> float:
        if by_template:
            return float((template_labels(atoms) == template_labels(quench)).mean())
        return float((labels(atoms, subject.crystal) == own).mean())

    frame, mean, healed = seen
    return of_frame(frame), of_frame(mean), float((labels(healed, subject.crystal) == own).mean())


def _three(values: tuple[float, ...]) -> tuple[float, float, float]:
    first, second, third = values
    return first, second, third


def table(measured: dict[str, list[Measured]], failed: dict[str, str]) -> str:
    """All lines, and what could not be fitted."""
    lines = [row.words(name) for name, rows in measured.items() for row in rows]
    return "\n".join([aligned(TITLES, lines), *(f"{name}: {reason}" for name, reason in failed.items())])


def from_json(values: dict[str, Any]) -> Measured:
    """What `asdict` made, read again."""
    return Measured(**with_tuples(values))
