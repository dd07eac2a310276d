"""Heals structure files: reads, checks, heals by LAMMPS, writes, and returns what was done. All calls are collective."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version

from lammps_heal.analysis.own_lattice import Occupation
from lammps_heal.errors import HealError, Interrupted
from lammps_heal.hosts.end_checks import check_end
from lammps_heal.hosts.formats.healed import Healed
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.frame_reader import FrameReader
from lammps_heal.hosts.heal_options import HealOptions, require_usable
from lammps_heal.hosts.healing_run import HealingRun, StepResult
from lammps_heal.hosts.input_checks import look_at
from lammps_heal.hosts.interruption import Interruption
from lammps_heal.hosts.lammps_healer import load_on_all_ranks
from lammps_heal.hosts.model_choice import Choice, choose, is_auto
from lammps_heal.hosts.output import Output, holds_many
from lammps_heal.hosts.plain_paths import PlainPaths
from lammps_heal.hosts.potential import Potential
from lammps_heal.hosts.reporter import Reporter
from lammps_heal.hosts.snapshot import gathered
from lammps_heal.hosts.type_elements import TypeElements, elements_present, type_elements
from lammps_heal.model.elements import require_elements
from lammps_heal.model.model_file import Model
from lammps_heal.model.names import AUTO
from lammps_heal.step.ranks import Ranks


@dataclass
class Summary:
    """What was done. model: its name. Of the last frame: atoms, steps, rms, largest (Å), energy (eV).

    lattice: constant healed with, Å, if it is not the model's own. sites_before, sites: of the last frame, how many sites of
    the healed crystal's own lattice were and are empty, and double; None where that is not known. resumed: frames that an
    earlier run had healed already.
    warnings: lines for the user. problems: why a crystal is not healed.
    """

    output: str
    model: str = ""
    frames: int = 0
    resumed: int = 0
    atoms: int = 0
    steps: int = 0
    rms: float = 0.0
    largest: float = 0.0
    energy: float | None = None
    lattice: float | None = None
    sites_before: Occupation | None = None
    sites: Occupation | None = None
    host: str = ""
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def heal_file(options: HealOptions, ranks: Ranks, reporter: Reporter) -> Summary:
    """Heal `options.damaged` and write the healed frames.

    Every file appears under its name when it is complete; a run that fails leaves an earlier one as it was. Raises HealError
    where it fails (see `all_ranks`), and Interrupted, which says what is kept.
    """
    ranks.first(lambda: require_usable(options))
    started = time.monotonic()
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption(ranks))
        paths = stack.enter_context(PlainPaths(ranks))
        stack.callback(reporter.close)
        stack.enter_context(reporter.takes_warnings())
        summary = _FileHealing(options, ranks, reporter, interruption, paths).run()
    summary.seconds = time.monotonic() - started
    return summary


class _FileHealing:
    def __init__(
        self, options: HealOptions, ranks: Ranks, reporter: Reporter, interruption: Interruption, paths: PlainPaths
    ) -> None:
        self._options, self._ranks, self._reporter, self._interruption = options, ranks, reporter, interruption
        self._summary = Summary(str(options.healed))
        self._paths = paths
        self._choice: Choice | None = None  # where the model is chosen, at the first frame
        self._potential_path = paths.of(options.potential) if options.potential is not None else None
        if not is_auto(options.model):
            self._use(options.model)
        key = f"{AUTO}, {version('lammps-heal')}" if is_auto(options.model) else self._model.weights_hash
        self._reader = FrameReader(options, key, ranks)
        self._outputs: list[Output] = []
        self._healing: HealingRun | None = None

    def run(self) -> Summary:
        reader, summary = self._reader, self._summary
        summary.frames = summary.resumed = reader.resumed
        try:
            for structure in reader.structures():
                self._warn(*reader.warnings)
                self._interruption.require_none()
                self._heal(structure, self._prepare(structure))
                summary.frames += 1
                if reader.is_trajectory:
                    self._ranks.first(lambda: reader.note_progress(summary.frames, self._outputs[0].n_bytes, self._choice))
                    self._reporter.frames(summary.frames, reader.n_frames)
            if self._healing is None and not summary.resumed:
                raise HealError(f'"{self._options.damaged}": there are no frames {self._options.frames} in it: choose others')
            self._warn(*reader.warnings)
            for output in self._outputs:
                output.finish()
            self._ranks.first(reader.finish)
        except Interrupted as interrupted:
            raise Interrupted(interrupted.number, self._leave()) from None
        except HealError as error:
            if not self._can_go_on():
                self._drop()
                raise
            raise HealError(f"{error}; {self._leave()}, and the same command goes on from there") from error
        except BaseException:
            self._drop()
            raise
        if self._healing is not None:
            self._healing.close()
        return summary

    def _prepare(self, structure: Structure) -> TypeElements:
        """Elements of its types. At the first frame also the model to heal with, warnings, and the output."""
        if self._healing is None and is_auto(self._options.model):
            self._choose(structure)
        types = self._ranks.first(lambda: self._types_of(structure))
        if self._healing is not None:
            return types
        self._warn(*types.warnings)
        self._model = self._fitting_model(structure, types)
        if self._choice is not None and not self._choice.is_of_elements:
            self._reporter.note(str(self._choice))
        # Not before: an input that is refused leaves no trace.
        options = self._options
        whole, at = self._reader.is_trajectory, self._reader.resume_at
        self._outputs = [Output(options.healed, self._ranks, keeps_columns=whole, resume_at=at)]
        if options.write_data is not None:
            self._outputs.append(Output(options.write_data, self._ranks, format="data"))
        self._healing = HealingRun(self._ranks, options.host)
        self._summary.host = self._healing.host
        return types

    def _use(self, name: str) -> None:
        self._model = load_on_all_ranks(name, self._ranks)
        self._model_path = self._paths.of(self._model.path)
        self._summary.model = name

    def _choose(self, structure: Structure) -> None:
        """The model for a crystal, at its first frame; a trajectory that is gone on with keeps the one it had."""
        options, had = self._options, self._reader.choice
        choice = had or self._ranks.first(lambda: choose(structure, options.elements, options.host.threads))
        self._use(choice.name)
        self._choice = choice

    @property
    def _finds_lattice(self) -> bool:
        options = self._options
        is_chosen = self._choice is not None and not self._choice.is_of_elements
        return options.auto_lattice or (options.lattice is None and is_chosen)

    def _types_of(self, structure: Structure) -> TypeElements:
        options = self._options
        # A data file has masses, or it is to be said what is in it; of a dump nothing need be known.
        finds = options.auto_lattice if self._reader.kind == "data" else self._finds_lattice
        has_lattice = options.lattice is not None or finds
        return type_elements(structure, self._model, options.elements, self._reader.kind, needs_them=not has_lattice)

    def _fitting_model(self, structure: Structure, types: TypeElements) -> Model:
        """The model, scaled to the crystal where its elements are others or the user says so. Raises HealError for ruin."""
        options, model = self._options, self._model
        elements = elements_present(structure, types)
        if model.n_species > 1:  # other lengths do not make it a model of other elements
            require_elements(model, elements)
        auto = self._finds_lattice or (options.lattice is None and not elements <= set(model.elements))
        threads = options.host.threads
        findings = self._ranks.first(lambda: look_at(structure, model, options.lattice, auto, threads, types.elements))
        if findings.ruin and not options.force:
            raise HealError(f"{structure.where}: {findings.ruin[0]} (--force goes on)")
        self._warn(*findings.warnings, *findings.ruin)
        self._summary.lattice = findings.lattice
        if findings.found:
            self._reporter.note(
                f"lattice constant {findings.lattice} Å, found by its atoms' distances (--lattice to name another)"
            )
        return model if findings.lattice is None else model.scaled(findings.lattice)

    def _heal(self, structure: Structure, types: TypeElements) -> None:
        assert self._healing is not None
        most, stop = self._options.step_limits
        potential = self._ranks.first(lambda: self._potential(types))
        result = self._healing.start(structure, types, self._model, self._model_path, potential)
        writes_steps = not self._reader.is_trajectory and holds_many(self._outputs[0].format)
        largest: list[float] = []
        self._after_step(result, structure, types, writes_steps)
        while result.number < most and not (result.number and result.largest <= stop):
            self._interruption.require_none()
            result = self._healing.step()
            largest.append(result.largest)
            self._after_step(result, structure, types, writes_steps)
        self._end(structure, types, result, largest, writes_steps)

    def _after_step(self, result: StepResult, structure: Structure, types: TypeElements, writes: bool) -> None:
        self._reporter.step(result)
        if writes:
            self._write(self._outputs[0], structure, types, result.number)

    def _write(self, output: Output, structure: Structure, types: TypeElements, timestep: int) -> None:
        assert self._healing is not None
        snapshot = self._healing.snapshot()
        output.write(Healed(structure, types.elements, types.masses, self._reader.original, snapshot, timestep))

    def _end(
        self, structure: Structure, types: TypeElements, result: StepResult, largest: list[float], has_written: bool
    ) -> None:
        assert self._healing is not None
        timestep = structure.timestep if self._reader.is_trajectory else result.number
        for output in self._outputs[1 if has_written else 0 :]:
            self._write(output, structure, types, timestep)
        everything = gathered(self._healing.snapshot(), self._ranks)
        model, summary = self._model, self._summary
        stop = self._options.step_limits[1] if self._options.steps is None else None
        checks = self._ranks.first(lambda: check_end(structure, everything, model, largest, stop))
        prefix = f"timestep {structure.timestep}: " if self._reader.is_trajectory else ""
        summary.problems += [prefix + problem for problem in checks.problems]
        summary.sites_before, summary.sites = checks.before, checks.after
        summary.atoms, summary.steps, summary.rms = len(structure.ids), result.number, result.rms
        summary.largest, summary.energy = result.largest, result.energy

    def _potential(self, types: TypeElements) -> Potential | None:
        options = self._options
        if options.pair_style is not None:
            return Potential(options.pair_style, options.pair_coeff)
        if self._potential_path is None:
            return None
        return Potential.from_file(self._potential_path, [element or "NULL" for element in types.elements])

    def _warn(self, *lines: str) -> None:
        for line in lines:
            if line not in self._summary.warnings:
                self._summary.warnings.append(line)
                self._reporter.warn(line)

    def _can_go_on(self) -> bool:
        """Whether frames of a trajectory are healed and written that need not be healed again."""
        return self._reader.is_trajectory and bool(self._outputs) and self._summary.frames > 0 and self._reader.is_resumable

    def _leave(self) -> str:
        """Of what an interruption leaves, where it is; on all ranks."""
        for output in self._outputs:
            output.leave()
        names = [str(output.unfinished) for output in self._outputs]
        kept: str = self._ranks.share(f'what is written so far is kept as "{names[0]}"' if names else "nothing was written")
        return kept

    def _drop(self) -> None:
        for output in self._outputs:
            output.discard()
        if self._healing is not None:
            self._healing.leave()
