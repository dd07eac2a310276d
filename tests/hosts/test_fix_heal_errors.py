"""What fix heal refuses: one message, on all ranks, exit code not 0."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from conftest import OVERLAPPING, ROOT, fcc, noisy
from fix_heal_runs import failing
from lammps_runs import crystal, lmp

pytestmark = pytest.mark.lammps


@pytest.mark.mpi
@pytest.mark.parametrize(
    "commands, message",
    [
        ("fix heal all heal", "Illegal fix heal command: missing argument(s)"),
        (
            "fix heal all heal no.pt",
            'there is no model "no.pt": name a file written by "lammps-heal export", or a shipped',
        ),
        ("fix heal all heal /", '"/" cannot be read (it is a folder)'),
        ("fix heal all heal {model} every 0", "every must be 1 or more, got 0"),
        ("fix heal all heal {model} max -1", "max must be a length above 0 Å, got -1"),
        ("fix heal all heal {model} max", "Illegal fix heal max command: missing argument(s)"),
        ("fix heal all heal {model} device tpu", "device must be cpu or cuda, got tpu"),
        ("fix heal all heal {model} speed 3", 'got "speed"'),
        ("fix heal all heal {model} threads 0", "threads must be 1 or more, got 0"),
        ("fix heal all heal {model} threads 100000", "threads 100000 is more than four times the processors of this machine"),
        ("fix heal all heal {model} kernel fast", "Expected boolean parameter instead of 'fast'"),
        ("fix heal all heal {model} lattice -4", "lattice must be a length above 0 Å, got -4"),
        ("fix heal all heal {model} elements", "elements takes the element of each of the 1 atom types, got 0"),
        ("fix heal all heal {model} elements every 3", "elements takes the element of each of the 1 atom types, got 0"),
        (
            "delete_atoms group all\nfix heal all heal {model} lattice auto",
            "there are none yet: add it after they are made or read",
        ),
        (
            "delete_atoms random count 245 no all NULL 7\nfix heal all heal {model} lattice auto",
            "too few atoms are inside of a crystal",
        ),
        ("fix heal all heal {model} elements Cu\nrun 1", "atom type 1 is Cu, the model knows Pt (195.084 g/mol)"),
        ("mass 1 63.546\nfix heal all heal {model}\nrun 1", "type 1 has mass 63.546, the model knows Pt (195.084 g/mol)"),
        ("mass 1 63.546\nfix heal all heal {model}\nrun 1", '"elements Pt", and otherwise "lattice auto"'),
        ("labelmap atom 1 Cu\nfix heal all heal {model}\nrun 1", "label of atom type 1 is no element of the model"),
        ("run_style respa 2 2\nfix heal all heal {model}\nrun 1", 'use "run_style verlet"'),
        (
            "group some id 1:9\natom_modify first some\nneigh_modify include some\nfix heal all heal {model}\nrun 1",
            'remove "neigh_modify include"',
        ),
        ("neighbor 2.0 multi\ncomm_modify mode multi\nfix heal all heal {model}\nrun 1", '"comm_modify mode single"'),
    ],
)
def test_bad_input(tmp_path: Path, damaged: Atoms, commands: str, message: str) -> None:
    assert message in failing(tmp_path, crystal(tmp_path, damaged) + commands, ranks=2)


def test_lengths_that_are_not_in_angstrom(tmp_path: Path, damaged: Atoms) -> None:
    script = crystal(tmp_path, damaged).replace("units metal", "units lj") + "fix heal all heal {model}"
    assert "needs lengths in Å, got units lj" in failing(tmp_path, script)


@pytest.mark.mpi
@pytest.mark.parametrize("height", [7.84, 3.0])
def test_two_atoms_that_overlap(tmp_path: Path, damaged: Atoms, height: float) -> None:
    # On the boundary of two subdomains, where both ranks see it; inside of one, where one rank must tell the other.
    damaged.positions[[7, 200]] = [[5.0, 5.0, height - OVERLAPPING / 2], [5.0, 5.0, height + OVERLAPPING / 2]]
    message = failing(tmp_path, crystal(tmp_path, damaged, "processors 1 1 2") + "fix heal all heal {model}\nrun 1", 2)
    assert "atom 8 and atom 201 overlap" in message or "atom 201 and atom 8 overlap" in message
    assert f"{OVERLAPPING:.3g} Å apart" in message


@pytest.mark.mpi
def test_positions_that_are_not_finite(tmp_path: Path, damaged: Atoms) -> None:
    diverging = "group one id 9\nvariable v atom exp(1000)\nvelocity one set v_v 0 0\nfix md all nve\n"
    message = failing(tmp_path, crystal(tmp_path, damaged) + diverging + "fix heal all heal {model}\nrun 1", 2)
    assert "the position of atom 9 is not finite" in message


@pytest.mark.mpi
def test_a_step_longer_than_a_subdomain(tmp_path: Path, damaged: Atoms) -> None:
    message = failing(tmp_path, crystal(tmp_path, damaged, "processors 1 1 3") + "fix heal all heal {model} max 5\nrun 1", 3)
    assert "a step of 5 Å" in message
    assert 'a smaller "max"' in message


@pytest.mark.mpi
def test_tiles_in_a_box_shorter_than_the_ghost_cutoff(tmp_path: Path, rng: np.random.Generator) -> None:
    thin = noisy(fcc(1).repeat((1, 4, 4)), 0.1, rng)
    script = crystal(tmp_path, thin) + "comm_style tiled\nbalance 1.0 rcb\nfix heal all heal {model}\nrun 1"
    assert 'use "comm_style brick"' in failing(tmp_path, script, 2)


def test_a_failed_run_does_not_need_the_plugin_to_be_there(tmp_path: Path) -> None:
    """lmp starts where the plugin cannot be loaded."""
    folder = tmp_path / "stale"
    folder.mkdir()
    shutil.copy(ROOT / "pyproject.toml", folder / "staleplugin.so")
    done = lmp(tmp_path, 'print "LAMMPS goes on"\n', environment={"LAMMPS_PLUGIN_PATH": str(folder)})
    assert done.exit_code == 0
    assert "LAMMPS goes on" in done.output
