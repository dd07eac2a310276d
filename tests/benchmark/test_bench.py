"""The benchmark runs, and its figures are sound; how fast healing is, it only reports."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from conftest import MODEL, ROOT, Run

from lammps_heal.benchmark import jobs, minimise
from lammps_heal.benchmark.benchmark import Benchmark
from lammps_heal.benchmark.figures import Figure, ratio, text
from lammps_heal.benchmark.instructions import instructions
from lammps_heal.benchmark.work import Bench, Sizes
from lammps_heal.errors import HealError
from lammps_heal.tables import at_least, at_most


@pytest.fixture(autouse=True)
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.lammps
@pytest.mark.mpi
def test_quick_benchmark_measures_every_part(run: Run, tmp_path: Path) -> None:
    done = run("lammps-heal", "bench", "--quick", "--json", tmp_path / "bench.json")
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads((tmp_path / "bench.json").read_text())
    assert {"processor", "cores", "load average", "lammps", "torch"} <= written["machine"].keys()
    figures: dict[str, dict[str, Any]] = {f["name"]: f for f in written["figures"]}
    assert len(figures) == len(written["figures"])
    assert {f["part"] for f in figures.values()} == set("abcdefghi")
    for name, figure in figures.items():
        assert figure["values"] or figure["note"].startswith("not measured"), name
        assert all(math.isfinite(value) for value in figure["values"]), name
        if figure["unit"] not in ("%", "meV/atom", "timesteps"):  # these may be zero
            assert all(value > 0 for value in figure["values"]), name
        assert (figure["reached"] is None) == (figure["goal"] is None or not figure["values"]), name
        assert name in done.stdout

    cg, healing = (figures[f"σ = 0.1 Å: {way} to 0.1 meV/atom, 500 atoms"]["values"] for way in ("CG", "healing"))
    pairwise = figures["σ = 0.1 Å: CG ÷ healing, to 0.1 meV/atom"]["values"]
    assert pairwise == pytest.approx([a / b for a, b in zip(cg, healing, strict=True)])
    one, two = (figures[f"all of a step, {ranks}, 4,000 atoms"]["values"] for ranks in ("1 rank", "2 ranks"))
    assert figures["2 ranks' speed-up, 4,000 atoms"]["values"] == pytest.approx([a / b for a, b in zip(one, two, strict=True)])
    assert figures["σ = 0.1 Å: CG's last energy above the ground state"]["median"] < 0.001


def test_ratio_is_taken_within_each_round() -> None:
    top, bottom = Figure("a", "", "s", (6.0, 2.0, 8.0)), Figure("a", "", "s", (2.0, 1.0))
    quotient = ratio("a", "quotient", top, bottom, at_most(2.5))
    assert quotient.values == (3.0, 2.0)
    assert quotient.median == 2.5
    assert quotient.reached()
    assert ratio("a", "quotient", top, bottom, at_least(2.6)).reached() is False


def test_a_figure_that_is_missing_says_why() -> None:
    missing = Figure("g", "count", "", note="not measured: no valgrind")
    quotient = ratio("g", "quotient", Figure("g", "", "", (1.0,)), missing, at_most(3))
    assert (quotient.values, quotient.note, quotient.reached()) == ((), missing.note, None)
    assert quotient.as_json()["median"] is None
    assert "not measured: no valgrind" in text([missing])


def test_missing_valgrind_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    figures = instructions(Bench(MODEL, Sizes()))
    assert len(figures) == 3
    assert {figure.note for figure in figures} == {"not measured: no valgrind"}


@pytest.mark.lammps
def test_jobs_end_where_they_must() -> None:
    """Healing stops once it is still, near the ground state; force calls move nothing; the noise is asked for in Å."""
    done = jobs.run("check", 500, sigma=0.1, stop=0.001, steps=100)
    assert 0 < done.steps < 100
    assert done.printed("residual") < 0.02
    assert jobs.run("check", 500, sigma=0.1, steps=0).printed("residual") == pytest.approx(0.1, rel=0.1)
    excess = minimise._excess(jobs.run("energies", 500, steps=8, thermo=1))
    assert len(excess) == 9
    assert excess[0] > 0.05  # eV/atom: three springs of 10 eV/Å², 0.1 Å
    assert 0 <= excess[8] < minimise.NEAR


@pytest.mark.lammps
def test_keywords_that_fix_heal_does_not_know_are_told() -> None:
    assert jobs.try_options("", MODEL) is None
    assert 'got "haste"' in str(jobs.try_options("haste yes", MODEL))


def test_sizes_are_cubes_and_parts_are_checked() -> None:
    assert [jobs.cells(n) for n in (1, 4_000, 32_000, 256_000, 1_000_000, 10_000_000)] == [1, 10, 20, 40, 63, 136]
    with pytest.raises(HealError, match="parts must be among a b c d e f g h i, got x"):
        Benchmark(MODEL, ["x"], Sizes())
