"""How weights came about: what the record in their file says, and whether they are those of a recipe."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lammps_heal.errors import HealError
from lammps_heal.training.recipe import Recipe
from lammps_heal.training.validation import Figures
from lammps_heal.training.weights import read_weights


@dataclass(frozen=True)
class Provenance:
    """command: that was typed. data_sha256: by name of the file. lengthened: see checkpoint.py."""

    recipe: Recipe
    command: str
    data_sha256: Mapping[str, str]
    lengthened: Sequence[str] = ()

    def record(self, figures: Figures, stage: int, step: int) -> dict[str, Any]:
        """Of weights at a step of a stage (number from 0, from 1 in the record), as JSON has it."""
        return {
            "command": self.command,
            "recipe": self.recipe.text,
            "changes": list(self.recipe.changes),
            **self.recipe.as_json(),
            "data_sha256": dict(self.data_sha256),
            "stage": stage + 1,
            "step": step,
            "lengthened": list(self.lengthened),
            "figures": figures,
        }


def sha256_of(paths: Sequence[Path]) -> dict[str, str]:
    """By name. Raises HealError where a file is missing."""
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise HealError(f'structure file "{missing[0]}" does not exist: make it with "make data", or run where it is')
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def is_trained(weights: Path, recipe: Recipe) -> bool:
    """Whether these are the weights of this recipe, complete, of the very data that there are now."""
    try:
        record = read_weights(weights).record
    except HealError:  # there are none, or of an older version
        return False
    is_complete = (record.get("stage"), record.get("step")) == (len(recipe.stages), recipe.stages[-1].steps)
    is_of_recipe = all(record.get(key) == value for key, value in recipe.as_json().items())
    return is_complete and is_of_recipe and record.get("data_sha256") == sha256_of(recipe.data)
