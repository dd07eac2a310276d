"""Runs the real `lmp`, also under the real `mpirun`, and reads what it wrote."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from conftest import MODEL, POTENTIAL
from numpy.typing import NDArray

from lammps_heal.hosts.logs import thermo_tables
from lammps_heal.hosts.runs import lmp_command, program, run

TIME_LIMIT, LONG_TIME_LIMIT = 120, 300  # s; a run that hangs is a failure
IN_A_ROW = Path(__file__).parent / "hosts" / "scripts_in_a_row.py"

EAM = f"pair_style eam\npair_coeff * * {POTENTIAL}\n"


@dataclass(frozen=True)
class LammpsRun:
    folder: Path
    exit_code: int
    output: str

    def thermo(self) -> dict[str, NDArray[np.float64]]:
        """Columns of all thermo tables, one below the other."""
        tables = thermo_tables(self.output)
        return {name: np.concatenate([table[name] for table in tables]) for name in tables[-1]}

    def dump(self, name: str) -> dict[int, NDArray[np.float64]]:
        """Rows of each frame by timestep, sorted by atom id, without the id."""
        frames = {}
        lines = (self.folder / name).read_text().splitlines()
        start = 0
        while start < len(lines):
            n_atoms = int(lines[start + 3])
            frame = np.array([[float(word) for word in line.split()] for line in lines[start + 9 : start + 9 + n_atoms]])
            frames[int(lines[start + 1])] = frame[np.argsort(frame[:, 0])][:, 1:]
            start += 9 + n_atoms
        return frames


def lmp(folder: Path, script: str, ranks: int = 1, environment: dict[str, str] | None = None) -> LammpsRun:
    """Run an input script in `folder`; the exit code is the caller's to judge."""
    (folder / "in.test").write_text(script)
    done = run(lmp_command("in.test", ranks=ranks), folder, environment, TIME_LIMIT)
    assert done.seconds < TIME_LIMIT, f"not finished after {TIME_LIMIT} s:\n{done.output}"
    return LammpsRun(folder, done.exit_code, done.output)


def heal(
    folder: Path,
    atoms: Atoms,
    commands: str,
    before_box: str = "",
    ranks: int = 1,
) -> LammpsRun:
    """Read `atoms`, run `commands` ({model} is the shipped model), write every step to all.dump; must succeed."""
    done = lmp(folder, crystal(folder, atoms, before_box) + commands.format(model=MODEL), ranks)
    assert done.exit_code == 0, done.output
    return done


def in_a_row(scripts: dict[str, list[str]], folder: Path, host: str, ranks: int = 1) -> None:
    """Run scripts, by name, in one process for each rank, with "fix heal" or the callback; see scripts_in_a_row.py."""
    (folder / "scripts.json").write_text(json.dumps(scripts))
    words = [sys.executable, str(IN_A_ROW), str(folder / "scripts.json"), str(folder), host]
    launcher = [program("mpirun"), "-np", str(ranks)] if ranks > 1 else []
    done = run([*launcher, *words], folder, None, LONG_TIME_LIMIT)
    assert done.exit_code == 0, done.output


def crystal(folder: Path, atoms: Atoms, before_box: str = "", n_types: int = 1, mass: float = 195.084) -> str:
    """Input lines that read `atoms`, all of type 1."""
    write_data(folder / "crystal.data", atoms, n_types)
    boundary = " ".join("p" if periodic else "f" for periodic in atoms.pbc)
    return f"units metal\nboundary {boundary}\n{before_box}\nread_data crystal.data\nmass * {mass}\n"


DUMP = "dump all all custom 1 all.dump id xu yu zu\ndump_modify all format float %.17g\n"
DUMP_WITH_DISPLACEMENT = DUMP.replace("zu\n", "zu f_heal[1] f_heal[2] f_heal[3] f_heal[4]\n")


def write_data(path: Path, atoms: Atoms, n_types: int = 1) -> None:
    """A LAMMPS data file; the cell must be lower triangular, as LAMMPS's are."""
    cell = np.asarray(atoms.cell)
    assert np.allclose(cell, np.tril(cell))
    lines = [
        "crystal",
        "",
        f"{len(atoms)} atoms",
        f"{n_types} atom types",
        *(f"0.0 {cell[d, d]!r} {axis}lo {axis}hi" for d, axis in enumerate("xyz")),
        f"{cell[1, 0]!r} {cell[2, 0]!r} {cell[2, 1]!r} xy xz yz" if not np.allclose(cell, np.diag(np.diag(cell))) else "",
        "",
        "Atoms # atomic",
        "",
        *(f"{i} 1 {x!r} {y!r} {z!r}" for i, (x, y, z) in enumerate(atoms.positions.tolist(), 1)),
    ]
    path.write_text("\n".join(lines).replace("np.float64(", "").replace(")", "") + "\n")


def triclinic(atoms: Atoms) -> Atoms:
    """The same crystal sheared into a box with three tilts."""
    tilted = atoms.copy()
    cell = np.asarray(atoms.cell).copy()
    cell[1, 0], cell[2, 0], cell[2, 1] = 0.03 * cell[0, 0], -0.02 * cell[0, 0], 0.025 * cell[1, 1]
    tilted.set_cell(cell, scale_atoms=True)
    return tilted
