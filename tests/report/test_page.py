"""The report's page: what it shows, that it needs no network, and what a real browser makes of it."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import fcc, noisy

import lammps_heal
from lammps_heal.model.model_file import Model
from lammps_heal.report.page import page
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
    text = page([Run("counts alone", run.steps, run.columns)])
    assert "<svg" in text and "<canvas" not in text and "<img" not in text
    monkeypatch.setattr("lammps_heal.report.page.why_none", lambda: "pictures need OVITO: pip install it")
    text = page([run])
    assert "<img" not in text and "pictures need OVITO" in text and text.count("<canvas") == 2


BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.mark.skipif(BROWSER is None, reason="no chromium here; .ci/run installs it")
def test_a_browser_draws_the_defects(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page([run]))
    command = [str(BROWSER), *OFFLINE, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    drawn = [int(number) for number in re.findall(r'data-drawn="(\d+)"', done.stdout)]
    assert run.first is not None and run.last is not None
    assert drawn == [int((~snapshot.is_regular).sum()) for snapshot in (run.first, run.last)] and min(drawn) >= 24
