"""Inputs that the tests of fix heal share."""

from pathlib import Path

import torch
from conftest import MODEL, TOLERANCE
from lammps_runs import DUMP_WITH_DISPLACEMENT, lmp

SAME = TOLERANCE[torch.float32]  # Å
THERMO = "thermo 1\nthermo_style custom step pe f_heal f_heal[2] f_heal[3] f_heal[4]\nthermo_modify format float %.12g\n"
HEAL = "fix heal all heal {model}\n" + DUMP_WITH_DISPLACEMENT + THERMO


def failing(folder: Path, script: str, ranks: int = 1, environment: dict[str, str] | None = None) -> str:
    """The one error message of a run that must fail."""
    done = lmp(folder, script.format(model=MODEL), ranks, environment)
    assert done.exit_code != 0, done.output
    messages = [line for line in done.output.splitlines() if line.startswith("ERROR")]
    assert len(messages) == 1, done.output
    return messages[0]
