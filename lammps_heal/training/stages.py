"""A whole training: the stages of a recipe one after the other, with checkpoints, a log, and the weights at the end."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import numpy as np
from tqdm import tqdm

from lammps_heal.errors import HealError, Interrupted
from lammps_heal.training.checkpoint import Checkpoint, read_checkpoint, require_same, write_checkpoint
from lammps_heal.training.growth import start_from
from lammps_heal.training.interruption import Interruption
from lammps_heal.training.provenance import Provenance, is_trained, sha256_of
from lammps_heal.training.recipe import Recipe
from lammps_heal.training.start import weights_of_model
from lammps_heal.training.structures import training_set
from lammps_heal.training.trainer import Trainer
from lammps_heal.training.validation import Figures, score
from lammps_heal.training.weights import TrainedWeights, read_weights, write_weights

CHECKPOINT_SECONDS = 180.0  # the most that a crash loses


@dataclass(frozen=True)
class Files:
    """What a training writes. weights: of the whole training; folder: of what it keeps on its way, named like these."""

    weights: Path
    folder: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.weights.stem}.checkpoint"

    @property
    def log(self) -> Path:
        """A line of JSON for each validation."""
        return self.folder / f"{self.weights.stem}.log"

    def of_stage(self, stage: int) -> Path:
        """Weights at the end of a stage that is not the last; number from 0."""
        return self.folder / f"{self.weights.stem}.stage{stage + 1}.pth"


def train(recipe: Recipe, files: Files, command: str = "", device: str = "cpu", resume: bool = False) -> Figures:
    """Train, with a progress bar; returns the validation figures of the weights.

    The weights are those at the end, for the learning rate falls to it, and earlier ones let relaxed structures drift
    further, whatever their score. command: for the record. resume: go on from the checkpoint, to the same weights as
    without an interruption; where the weights are there already nothing is done. Without it the training begins anew,
    but never overwrites the checkpoint of one under way. Ctrl-C and SIGTERM save a checkpoint and raise Interrupted,
    which says where it stands. Raises HealError.
    """
    for path in (files.weights, files.checkpoint):
        path.parent.mkdir(parents=True, exist_ok=True)
    if resume and is_done(recipe, files):
        figures: Figures = read_weights(files.weights).record["figures"]
        return figures
    training = _Training(recipe, files, command, device)
    if resume:
        training.resume()
    else:
        training.begin()
    with Interruption() as interruption:
        try:
            return training.run(interruption)
        except Interrupted as interrupted:
            raise Interrupted(interrupted.number, training.where) from None


def is_done(recipe: Recipe, files: Files) -> bool:
    """Whether the weights are those of the recipe, and no other training is on its way to them."""
    if files.checkpoint.is_file() and not read_checkpoint(files.checkpoint).is_finished:
        return False
    return is_trained(files.weights, recipe)


class _Training:
    """A recipe at work: the stage it is in (number from 0), and its trainer. where: what is saved, for people."""

    trainer: Trainer

    def __init__(self, recipe: Recipe, files: Files, command: str, device: str) -> None:
        self.recipe, self.files, self.device = recipe, files, device
        self.provenance = Provenance(recipe, command, sha256_of(recipe.data))
        self.structures, self.lattice = training_set(recipe)
        self.stage = 0
        self.where = "nothing is saved yet"
        self._saved_at = self._began_at = time.monotonic()

    def begin(self) -> None:
        """Raises HealError where the training of another checkpoint would be lost."""
        if self.files.checkpoint.is_file():
            checkpoint = read_checkpoint(self.files.checkpoint)
            if not checkpoint.is_finished:
                raise HealError(
                    f'"{self.files.checkpoint}" is of a training under way ({checkpoint}): go on from it with --resume, '
                    "name other weights with -o, or delete it"
                )
        self.files.log.unlink(missing_ok=True)
        self.trainer = self._make_trainer()
        if self.recipe.start:
            begun = weights_of_model(self.recipe.start, self.lattice.nearest_neighbour, self.trainer.network.cutoff)
            start_from(begun, self.trainer.network)

    def resume(self) -> None:
        """Go on from the checkpoint. Raises HealError where it is of another training."""
        checkpoint = read_checkpoint(self.files.checkpoint, self.device)
        require_same(checkpoint, self.recipe, self.provenance.data_sha256)
        self.stage, lengthened = checkpoint.stage, checkpoint.lengthened
        steps = self.recipe.stages[self.stage].steps
        if steps != checkpoint.steps:
            lengthened = [
                *lengthened,
                f"stage {self.stage + 1}: {checkpoint.steps} steps up to step {checkpoint.step}, then {steps}",
            ]
        self.provenance = replace(self.provenance, lengthened=lengthened)
        self.trainer = self._make_trainer()
        self.trainer.load_state_dict(checkpoint.trainer)
        self.where = f'{checkpoint} is saved in "{self.files.checkpoint}"'

    def run(self, interruption: Interruption) -> Figures:
        """From where it stands to the end."""
        while True:
            figures = self._run_stage(interruption)
            weights = self._weights(figures)
            if self.stage + 1 == len(self.recipe.stages):
                write_weights(weights, self.files.weights)
                # What is saved, not the trainer, whose layers are tuned by now.
                write_checkpoint(replace(read_checkpoint(self.files.checkpoint), is_finished=True), self.files.checkpoint)
                return figures
            write_weights(weights, self.files.of_stage(self.stage))
            self.stage += 1
            self.trainer = self._make_trainer()
            start_from(weights.network, self.trainer.network)

    def _make_trainer(self) -> Trainer:
        stage = self.recipe.stages[self.stage]
        return Trainer(self.structures, self.lattice, self.recipe.sizes(self.stage), stage, self.device)

    def _run_stage(self, interruption: Interruption) -> Figures:
        """To the end of the stage, with what tuning it has. Returns the figures of the weights."""
        trainer, stage = self.trainer, self.trainer.stage
        losses: list[float] = []
        name = f"stage {self.stage + 1} of {len(self.recipe.stages)}"
        with tqdm(total=stage.steps, initial=trainer.step, unit="step", desc=name) as bar:
            while trainer.step < stage.steps:
                losses.append(trainer.train_step())
                bar.update()
                if interruption.signal is not None:
                    self._save()
                    raise Interrupted(interruption.signal)
                is_validated = trainer.step % stage.validate_every == 0 and trainer.step < stage.steps
                if is_validated or time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
                    self._save()
                if is_validated:
                    with interruption.at_once():
                        self._log(trainer.validate(), losses, bar)
                    losses = []
            # Before the layers are tuned: a training that is given more steps goes on from here.
            self._save()
            with interruption.at_once():
                trainer.tune_layers()
                figures = trainer.validate()
            self._log(figures, losses, bar)
        return figures

    def _log(self, figures: Figures, losses: list[float], bar: "tqdm[NoReturn]") -> None:
        """losses: since the last line, or since the training was begun or resumed, as seconds are."""
        loss, current = float(np.mean(losses)) if losses else None, score(figures)
        line = {"stage": self.stage + 1, "step": self.trainer.step, "loss": loss, "score": current, "rmsd": figures}
        seconds = round(time.monotonic() - self._began_at, 1)
        with self.files.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({**line, "seconds": seconds}) + "\n")
        bar.set_postfix(score=f"{current:.4f}")

    def _save(self) -> None:
        checkpoint = Checkpoint(
            recipe=self.recipe.as_json(),
            data_sha256=dict(self.provenance.data_sha256),
            stage=self.stage,
            trainer=self.trainer.state_dict(),
            lengthened=list(self.provenance.lengthened),
        )
        write_checkpoint(checkpoint, self.files.checkpoint)
        self.where = f'{checkpoint} is saved in "{self.files.checkpoint}"'
        self._saved_at = time.monotonic()

    def _weights(self, figures: Figures) -> TrainedWeights:
        crystal = self.recipe.crystal
        return TrainedWeights(
            network={name: value.cpu() for name, value in self.trainer.network.state_dict().items()},
            sizes=self.recipe.sizes(self.stage),
            structure=crystal.structure,
            structures=[each.structure for each in self.recipe.crystals],
            elements=list(crystal.elements),
            lattice_constant=self.lattice.constant,
            lattice_constants=[self.lattice.smallest, self.lattice.largest],
            sigmas=list(self.trainer.stage.sigma),
            record=self.provenance.record(figures, self.stage, self.trainer.step),
            max_displacement=self.trainer.lengths.max_displacement,
        )
