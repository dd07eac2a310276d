"""The hosts in LAMMPS scripts that change atoms, box, ranks or groups under them: each step is the reference's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import MODEL, damaged_crystal
from lammps_runs import EAM, crystal, in_a_row
from reference_steps import (
    DISPLACEMENT,
    SEEN,
    VELOCITY,
    dumped_runs,
    frames,
    require_reference_observation,
    require_reference_steps,
    require_reference_velocities,
)

from lammps_heal.model.model_file import Model

pytestmark = [pytest.mark.lammps, pytest.mark.mpi]

FIX = "fix heal all heal {model}\n"
OBSERVE = "velocity all create 600.0 4711 loop all\nfix md all nve\nfix heal all heal {model} observe\n"
TIMESTEP = 0.001  # ps


# Each of one or more runs, with what the script does before it.
SCRIPTS = {
    "deposit": [
        "region top block 1 14 1 14 1 14 units box\nfix d all deposit 6 1 1 4711 region top near 1.3 id max\n" + FIX + "run 8"
    ],
    "evaporate": ["region low block 0 9 0 9 0 9 units box\nfix e all evaporate 1 4 low 4711\n" + FIX + "run 6"],
    "delete_atoms": [
        FIX + "run 2",
        "group hit id 5:30:3\ndelete_atoms group hit compress no\nrun 2",
        "group more id 40:50\ndelete_atoms group more\nrun 2",
    ],
    "balance": ["fix b all balance 2 1.0 shift xyz 5 1.0\n" + FIX + "run 6", "balance 1.0 shift z 5 1.0\nrun 2"],
    "tiles": ["comm_style tiled\nfix b all balance 2 1.0 rcb\n" + FIX + "run 6"],
    "change_box": [
        FIX + "run 2",
        "change_box all x scale 1.01 y scale 0.99 remap\nrun 2",
        "change_box all z delta 0 5 boundary p p f\nrun 2",
        "change_box all boundary p p p\nrun 1",
    ],
    "tilt": [
        FIX + "run 2",
        "change_box all triclinic xy final 0.5 yz final -0.4 remap\nrun 2",
        "change_box all xy final 0 yz final 0 remap ortho\nrun 1",
    ],
    "deform": ["change_box all triclinic\nfix d all deform 1 x erate 2.0 xy erate 1.0 remap x\n" + FIX + "run 6"],
    "deform_seldom": ["fix d all deform 3 z erate -2.0 remap x\n" + FIX + "run 7"],
    "read_dump": [
        FIX + "run 3",
        "write_dump all custom now.dump id type x y z modify format float %.17g\nrun 2",
        "read_dump now.dump 3 x y z box yes replace yes timestep no\nrun 3",
    ],
    "replicate": [FIX + "run 1", "unfix heal\nreplicate 2 1 1\n" + FIX + "run 3"],
    "displace_atoms": [
        FIX + "run 2",
        "displace_atoms all random 0.2 0.2 0.2 4711\nrun 2",
        "displace_atoms all move 5 0 0\nrun 2",
    ],
    "create_atoms": [FIX + "run 2", "create_atoms 1 single 4.4 4.4 4.4 units box\nrun 2"],
    "reset_atoms": [FIX + "run 2", "group hit id 9\ndelete_atoms group hit compress no\nreset_atoms id sort yes\nrun 2"],
    "run_every": [FIX + 'run 4 every 2 "print between"'],
    "upto": [FIX + "run 2 start 0 stop 10", "run 4 upto"],
    "minimize": [FIX + "run 2", "minimize 0 0 3 3\nrun 2"],
    "skin_0": ["neighbor 0.0 bin\n" + FIX + "run 4"],
    "skin_5": ["neighbor 5.0 bin\n" + FIX + "run 4"],
    "multi": ["neighbor 2.0 multi\n" + FIX + "run 4"],
    "sort": ["atom_modify sort 1 2.0\n" + FIX + "run 4"],
}

BEFORE_BOX = {"newton_off": "newton off", "map_hash": "atom_modify map hash", "map_array": "atom_modify map array"}
SCRIPTS |= {name: [FIX + "run 3"] for name in BEFORE_BOX}

RUNS = {
    "fix": (FIX, DISPLACEMENT, [1, 2, 4]),
    "callback": (FIX, VELOCITY, [1, 2]),
    "observe": (OBSERVE, SEEN, [1, 2]),
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Path]:
    """Runs all scripts with a host on so many ranks, once; the folder where they wrote."""
    folders: dict[tuple[str, int], Path] = {}

    def folder_of(host: str, ranks: int) -> Path:
        if (host, ranks) not in folders:
            folder = folders[host, ranks] = tmp_path_factory.mktemp(f"{host}{ranks}")
            fix, columns, _ = RUNS[host]
            lines = {name: script(folder, name, fix, columns) for name in SCRIPTS}
            in_a_row(lines, folder, host, ranks)
        return folders[host, ranks]

    return folder_of


def script(folder: Path, name: str, fix: str, columns: str) -> list[str]:
    damaged = damaged_crystal(np.random.default_rng(20_261_123))
    parts = [part.replace(FIX, fix).format(model=MODEL) for part in SCRIPTS[name]]
    preamble = crystal(folder, damaged, BEFORE_BOX.get(name, "")) + f"timestep {TIMESTEP}\n" + EAM
    return [*preamble.splitlines(), *dumped_runs(parts, name, columns)]


@pytest.mark.parametrize("host, ranks", [(host, n) for host, (_, _, counts) in RUNS.items() for n in counts])
@pytest.mark.parametrize("name", SCRIPTS)
def test_each_step_is_the_references(done: Callable[[str, int], Path], model: Model, host: str, ranks: int, name: str) -> None:
    folder = done(host, ranks)
    error = folder / f"{name}.error"
    if host == "callback" and name.startswith("deform"):
        assert error.read_text().startswith("HealError: the box changed during the run")
        return
    assert not error.exists(), error.read_text()
    for k in range(len(SCRIPTS[name])):
        path = folder / f"{name}.{k}"
        if host == "fix":
            require_reference_steps(path, model)
        elif host == "callback":
            require_reference_velocities(path, model, TIMESTEP)
        else:
            require_reference_observation(frames(path)[-1], model)
