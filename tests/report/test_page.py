"""The report's page: what it shows, that it needs no network, and what a real browser makes of it."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import fcc, noisy

import lammps_heal
from lammps_heal.model.model_file import Model
from lammps_heal.report.page import NOT_OBSERVED, page
from lammps_heal.report.pictures import why_none
from lammps_heal.report.run import Run, Snapshot

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Without these a browser tries to reach its maker.
OFFLINE = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync".split()


@pytest.fixture(scope="module")
def run(model: Model) -> Run:
    rng = np.random.default_rng(4)
    snapshots, tables = [], []
    for step in (0, 100):
        atoms = noisy(fcc(5), 0.2, rng)
        del atoms[[0, 260]]
        seen = lammps_heal.observe(atoms, model)
        labels, coordination = seen.labels.astype(np.int64), seen.coordination.astype(np.int64)
        arrays = atoms.positions, seen.positions, atoms.cell[:], np.zeros(3)
        snapshots.append(Snapshot(step, *arrays, labels, coordination, seen.is_regular))
        tables.append(seen.table())
    columns = {name: [table[name] for table in tables] for name in tables[0]}
    return Run("in.observe & <more>", [0, 100], columns, *snapshots, about={"command": "lammps-heal observe a <b>"})


def test_all_lies_in_the_page(run: Run) -> None:
    text = page([run, run])
    assert text.count("<svg") == text.count("</svg>") >= 6 and text.count("<canvas") == 4
    n_pictures = len(re.findall(r'<img [^>]*src="data:image/png;base64,', text))
    assert n_pictures == (0 if why_none() else 2 * 6)
    assert "in.observe &amp; &lt;more&gt;" in text and "lammps-heal observe a &lt;b&gt;" in text
    # Names of XML spaces are no addresses that a browser fetches.
    fetched = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?(https?:[^"\')]*)', text)
    assert fetched == [] and "import" not in re.findall(r"<script>(.*?)</script>", text, re.S)[0]


def test_a_run_without_frames_or_ovito_has_its_charts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page([Run("counts alone", run.x, run.columns)])
    assert "<svg" in text and "<canvas" not in text and "<img" not in text
    monkeypatch.setattr("lammps_heal.report.page.why_none", lambda: "pictures need OVITO: pip install it")
    text = page([run])
    assert "<img" not in text and "pictures need OVITO" in text and text.count("<canvas") == 2


def test_atoms_outside_the_group_are_neither_copied_nor_counted(run: Run) -> None:
    assert run.first is not None
    labels = run.first.labels.copy()
    labels[: len(labels) // 2] = 0
    part = replace(run.first, labels=labels, is_regular=run.first.is_regular & (labels != 0))
    n_irregular = int((~run.first.is_regular & (labels != 0)).sum())
    assert 0 < n_irregular < (~run.first.is_regular).sum()
    text = page([replace(run, first=part, last=None)])
    assert len(re.findall(r'rgb\(\d+,\d+,\d+\)"\]', text)) == n_irregular
    assert NOT_OBSERVED in html.unescape(text) and NOT_OBSERVED not in html.unescape(page([run]))
    if why_none() is None:
        n_observed = int((labels != 0).sum())
        assert re.findall(r'alt="(\d+) atoms"', text) == [str(len(labels)), str(n_observed), str(n_irregular)]
        assert f"{n_irregular} atoms of the {n_observed} observed that are not as in the crystal" in text
    nothing = page([replace(run, first=replace(part, labels=0 * labels), last=None)])
    assert "<canvas" not in nothing and (why_none() or "no atom observed" in nothing)


def test_colours_have_a_key_of_the_labels_that_occur(run: Run) -> None:
    [key] = re.findall(r'<p class="key">.*?</p>', page([run]))
    assert re.findall(r"</span>(\w+)", key) == ["fcc", "other"]
    assert re.findall(r"background:(rgb[^\"]+)", key) == ["rgb(102,255,102)", "rgb(242,242,242)"]


def test_notes_and_units_are_on_the_page(run: Run) -> None:
    text = page([replace(run, x_title="time, ps", units={"rms_displacement": "Å"}, notes=["left out <it>"])])
    assert "<p>left out &lt;it&gt;</p>" in text and ">time, ps</text>" in text and ">timestep</text>" not in text
    assert ">Å</text>" in text


BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)


needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium here; .ci/run installs it")


def as_drawn(text: str, folder: Path, width: int = 1300) -> str:
    """The page's elements after its scripts, in a window so many pixels wide."""
    path = folder / "report.html"
    path.write_text(text)
    options = f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900"
    command = [str(BROWSER), *OFFLINE, *options, "--dump-dom", path.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


@needs_browser
def test_charts_stand_in_twos_and_pictures_in_threes(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lammps_heal.report.page.why_none", lambda: None)
    image = '<img width="400" height="340" src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEAAAAALAAAAAABAAEAAAICTAEAOw==">'
    monkeypatch.setattr("lammps_heal.report.page.picture", lambda *_: image)
    measure = """<script>
      const grids = [...document.querySelectorAll(".two, .three")];
      const inFirstRow = grid => [...grid.children].filter(child => child.offsetTop === grid.offsetTop).length;
      const rows = grids.map(inFirstRow);
      document.body.dataset.rows = JSON.stringify([rows, document.body.scrollWidth <= document.documentElement.clientWidth]);
    </script></body>"""
    found = as_drawn(page([run]).replace("</body>", measure), tmp_path)
    [rows] = re.findall(r'data-rows="([^"]*)"', found)
    assert json.loads(html.unescape(rows)) == [[2, 3, 3, 2], True]


@needs_browser
def test_a_browser_draws_the_defects(run: Run, tmp_path: Path) -> None:
    drawn = [int(number) for number in re.findall(r'data-drawn="(\d+)"', as_drawn(page([run]), tmp_path))]
    assert run.first is not None and run.last is not None
    assert drawn == [int((~snapshot.is_regular).sum()) for snapshot in (run.first, run.last)] and min(drawn) >= 24
