"""Many crystals, each healed hot by a model that `fit` made for it: how many atoms are where the quench has them?

What the same question gets without healing stands beside it: from the frame as it is, and from an average over time.
"""

import time
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
from lammps_heal.crystals.fit import Subject, is_costly
from lammps_heal.crystals.structures import random_seed
from lammps_heal.crystals.thorough import labels
from lammps_heal.evaluation.cells import scaled_sites
from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.hosts.atoms_healer import AtomsHealer
from lammps_heal.model.model_file import Model
from lammps_heal.tables import aligned
from lammps_heal.training.recipe import Crystal as Described
from lammps_heal.whole_files import with_tuples

HEATS = (0.3, 0.6, 0.8, 0.95, 1.0)  # of the melting point
VACANT, VACANT_HEAT = 0.01, 0.8  # of the sites; of the melting point
EDGE = 9.0  # nn, least height of the crystal
PS, MEAN_PS = 3.0, 1.0  # of a heating; of an average over time
EDGE_OF_COSTLY, PS_OF_COSTLY = 5.5, 1.0  # of potentials whose force calls cost much
STEPS = 8  # of healing
OWN_SITE = 0.5  # nn
TITLES = ("crystal", "T/T_m", "K", "on site: frame", "average", "healed", "labels: frame", "average", "healed", "vacancies kept")
MODEL_TITLES = ("crystal", "structure", "elements", "pair style", "fitted from", "steps", "acceptance", "µs/atom")
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


@dataclass(frozen=True)
class Covered:
    """A crystal of the page. measured: its snapshots. base: model that its own was fitted from, "" for nothing. n_steps: of
    the training. short: what fell short in the acceptance. microseconds: of a healing step, for each atom, on one thread."""

    measured: tuple[Measured, ...]
    base: str
    n_steps: int
    short: tuple[str, ...]
    microseconds: float

    def words(self, name: str, described: Described) -> list[str]:
        """Of its line in the table of models."""
        elements, short = " ".join(described.elements), ", ".join(self.short) or "good"
        what = [name, described.structure, elements, described.pair_style.split()[0], self.base or "nothing"]
        return [*what, f"{self.n_steps:,}", short, f"{self.microseconds:.1f}"]


def cover(described: Described, model: Model) -> Covered:
    """What is measured of a crystal, healed by its model."""
    record = model.training
    short = sorted({row["case"] for row in record.get("acceptance", []) if row["passed"] is False})
    n_steps = sum(stage["steps"] for stage in record.get("stages", []))
    snapshots = tuple(measure(described, model))
    return Covered(snapshots, str(record.get("start", "")), n_steps, tuple(short), _microseconds(described, model))


def _microseconds(described: Described, model: Model) -> float:
    """The least of several; of a crystal with a little noise."""
    sites = Subject.of(described).crystal.block(EDGE)
    sites.positions += Acceptance.rng(9, len(HEATS) + 1).normal(0.0, 0.05, sites.positions.shape)
    healer = AtomsHealer(sites, model)
    seconds = []
    for _ in range(STEPS):
        began = time.process_time()
        healer.step(sites.positions)
        seconds.append(time.process_time() - began)
    return 1.0e6 * min(seconds) / len(sites)


def measure(described: Described, model: Model) -> Iterator[Measured]:
    """A snapshot at each temperature, and one more with vacancies."""
    subject = Subject.of(described)
    edge, ps = (EDGE_OF_COSTLY, PS_OF_COSTLY) if is_costly(subject) else (EDGE, PS)
    sites = subject.crystal.block(edge)
    for number, (heat, vacant) in enumerate([*((heat, 0.0) for heat in HEATS), (VACANT_HEAT, VACANT)]):
        yield _snapshot(subject, model, sites, ps, heat, vacant, Acceptance.rng(9, number))


def _snapshot(
    subject: Subject, model: Model, sites: Atoms, ps: float, heat: float, vacant: float, rng: np.random.Generator
) -> Measured:
    crystal, work = subject.crystal, subject.work
    start = work.relaxed(with_vacancies(sites, round(vacant * len(sites)), rng))[0]
    kelvin = heat * subject.melting_point
    hot, mean = work.heated_with_mean(start, kelvin, ps, MEAN_PS, random_seed(rng))
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


def table(covered: dict[str, Covered], failed: dict[str, str]) -> str:
    """All snapshots, and what could not be fitted."""
    lines = [row.words(name) for name, crystal in covered.items() for row in crystal.measured]
    return "\n".join([aligned(TITLES, lines), *(f"{name}: {reason}" for name, reason in failed.items())])


def page(covered: dict[str, Covered], failed: dict[str, str], described: dict[str, Described]) -> str:
    """The same and the models in Markdown."""
    models = [crystal.words(name, described[name]) for name, crystal in covered.items()]
    lines = [row.words(name) for name, crystal in covered.items() for row in crystal.measured]
    failures = [f"**{name}**: {reason}\n" for name, reason in failed.items()]
    return "\n".join([_markdown(MODEL_TITLES, models), *failures, _markdown(TITLES, lines)])


def _markdown(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [titles, ["---"] * len(titles), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def from_json(values: dict[str, Any]) -> Covered:
    """What `asdict` made, read again."""
    read = with_tuples(values)
    return Covered(**{**read, "measured": tuple(Measured(**with_tuples(row)) for row in read["measured"])})
