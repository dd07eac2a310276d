"""The page: everything lies in it, so that it can be sent as one file and needs no network."""

import html
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lammps_heal.report.charts import chart
from lammps_heal.report.pictures import colours_of, picture, why_none
from lammps_heal.report.run import Float64Array, Run, Snapshot

# What is drawn together, by the names of columns; a column that is in no group is drawn alone.
GROUPS = {
    "Defects": ("vacancies", "interstitials", "Frenkel pairs"),
    "Atoms by label": ("fcc", "hcp", "bcc", "icosahedral", "other", "diamond", "hexagonal diamond"),
    "Atoms that are irregular or doubtful": ("irregular", "doubtful"),
}
LEFT_OUT = ("atoms",)
ATOM_RADIUS = 0.45  # Å, in the turning view
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1340px; margin: 2em auto; padding: 0 1em; color: #222 }
figure { display: inline-block; margin: 0 1em 1em 0; vertical-align: top } figcaption { color: #555; font-size: 13px }
td { padding: 0 1.2em 0 0; vertical-align: top } code { font-size: 13px; overflow-wrap: anywhere }
canvas { border: 1px solid #ccc }
"""


def page(runs: Sequence[Run]) -> str:
    """The HTML of all runs, one below the other."""
    viewer = Path(__file__).with_name("viewer.js").read_text()
    parts = "\n".join(_part(run, number) for number, run in enumerate(runs))
    title = html.escape(", ".join(run.title for run in runs))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}</style>\n<script>{viewer}</script></head>\n<body>\n{parts}\n</body></html>\n"
    )


def _part(run: Run, number: int) -> str:
    charts = "\n".join(f"<figure>{svg}</figure>" for svg in _charts(run))
    about = "".join(
        f"<tr><td>{html.escape(name)}</td><td><code>{html.escape(value)}</code></td></tr>" for name, value in run.about.items()
    )
    parts = "\n".join(f"<div>{part}</div>" for part in (charts, _pictures(run), _views(run, number)))
    return f"<h1>{html.escape(run.title)}</h1>\n{parts}\n<table>{about}</table>"


def _charts(run: Run) -> list[str]:
    left = {name: values for name, values in run.columns.items() if name not in LEFT_OUT}
    svgs = []
    for title, names in GROUPS.items():
        lines = {name: left.pop(name) for name in names if name in left}
        shown = {name: values for name, values in lines.items() if any(values)} or lines
        if shown:
            svgs.append(chart(title, run.steps, shown))
    return [*svgs, *(chart(name, run.steps, {name: values}) for name, values in left.items())]


def _snapshots(run: Run) -> list[tuple[str, Snapshot]]:
    pairs = (("first", run.first), ("last", run.last))
    return [(f"{name} frame, timestep {snapshot.timestep}", snapshot) for name, snapshot in pairs if snapshot is not None]


def _pictures(run: Run) -> str:
    missing = why_none()
    if missing is not None:
        return f"<p>{html.escape(missing)}</p>" if _snapshots(run) else ""
    figures = []
    for name, snapshot in _snapshots(run):
        irregular = ~snapshot.is_regular
        for what, positions, chosen in (
            ("as it is", snapshot.positions, None),
            ("healed copy", snapshot.healed, None),
            (f"{int(irregular.sum())} atoms that are not as in the crystal", snapshot.healed, irregular),
        ):
            image = picture(snapshot, positions, chosen)
            figures.append(f"<figure>{image}<figcaption>{html.escape(f'{name}: {what}')}</figcaption></figure>")
    return "\n".join(figures)


def _views(run: Run, number: int) -> str:
    """The atoms that are not as in the crystal, to be turned by hand."""
    parts = []
    for k, (name, snapshot) in enumerate(_snapshots(run)):
        identity = f"view-{number}-{k}"
        scene = json.dumps(_scene(snapshot), separators=(",", ":"))
        caption = html.escape(f"{name}: drag to turn, wheel to zoom")
        parts.append(
            f'<figure><canvas id="{identity}" width="600" height="480"></canvas><figcaption>{caption}</figcaption></figure>'
            f'<script>show(document.getElementById("{identity}"), {scene})</script>'
        )
    return "\n".join(parts)


def _scene(snapshot: Snapshot) -> dict[str, object]:
    chosen = ~snapshot.is_regular
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) @ snapshot.cell
    middle: Float64Array = corners.mean(0)
    places = snapshot.healed[chosen] - snapshot.origin - middle
    colours = (255 * colours_of(snapshot)[chosen]).astype(int)
    atoms = [[*np.round(place, 2).tolist(), f"rgb({r},{g},{b})"] for place, (r, g, b) in zip(places, colours, strict=True)]
    size = float(np.linalg.norm(corners - middle, axis=1).max() * 2)
    return {"atoms": atoms, "corners": np.round(corners - middle, 2).tolist(), "size": size, "radius": ATOM_RADIUS}
