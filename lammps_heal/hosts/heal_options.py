"""What a user asks of `lammps-heal heal`, and what of that cannot be done whatever is in the files."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from lammps_heal.errors import HealError
from lammps_heal.hosts.frame_choice import LAST, parse_frames
from lammps_heal.hosts.healing_run import HOSTS, HostOptions
from lammps_heal.hosts.output import holds_many, output_format
from lammps_heal.model.names import AUTO
from lammps_heal.step.backends import require_threads
from lammps_heal.whole_files import require_other_files

STEPS = 50  # at the most, where the user gives no number
STOP = 0.001  # Å; where the user gives no number of steps: healed, once no atom moves farther in a step
BOUNDARY_LETTERS = "pfsm"


@dataclass(frozen=True)
class HealOptions:
    """See `lammps-heal heal --help`. Lengths in Å. steps, stop: None for the default; see `step_limits`."""

    damaged: Path
    healed: Path
    model: str = AUTO
    steps: int | None = None
    stop: float | None = None
    frames: str = LAST
    lattice: float | None = None
    auto_lattice: bool = False
    elements: tuple[str, ...] = ()
    potential: Path | None = None
    pair_style: str | None = None
    pair_coeff: tuple[str, ...] = ()
    boundary: str = "p p p"
    atom_style: str | None = None
    write_data: Path | None = None
    force: bool = False
    host: HostOptions = field(default_factory=HostOptions)

    @property
    def step_limits(self) -> tuple[int, float]:
        """Steps at the most, and the largest displacement of a step, Å, at which healing ends before.

        A number of steps alone is just that many; neither: until healed, or STEPS.
        """
        stop = self.stop if self.stop is not None else (STOP if self.steps is None else 0.0)
        return STEPS if self.steps is None else self.steps, stop

    @property
    def boundary_words(self) -> tuple[str, str, str]:
        """Two letters for each direction. Raises HealError."""
        words = [2 * word if len(word) == 1 else word for word in self.boundary.split()]
        fits = len(words) == 3 and all(len(word) == 2 and set(word) <= set(BOUNDARY_LETTERS) for word in words)
        if not fits or any("p" in word and word != "pp" for word in words):
            raise HealError(f'boundary must be three of p, f, s, m, as LAMMPS has them, got "{self.boundary}": as "p p s"')
        x, y, z = words
        return x, y, z


def require_usable(options: HealOptions) -> None:
    """Raise HealError for what cannot be done."""
    if options.steps is not None and options.steps < 0:
        raise HealError(f"steps must be 0 or more, got {options.steps}")
    for name, value in (("stop", options.stop), ("max", options.host.max_displacement), ("lattice", options.lattice)):
        if value is not None and not (0.0 < value < math.inf or (name == "stop" and value == 0.0)):
            raise HealError(f"{name} must be a length above 0 Å, got {value}")
    require_threads(options.host.threads)
    if options.host.host not in HOSTS:
        raise HealError(f"host must be one of {', '.join(HOSTS)}, got {options.host.host}")
    if (options.pair_style is None) != (not options.pair_coeff):
        raise HealError('--pair-style and --pair-coeff go together: as --pair-style "eam/fs" --pair-coeff "* * Fe.eam.fs Fe"')
    if options.pair_style is not None and options.potential is not None:
        raise HealError("--potential and --pair-style both name a potential: give one of them")
    if options.potential is not None and not options.potential.is_file():
        raise HealError(f'potential file "{options.potential}" does not exist: name an EAM file, such as potentials/Pt_u3.eam')
    _ = options.boundary_words
    _require_outputs(options)


def _require_outputs(options: HealOptions) -> None:
    chosen = parse_frames(options.frames)
    if options.healed.name and chosen is not None and not holds_many(output_format(options.healed)):
        raise HealError(f'"{options.healed}" holds one frame alone: give --frames last, or a LAMMPS dump, .xyz or .traj')
    written = [path for path in (options.healed, options.write_data) if path is not None]
    for path in written:
        if not path.name:
            raise HealError(f'"{path}" names no file for the output: name one, as -o healed.lammpstrj')
        if not path.absolute().parent.is_dir():
            raise HealError(f'folder "{path.parent}" of the output does not exist: make it')
    require_other_files(written, (options.damaged, options.potential, Path(options.model)))
