"""A model for a crystal and its potential: structures, training, acceptance, export; what `lammps-heal fit` does.

Where a model of the structure is shipped the training begins from it, its lengths scaled; else from nothing. What is made
on the way stays in a folder, and a fit that was interrupted goes on from there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ase import Atoms

from lammps_heal.crystals.acceptance import FRUGAL as FRUGAL_ACCEPTANCE
from lammps_heal.crystals.acceptance import QUICK as QUICK_ACCEPTANCE
from lammps_heal.crystals.acceptance import Acceptance, Size
from lammps_heal.crystals.crystal import Crystal
from lammps_heal.crystals.drafts import FRUGAL as FRUGAL_PLAN
from lammps_heal.crystals.drafts import QUICK as QUICK_PLAN
from lammps_heal.crystals.drafts import Plan
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.crystals.melting import estimated_melting_point
from lammps_heal.crystals.relaxed_crystal import relaxed_crystal
from lammps_heal.crystals.structures import made_for, write_structures
from lammps_heal.errors import HealError
from lammps_heal.evaluation.rows import Row, text
from lammps_heal.hosts.ase_atoms import heal
from lammps_heal.hosts.potential import Potential
from lammps_heal.model.export import export
from lammps_heal.model.model_file import Model, load
from lammps_heal.model.names import shipped_names
from lammps_heal.training.mixture import Mixture
from lammps_heal.training.recipe import Crystal as Described
from lammps_heal.training.recipe import NetworkSizes, Recipe, Stage
from lammps_heal.training.stages import Files, train
from lammps_heal.training.start import nearest_neighbour_of, sizes_of_model
from lammps_heal.training.weights import read_network, read_weights, write_weights

Say = Callable[[str], None]
NO_BASE = "none"
# Lengths of a network and its training in nn. As far as 2.19 nn are 54 to 60 neighbours of close-packed crystals and 58
# of bcc, as the platinum model has; of open structures 46 are within 2.55 nn.
CUTOFF, CUTOFF_OF_OPEN = 2.19, 2.55
SIGMA = (0.004, 0.2)
PAIR_REACH = 2.4
DIGITS = 4  # of lengths in a recipe, Å
# Of the stages, as of the shipped recipes: the first learns to heal; the second that what rests goes on resting, without
# which relaxed vacancies move four times as far; after the third hcp's interstitials move a third as far as before. Each has
# half the learning rate of the one before.
LEARN = Mixture(
    crystal_noise=0.12,
    crystal_inhomogeneous=0.04,
    crystal_long_wavelength=0.03,
    crystal_clean=0.03,
    frenkel_pair=0.16,
    hop=0.06,
    defect_noise=0.13,
    defect_inhomogeneous=0.04,
    defect_long_wavelength=0.06,
    defect_clean=0.23,
    thermal=0.10,
)
REST = Mixture(
    crystal_noise=0.05,
    crystal_inhomogeneous=0.02,
    crystal_long_wavelength=0.03,
    crystal_clean=0.08,
    frenkel_pair=0.12,
    hop=0.05,
    defect_noise=0.12,
    defect_inhomogeneous=0.03,
    defect_long_wavelength=0.08,
    defect_clean=0.32,
    thermal=0.10,
)
STILL = Mixture(
    crystal_noise=0.03,
    crystal_inhomogeneous=0.01,
    crystal_long_wavelength=0.03,
    crystal_clean=0.10,
    frenkel_pair=0.10,
    hop=0.05,
    defect_noise=0.11,
    defect_inhomogeneous=0.03,
    defect_long_wavelength=0.08,
    defect_clean=0.36,
    thermal=0.10,
)
MIXTURES = LEARN, REST, STILL
# s/atom of a force call, from which on structures and acceptance are few and small. EAM takes some 1e-6, SNAP 1 to 2e-4.
COSTLY = 5.0e-5
TIMED_EDGE = 5.5  # nn, of the crystal whose force calls are timed


@dataclass(frozen=True)
class Effort:
    """How much is done. steps: of all stages; learning_rate: of the first. From nothing; fine_*: from a base."""

    steps: int = 24_000
    n_stages: int = len(MIXTURES)
    learning_rate: float = 0.004
    fine_steps: int = 6000
    n_fine_stages: int = 2
    fine_learning_rate: float = 0.002
    plan: Plan = field(default_factory=Plan)
    acceptance: Size = field(default_factory=Size)


QUICK = Effort(steps=1500, n_stages=2, fine_steps=600, plan=QUICK_PLAN, acceptance=QUICK_ACCEPTANCE)


@dataclass(frozen=True)
class Subject:
    """A crystal as its potential has it. melting_point: K."""

    crystal: Crystal
    work: LammpsWork
    melting_point: float

    @classmethod
    def of(cls, described: Described) -> "Subject":
        """What a recipe describes, relaxed by LAMMPS. Raises HealError where that is no stable crystal."""
        if not described.pair_style:
            raise HealError("there is no potential: give pair_style and pair_coeff, as in a LAMMPS input")
        d = described
        potential = Potential(d.pair_style, d.pair_coeff, d.settings, d.atom_style)
        crystal = relaxed_crystal(d.structure, d.elements, potential, d.lattice_constant or None, d.composition, d.spread)
        work = LammpsWork(potential, d.elements)
        return cls(crystal, work, d.melting_point or estimated_melting_point(crystal, work))

    def __str__(self) -> str:
        c = self.crystal
        lengths = f"lattice constant {c.lattice_constant:.4f} Å, nearest neighbours {c.nn:.4f} Å apart"
        return f"{c.structure} {' '.join(c.elements)}: {lengths}, taken to melt at {self.melting_point:.0f} K"


def force_seconds(subject: Subject) -> float:
    """Processor time of a force call, s/atom."""
    return subject.work.force_seconds(subject.crystal.block(TIMED_EDGE))


def is_costly(subject: Subject) -> bool:
    return force_seconds(subject) >= COSTLY


def affordable(effort: Effort, subjects: Sequence[Subject], say: Say = print) -> Effort:
    """The effort; with fewer and smaller structures where a potential's force calls cost much."""
    dearest = max(map(force_seconds, subjects))
    if dearest < COSTLY:
        return effort
    say(f"a force call takes {1e6 * dearest:.0f} µs/atom: structures to train on and to be measured by are few and small")
    return replace(effort, plan=FRUGAL_PLAN, acceptance=FRUGAL_ACCEPTANCE)


def make_structures(path: Path, subject: Subject, plan: Plan, say: Say = print) -> None:
    """Write the file of structures, unless it is there and of this very potential."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        found, needed = made_for(path), subject.work.potential.commands()
        if found != needed:
            raise HealError(f'"{path}" is of another potential ({"; ".join(found)}): delete it, or name another output')
        say(f"structures: {path} is there already")
        return
    counts = write_structures(path, subject.crystal, subject.work, subject.melting_point, plan)
    say(f"structures: {sum(counts.values())} in {path}: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))


def base_of(structure: str, elements: Sequence[str]) -> str:
    """The shipped model to begin from: of the structure and these very elements, else that which has the structure's name; ""
    where there is none."""
    names = shipped_names()
    for name in names:
        model = load(name)
        if model.structures == (structure,) and set(model.elements) == set(elements):
            return name
    return structure if structure in names else ""


def fit_from_nothing_or_base(
    described: Described, output: Path, folder: Path, effort: Effort, base: str | None, command: str, say: Say = print
) -> list[Row]:
    """All of it: structures, recipe, training, acceptance, export. base: NO_BASE, a model, or None: the shipped one."""
    subject = Subject.of(described)
    say(str(subject))
    effort = affordable(effort, [subject], say)
    data = folder / f"{output.stem}.xyz"
    make_structures(data, subject, effort.plan, say)
    begin = base_of(described.structure, described.elements) if base is None else "" if base == NO_BASE else base
    recipe = recipe_for(described, subject.crystal, data, effort, begin)
    return fit(recipe, [subject], output, files_of(output, folder), effort.acceptance, command, say)


def fit_by_recipe(recipe: Recipe, output: Path, folder: Path, effort: Effort, command: str, say: Say = print) -> list[Row]:
    """The same, the training as a recipe has it; the first file of structures of each crystal is made where it is missing."""
    subjects = [Subject.of(crystal) for crystal in recipe.crystals]
    effort = affordable(effort, subjects, say)
    for data, subject in zip(recipe.data, subjects, strict=False):
        say(str(subject))
        make_structures(data, subject, recipe.structures or effort.plan, say)
    return fit(recipe, subjects, output, files_of(output, folder), effort.acceptance, command, say)


def files_of(output: Path, folder: Path) -> Files:
    """What a fit writes: trained weights beside the model, from which it can be exported anew; the rest to a folder."""
    return Files(output.with_suffix(".pth"), folder)


def recipe_for(described: Described, crystal: Crystal, data: Path, effort: Effort, base: str = "") -> Recipe:
    """The recipe of a fit. base: name or file of the model to begin from; "": nothing."""
    nn = crystal.nn
    cutoff = round((CUTOFF_OF_OPEN if crystal.is_open else CUTOFF) * nn, DIGITS)
    fresh = NetworkSizes(cutoff=cutoff, switch_on=0.85, n_channels=8, n_hidden=64, n_layers=2)
    steps, n_stages = (effort.fine_steps, effort.n_fine_stages) if base else (effort.steps, effort.n_stages)
    first = Stage(
        steps=max(1, steps // n_stages),
        learning_rate=effort.fine_learning_rate if base else effort.learning_rate,
        sigma=(round(SIGMA[0] * nn, DIGITS), round(SIGMA[1] * nn, DIGITS)),
        mixture=LEARN,
        fresh=0.3,
        pair_reach=round(PAIR_REACH * nn, DIGITS),
        pair_weight=(2.0, 1.0),
        validate_every=100_000,
    )
    stages = tuple(
        replace(first, learning_rate=0.5**number * first.learning_rate, mixture=mixture)
        for number, mixture in enumerate(MIXTURES[:n_stages])
    )
    sizes = sizes_of_model(base, nn) if base else fresh
    return Recipe((data,), described, sizes, stages, start=base)


def fit(
    recipe: Recipe, subjects: Sequence[Subject], output: Path, files: Files, size: Size, command: str, say: Say = print
) -> list[Row]:
    """Train by the recipe, export, and accept on each of its crystals; the rows of acceptance stand in the record too."""
    train(recipe, files, command, resume=files.checkpoint.is_file() or files.weights.is_file())
    export(read_network(files.weights), output)
    rows = accept(output, subjects, size, say)
    weights = read_weights(files.weights)
    record = {**weights.record, "acceptance": [asdict(row) for row in rows]}
    write_weights(replace(weights, record=record), files.weights)
    export(read_network(files.weights), output)
    return rows


def model_for(model: Model, subject: Subject) -> Model:
    """The model; a joint one scaled to the crystal."""
    if len(model.structures) == 1:
        return model
    return model.scaled(model.lattice_constant * subject.crystal.nn / nearest_neighbour_of(model))


def acceptance_of(model: Model, subject: Subject, size: Size) -> Acceptance:
    """The acceptance of a model on its crystal, or on one of those that a joint model is of."""
    fitting = model_for(model, subject)

    def healed(atoms: Atoms, steps: int) -> Atoms:
        return heal(atoms, fitting, steps)

    return Acceptance(subject.crystal, subject.work, healed, subject.melting_point, size)


def accept(model: str | Path, subjects: Sequence[Subject], size: Size, say: Say = print) -> list[Row]:
    """The rows of acceptance of a model, each printed as it comes."""
    rows = []
    for subject in subjects:
        for row in of_crystal(acceptance_of(load(model), subject, size).rows(), subject, len(subjects) > 1):
            rows.append(row)
            say(f"measured: {text([row]).splitlines()[-1]}")
    return rows


def of_crystal(rows: Iterable[Row], subject: Subject, is_joint: bool) -> Iterator[Row]:
    """The rows; of a joint model each says which crystal it is of."""
    crystal = subject.crystal
    for row in rows:
        yield replace(row, structure=f"{crystal.structure} {' '.join(crystal.elements)}, {row.structure}") if is_joint else row


def verdict(rows: Sequence[Row]) -> str:
    """One line: good, or what falls short."""
    short = sorted({row.case for row in rows if row.passed is False})
    if not short:
        return "verdict: good"
    return (
        f"verdict: falls short in {', '.join(short)}: train longer (--steps, to another -o), or use it where these do not matter"
    )
