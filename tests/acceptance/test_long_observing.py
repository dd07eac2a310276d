"""Long runs, to the last bit the same with and without observing: a tenth of an hour of two cores for each ensemble."""

from pathlib import Path

import pytest
from conftest import POTENTIAL
from lammps_runs import LammpsRun

from lammps_heal.hosts.runs import lmp_command, run

pytestmark = [pytest.mark.lammps, pytest.mark.mpi, pytest.mark.soak]

CELLS, STEPS = 10, 20_000
SCRIPT = """units metal
lattice fcc 3.97
region box block 0 {cells} 0 {cells} 0 {cells}
create_box 1 box
create_atoms 1 box
mass 1 195.084
write_data sites.data
delete_atoms random count {vacancies} yes all NULL 4711
pair_style eam/opt
pair_coeff * * {potential}
velocity all create 2664 4711 loop geom
timestep 0.002
fix md all {ensemble}
dump all all custom {frame} all.dump id xu yu zu vx vy vz fx fy fz
dump_modify all sort id format float %.17g
thermo_style custom step temp pe press vol
thermo_modify format float %.17g
thermo 100
{observe}
run {steps}
"""
ENSEMBLES = {"nvt": "nvt temp 1332 1332 0.1", "npt": "npt temp 1332 1332 0.1 aniso 0 0 1"}  # 0.9 of the melting point
OBSERVE = "fix seen all heal fcc every 100 observe 3 sites sites.data"


def trajectory(folder: Path, ensemble: str, ranks: int, observe: str, cells: int, steps: int) -> tuple[bytes, LammpsRun]:
    values = {"vacancies": cells**3 // 100, "potential": POTENTIAL, "ensemble": ENSEMBLES[ensemble], "frame": steps // 20}
    (folder / "in.long").write_text(SCRIPT.format(cells=cells, steps=steps, observe=observe, **values))
    done = run(lmp_command("in.long", ranks=ranks), folder)
    assert done.exit_code == 0, done.output
    return (folder / "all.dump").read_bytes(), LammpsRun(folder, done.exit_code, done.output)


def require_same_bits(folder: Path, ensemble: str, ranks: int, cells: int, steps: int) -> None:
    plain, of_plain = trajectory(folder, ensemble, ranks, "", cells, steps)
    observed, of_observed = trajectory(folder, ensemble, ranks, OBSERVE, cells, steps)
    assert observed == plain and plain.count(b"TIMESTEP") == 21
    for name, values in of_plain.thermo().items():
        assert of_observed.thermo()[name].tolist() == values.tolist()


@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("ensemble", list(ENSEMBLES))
def test_20000_steps(tmp_path: Path, ensemble: str, ranks: int) -> None:
    require_same_bits(tmp_path, ensemble, ranks, CELLS, STEPS)
