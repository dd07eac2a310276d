"""Thermo tables and timing are read as LAMMPS prints them."""

import pytest

from lammps_heal.errors import HealError
from lammps_heal.hosts.logs import loop_time, printed_number, thermo_tables

# As printed by LAMMPS 22Jul2025, shortened; the second run broke off.
LOG = """\
Setting up Verlet run ...
   Step          Temp          PotEng
         0   0             -10938.058
WARNING: Communication cutoff is shorter than a bond length based estimate. (src/src/comm.cpp:740)
         1   0             -11746.036
Loop time of 0.0123 on 2 procs for 1 steps with 2047 atoms

MPI task timing breakdown:
Section |  min time  |  avg time  |  max time  |%varavg| %total
---------------------------------------------------------------
Pair    | 0.002      | 0.003      | 0.004      |   0.0 | 24.10
Neigh   | 0          | 0          | 0          |   0.0 |  0.00
Output  |            | 0.001      |            |       |  8.00
Other   |            | 0.0005     |            |       |  4.00

Nlocal:           1000 ave        1000 max        1000 min
Histogram: 1 0 0 0 0 0 0 0 0 0
Nghost:           1234 ave        1300 max        1168 min
elapsed 0.5
   Step          PotEng       f_heal[1]
         1  -11746.036            nan
         2  -11779.402            0.1
ERROR: Lost atoms: original 2047 current 2046 (src/src/thermo.cpp:494)
"""


def test_every_run_has_its_table_also_one_that_broke_off() -> None:
    first, second = thermo_tables(LOG)
    assert first == {"Step": [0.0, 1.0], "Temp": [0.0, 0.0], "PotEng": [-10938.058, -11746.036]}
    assert second["Step"] == [1.0, 2.0]
    assert second["f_heal[1]"][0] != second["f_heal[1]"][0]  # nan
    assert thermo_tables("no run") == []


def test_timing_is_that_of_the_last_run() -> None:
    found = loop_time(LOG)
    assert (found.n_atoms, found.steps, found.seconds, found.ghosts) == (2047, 1, 0.0123, 1234.0)
    assert found.sections == {
        "Pair": (0.002, 0.003, 0.004),
        "Neigh": (0.0, 0.0, 0.0),
        "Output": (0.001, 0.001, 0.001),
        "Other": (0.0005, 0.0005, 0.0005),
    }


def test_what_is_not_printed_is_an_error() -> None:
    assert printed_number("elapsed", LOG) == 0.5
    with pytest.raises(HealError, match='printed nothing after "residual"'):
        printed_number("residual", LOG)
    with pytest.raises(HealError, match="without a timing table"):
        loop_time("ERROR: all is lost")
