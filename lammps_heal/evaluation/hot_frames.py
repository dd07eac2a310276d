"""Frames of a hot crystal while it moves, with the mean positions of the time before each of them, and what they cost."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from lammps_heal.analysis.energies import PLATINUM_POTENTIAL
from lammps_heal.hosts.potential import Potential
from lammps_heal.hosts.runs import library

TIMESTEP = 0.002  # ps
SAMPLE = 10  # timesteps between positions that are averaged


@dataclass(frozen=True)
class HotFrame:
    """atoms: as they are. average: at their mean positions of the time before. step_seconds: processor time of a timestep."""

    atoms: Atoms
    average: Atoms
    step_seconds: float


def hot_frames(start: Atoms, temperature: float, n_frames: int, ps: float, seed: int) -> Iterator[HotFrame]:
    """Frames of molecular dynamics at a temperature, K, and no pressure, after and then every so many ps.

    start: relaxed, in the order of its atoms' ids.
    """
    n_steps = max(SAMPLE, round(ps / TIMESTEP / SAMPLE) * SAMPLE)
    with tempfile.TemporaryDirectory() as folder, library() as lmp:
        data = Path(folder, "start.data")
        ase.io.write(data, start, format="lammps-data", masses=True)
        lmp.commands_list(
            [
                "units metal",
                "atom_style atomic",
                "atom_modify map array",
                f"read_data {data}",
                "suffix opt",
                *Potential.from_file(PLATINUM_POTENTIAL).commands(),
                f"timestep {TIMESTEP}",
                # The start is relaxed: half of its kinetic energy becomes potential energy.
                f"velocity all create {2.0 * temperature} {seed} mom yes rot no dist gaussian",
                f"fix hot all npt temp {temperature} {temperature} 0.1 iso 0.0 0.0 1.0",
                "fix steady all momentum 10 linear 1 1 1",
                f"run {2 * n_steps}",
                "reset_timestep 0",
                "compute place all property/atom xu yu zu",
                f"fix average all ave/atom {SAMPLE} {n_steps // SAMPLE} {n_steps} c_place[*]",
            ]
        )
        for _ in range(n_frames):
            began = time.process_time()
            lmp.command(f"run {n_steps}")
            seconds = (time.process_time() - began) / n_steps
            low, high, *_ = lmp.extract_box()
            now = start.copy()
            now.set_cell(np.diag(np.array(high) - low))
            now.positions = np.array(lmp.gather("x", 1, 3)).reshape(-1, 3) - low
            average = now.copy()
            average.positions = np.array(lmp.gather("f_average", 1, 3)).reshape(-1, 3) - low
            yield HotFrame(now, average, seconds)
