"""The page: everything lies in it, so that it can be sent as one file and needs no network."""

import html
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lammps_heal.analysis.observation import NAMES_OF_LABELS
from lammps_heal.report.chart_groups import figures_of
from lammps_heal.report.pictures import COLOURS, colours_of, css_of, picture, why_none
from lammps_heal.report.run import Float64Array, Run, Snapshot

ATOM_RADIUS = 0.45  # Å, in the turning view
NOT_OBSERVED = "not observed: outside the fix's group"
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1340px; margin: 2em auto; padding: 0 1em; color: #222 }
.two, .three { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1em; margin-bottom: 1em }
.three { grid-template-columns: repeat(3, minmax(0, 1fr)) }
@media (max-width: 700px) { .two, .three { grid-template-columns: minmax(0, 1fr) } }
figure { margin: 0 } figcaption { color: #555; font-size: 13px }
svg, img, canvas { width: 100%; height: auto; box-sizing: border-box }
td { padding: 0 1.2em 0 0; vertical-align: top } code { font-size: 13px; overflow-wrap: anywhere }
canvas { border: 1px solid #ccc }
.key span { display: inline-block; width: 0.9em; height: 0.9em; margin: 0 0.3em 0 1em; border: 1px solid; border-radius: 50% }
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
    notes = "".join(f"<p>{html.escape(note)}</p>\n" for note in run.notes)
    charts = f'<div class="two">\n{"".join(figures_of(run))}</div>'
    about = "".join(
        f"<tr><td>{html.escape(name)}</td><td><code>{html.escape(value)}</code></td></tr>" for name, value in run.about.items()
    )
    parts = "\n".join((charts, _key(run), _pictures(run), _views(run, number)))
    return f"<h1>{html.escape(run.title)}</h1>\n{notes}{parts}\n<table>{about}</table>"


def _snapshots(run: Run) -> list[tuple[str, Snapshot]]:
    pairs = (("first frame" if run.last else "frame", run.first), ("last frame", run.last))
    return [(f"{name}, timestep {snapshot.timestep}", snapshot) for name, snapshot in pairs if snapshot is not None]


def _key(run: Run) -> str:
    """Which colour is which label, of the labels that occur."""
    found = sorted({int(label) for _, snapshot in _snapshots(run) for label in np.unique(snapshot.labels)})
    names = {0: NOT_OBSERVED, **NAMES_OF_LABELS}
    entries = [f'<span style="background:{css_of(COLOURS[label])}"></span>{html.escape(names[label])}' for label in found]
    return f'<p class="key">Atoms by label: {"".join(entries)}</p>' if entries else ""


def _pictures(run: Run) -> str:
    missing = why_none()
    if missing is not None:
        return f"<p>{html.escape(missing)}</p>" if _snapshots(run) else ""
    return "\n".join(f'<div class="three">{_pictures_of(name, snapshot)}</div>' for name, snapshot in _snapshots(run))


def _pictures_of(name: str, snapshot: Snapshot) -> str:
    observed, irregular = snapshot.is_observed, snapshot.is_irregular
    of_all = "" if observed.all() else f" of the {int(observed.sum())} observed"
    shown: list[tuple[str, Float64Array, NDArray[np.bool_] | None]] = [
        ("as it is" if observed.any() else "as it is, no atom observed", snapshot.positions, None)
    ]
    if observed.any():
        not_as_in_crystal = f"{int(irregular.sum())} atoms{of_all} that are not as in the crystal"
        shown += [(f"healed copy{of_all}", snapshot.healed, observed), (not_as_in_crystal, snapshot.healed, irregular)]
    return "\n".join(
        f"<figure>{picture(snapshot, positions, chosen)}<figcaption>{html.escape(f'{name}: {what}')}</figcaption></figure>"
        for what, positions, chosen in shown
    )


def _views(run: Run, number: int) -> str:
    """The atoms that are not as in the crystal, to be turned by hand."""
    parts = []
    for k, (name, snapshot) in enumerate(_snapshots(run)):
        if not snapshot.is_observed.any():
            continue
        identity = f"view-{number}-{k}"
        scene = json.dumps(_scene(snapshot), separators=(",", ":"))
        caption = html.escape(f"{name}, atoms that are not as in the crystal: drag to turn, wheel to zoom")
        parts.append(
            f'<figure><canvas id="{identity}" width="600" height="480"></canvas><figcaption>{caption}</figcaption></figure>'
            f'<script>show(document.getElementById("{identity}"), {scene})</script>'
        )
    return f'<div class="two">{"".join(parts)}</div>' if parts else ""


def _scene(snapshot: Snapshot) -> dict[str, object]:
    chosen = snapshot.is_irregular
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) @ snapshot.cell
    middle: Float64Array = corners.mean(0)
    places = snapshot.healed[chosen] - snapshot.origin - middle
    colours = map(css_of, colours_of(snapshot)[chosen])
    atoms = [[*np.round(place, 2).tolist(), colour] for place, colour in zip(places, colours, strict=True)]
    size = float(np.linalg.norm(corners - middle, axis=1).max() * 2)
    return {"atoms": atoms, "corners": np.round(corners - middle, 2).tolist(), "size": size, "radius": ATOM_RADIUS}
