"""A training under way: all that going on from it needs, and whether a recipe may go on from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from lammps_heal.errors import HealError
from lammps_heal.training.recipe import Recipe
from lammps_heal.whole_files import whole_file

FORMAT = "lammps-heal checkpoint"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """recipe: its `as_json`. stage: number from 0. trainer: the Trainer's state_dict.

    lengthened: a line for each time that going on changed the number of steps; see `require_same`. is_finished: the
    weights of the whole training are written.
    """

    recipe: dict[str, Any]
    data_sha256: dict[str, str]
    stage: int
    trainer: dict[str, Any]
    lengthened: list[str]
    is_finished: bool = False

    @property
    def step(self) -> int:
        step: int = self.trainer["step"]
        return step

    @property
    def steps(self) -> int:
        """Of its stage, as it was begun."""
        steps: int = self.recipe["stages"][self.stage]["steps"]
        return steps

    def __str__(self) -> str:
        return f"stage {self.stage + 1} of {len(self.recipe['stages'])}, step {self.step} of {self.steps}"


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Whole or not at all. Raises HealError."""
    with whole_file(path) as unfinished:
        torch.save({**vars(checkpoint), "format": FORMAT, "format_version": FORMAT_VERSION}, unfinished)


def read_checkpoint(path: Path, device: str = "cpu") -> Checkpoint:
    """Raises HealError where there is none, or it is damaged or of another version."""
    if not path.is_file():
        raise HealError(f'checkpoint "{path}" does not exist: start without --resume')
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        if (state.pop("format"), state.pop("format_version")) != (FORMAT, FORMAT_VERSION):
            raise ValueError("of another version")
        return Checkpoint(**state)
    except Exception as reason:
        first_line = (str(reason).splitlines() or [type(reason).__name__])[0]
        raise HealError(
            f'"{path}" is no checkpoint that can be gone on from ({first_line}): delete it, and start without --resume'
        ) from reason


def require_same(checkpoint: Checkpoint, recipe: Recipe, data_sha256: Mapping[str, str]) -> None:
    """Raises HealError where going on would not be the training that the recipe describes.

    Its stage may have been given more steps, or fewer but no less than are done; the learning rate then goes on as it
    would have with that number. Later stages may be others.
    """
    changed = [name for name in data_sha256 if checkpoint.data_sha256.get(name, data_sha256[name]) != data_sha256[name]]
    if changed:
        raise HealError(
            f"the data have changed since the checkpoint ({', '.join(changed)}: SHA-256 "
            f"{data_sha256[changed[0]][:12]}…, needed {checkpoint.data_sha256[changed[0]][:12]}…): "
            "restore them, or train anew, without --resume, to other weights (-o)"
        )
    then, now = (
        {name: r.get(name) for name in ("crystal", "others", "network", "data")} | {"stage": r["stages"][: checkpoint.stage + 1]}
        for r in (checkpoint.recipe, recipe.as_json())
    )
    free = f"stage.{checkpoint.stage + 1}.steps"
    different = [key for key in _differences(then, now, "") if key != free and not key.endswith(".validate_every")]
    if different:
        raise HealError(
            f"the checkpoint was trained with another recipe ({', '.join(different)}): go on with the same, or train anew, "
            "to other weights (-o)"
        )
    if recipe.stages[checkpoint.stage].steps < checkpoint.step:
        raise HealError(
            f"stage {checkpoint.stage + 1} is to have {recipe.stages[checkpoint.stage].steps} steps and has taken "
            f"{checkpoint.step} already: give it as many or more"
        )


def _differences(then: Any, now: Any, key: str) -> list[str]:
    """Dotted keys, stages from 1, at which two trees of JSON values differ."""
    if isinstance(then, dict) and isinstance(now, dict):
        pairs = [(str(k), then.get(k), now.get(k)) for k in dict.fromkeys([*then, *now])]
    elif isinstance(then, list) and isinstance(now, list) and any(isinstance(v, dict) for v in [*then, *now]):
        pairs = [(str(i), a, b) for i, (a, b) in enumerate(zip_longest(then, now), 1)]
    else:
        return [] if then == now else [key]
    return [found for name, a, b in pairs for found in _differences(a, b, f"{key}.{name}" if key else name)]
