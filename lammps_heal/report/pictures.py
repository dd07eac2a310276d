"""Pictures of a frame by OVITO, an extra; without it a report has the turning view alone.

OVITO 3.17 renders by Vulkan, which it does not bring: Debian's libvulkan1 and mesa-vulkan-drivers serve without a GPU.
"""

import base64
import ctypes.util
import importlib.util
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms

from lammps_heal.report.run import Float64Array, Snapshot

SIZE = (400, 340)  # pixels
# By label: 0, of atoms that were not observed, and those of the fix; OVITO's own colours for fcc to other.
COLOURS = np.array(
    [
        [0.60, 0.60, 0.60],
        [0.40, 1.00, 0.40],
        [1.00, 0.40, 0.40],
        [0.40, 0.40, 1.00],
        [0.95, 0.80, 0.20],
        [0.95, 0.95, 0.95],
        [0.07, 0.63, 1.00],
        [1.00, 0.54, 0.00],
    ]
)


def why_none() -> str | None:
    """Why there are no pictures, and what to do; None where there are."""
    if importlib.util.find_spec("ovito") is None:
        return "pictures need OVITO: pip install 'lammps-heal[evaluate]'"
    if ctypes.util.find_library("vulkan") is None:
        return "OVITO needs Vulkan to draw pictures: apt install libvulkan1 mesa-vulkan-drivers"
    return None


def colours_of(snapshot: Snapshot) -> Float64Array:
    """(n, 3) red, green, blue from 0 to 1, by label."""
    return COLOURS[np.clip(snapshot.labels, 0, len(COLOURS) - 1)]


def css_of(colour: Float64Array) -> str:
    """Red, green, blue from 0 to 1, as a browser names the colour."""
    r, g, b = (255 * colour).astype(int)
    return f"rgb({r},{g},{b})"


def picture(snapshot: Snapshot, positions: Float64Array, chosen: np.ndarray | None = None) -> str:
    """The chosen atoms, or all, at these positions (n, 3) Å: an image element, with the PNG in it."""
    from ovito.io.ase import ase_to_ovito
    from ovito.pipeline import Pipeline, StaticSource
    from ovito.vis import TachyonRenderer, Viewport

    rows = np.arange(len(positions)) if chosen is None else np.flatnonzero(chosen)
    atoms = Atoms(f"Pt{len(rows)}", positions=positions[rows] - snapshot.origin, cell=snapshot.cell, pbc=True)
    data = ase_to_ovito(atoms)
    data.particles_.create_property("Color", data=colours_of(snapshot)[rows])
    pipeline = Pipeline(source=StaticSource(data=data))
    pipeline.add_to_scene()
    try:
        view = Viewport(type=Viewport.Type.Perspective, camera_dir=(2, 1, -1))
        view.zoom_all(size=SIZE)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "picture.png")
            view.render_image(size=SIZE, filename=str(path), renderer=TachyonRenderer(), background=(1, 1, 1))
            encoded = base64.b64encode(path.read_bytes()).decode()
    finally:
        pipeline.remove_from_scene()
    return f'<img width="{SIZE[0]}" height="{SIZE[1]}" alt="{len(rows)} atoms" src="data:image/png;base64,{encoded}">'
