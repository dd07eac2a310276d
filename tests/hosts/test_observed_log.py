"""What is taken from a log of runs that were observed: which of them, which columns, and what is in these."""

import pytest

from lammps_heal.errors import HealError
from lammps_heal.hosts.observed_log import observed_log

# As LAMMPS 22Jul2025 echoes them: with the variable, then without.
SITES = """\
LAMMPS (22 Jul 2025 - Update 4)
units metal
fix seen all heal ${model} every 100 observe ${observe} sites perfect.data
fix seen all heal fcc every 100 observe 8 sites perfect.data
thermo_style custom step v_elapsed temp f_seen[13] f_seen[14] f_seen[15] f_seen[10]
thermo_modify colname v_elapsed ps colname f_seen[13] vacancies      colname f_seen[15] Frenkel_pairs
"""
COLUMNS = ("Step", "ps", "Temp", "vacancies", "f_seen[14]", "Frenkel_pairs", "f_seen[10]")


def table(columns: str, *rows: str, atoms: int = 500) -> str:
    return "\n".join([f"   {columns}", *rows, f"Loop time of 0.5 on 2 procs for 100 steps with {atoms} atoms", ""])


def test_columns_are_named_by_what_is_in_them() -> None:
    log = observed_log(SITES + table(" ".join(COLUMNS), "0 0 300 2 1 1 2.5", "100 0.02 310 3 2 2 3.5"), "log")
    assert (log.x_title, log.x) == ("time, ps", [0.0, 0.02])
    assert log.columns == {
        "Temp": [300.0, 310.0],
        "empty_sites": [2.0, 3.0],
        "interstitials_on_sites": [1.0, 2.0],
        "frenkel_pairs": [1.0, 2.0],
        "vacancies": [2.5, 3.5],
    }
    assert log.units["Temp"] == "K"
    assert (log.model, log.about["healing steps"], log.about["atoms"]) == ("fcc", "8", "500")
    assert log.about["fix"] == "fix seen all heal fcc every 100 observe 8 sites perfect.data"


def test_without_commands_the_names_tell() -> None:
    log = observed_log(table("Step vacancies interstitials Frenkel_pairs", "0 2 1 1"), "log")
    assert list(log.columns) == ["empty_sites", "interstitials_on_sites", "frenkel_pairs"]
    assert list(observed_log(table("Step vacancies interstitials", "0 2 1"), "log").columns) == ["vacancies", "interstitials"]
    assert log.model is None and "fix" not in log.about


def test_the_columns_of_another_fix_stay_apart() -> None:
    fixes = "fix seen all heal fcc observe\nfix part half heal bcc observe 5\n"
    log = observed_log(fixes + table("Step f_seen[2] f_part[2] f_part[9]", "0 900 400 8"), "log")
    assert list(log.columns) == ["fcc", "fcc, f_part[2]", "irregular, f_part[9]"]
    assert (log.model, log.about["healing steps"]) == ("fcc", "3")


@pytest.mark.parametrize(
    ("units", "column", "title"),
    [("units metal\n", "Time", "time, ps"), ("units real\n", "Time", "time, fs"), ("", "Time", "time"), ("", "ps", "time, ps")],
)
def test_time_is_the_axis_and_no_curve(units: str, column: str, title: str) -> None:
    log = observed_log(units + table(f"Step {column} irregular", "0 1.5 3", "10 1.7 4"), "log")
    assert (log.x_title, log.x, list(log.columns)) == (title, [1.5, 1.7], ["irregular"])


def test_a_time_that_runs_back_is_no_axis() -> None:
    log = observed_log(table("Step Time irregular", "0 1.5 3", "10 0.0 4"), "log")
    assert (log.x_title, list(log.columns)) == ("timestep", ["Time", "irregular"])


def test_units_are_claimed_where_the_log_tells_them() -> None:
    rows = table("Step Temp PotEng Press irregular", "0 1 2 3 4")
    assert {"Temp": "K", "PotEng": "eV", "Press": "bar"}.items() <= observed_log("units metal\n" + rows, "log").units.items()
    assert observed_log("units real\n" + rows, "log").units["PotEng"] == "kcal/mol"
    assert "Temp" not in observed_log(rows, "log").units


def test_runs_that_follow_each_other_are_joined() -> None:
    first, second = table("Step vacancies Temp", "0 1 5", "100 2 5"), table("Step vacancies", "100 2", "200 3")
    log = observed_log(first + second, "log")
    assert (log.x, log.columns, log.notes) == ([0.0, 100.0, 200.0], {"vacancies": [1.0, 2.0, 3.0]}, [])


def test_a_run_without_the_observation_hides_none() -> None:
    warm, seen = table("Step Temp", "0 5", "50 6"), table("Step vacancies", "0 1", "100 2")
    minimized = table("Step PotEng", "100 -5", "103 -6")
    log = observed_log(warm + seen + minimized, "runs/my.log")
    assert log.columns == {"vacancies": [1.0, 2.0]}
    assert log.notes == ["runs/my.log: left out are timesteps 0 to 50, 100 to 103, where nothing was observed"]


def test_where_the_timestep_begins_anew_the_last_series_is_kept_and_the_others_are_said() -> None:
    runs = [table("Step vacancies", *rows) for rows in (("0 1", "100 2"), ("100 2", "200 4"), ("0 7", "50 8"), ("50 8", "90 9"))]
    log = observed_log("".join(runs), "log")
    assert log.columns == {"vacancies": [7.0, 8.0, 9.0]}
    assert log.notes == ["log: left out are timesteps 0 to 100, 100 to 200, runs before the last series of timesteps"]


def test_where_nothing_was_observed_the_last_runs_with_the_same_columns_are_taken() -> None:
    log = observed_log(table("Step Temp", "0 1") + table("Step PotEng", "0 1", "5 2") + table("Step PotEng", "5 2", "9 3"), "log")
    assert log.columns == {"PotEng": [1.0, 2.0, 3.0]} and len(log.notes) == 1


def test_a_table_without_rows_is_an_error() -> None:
    empty = "   Step   PotEng\nERROR: lost atoms\n"
    with pytest.raises(HealError, match=r'"log" has a thermo table without a row'):
        observed_log(empty, "log")
    assert observed_log(table("Step irregular", "0 3") + empty, "log").columns == {"irregular": [3.0]}
    with pytest.raises(HealError, match="no thermo table"):
        observed_log("nothing", "log")
