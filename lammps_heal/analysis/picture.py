"""A picture of the layer with the vacancy, damaged and healed."""

from pathlib import Path

import numpy as np
from ase import Atoms

from lammps_heal.analysis.sites import site_distances
from lammps_heal.errors import HealError
from lammps_heal.whole_files import whole_file

SLAB = 0.43  # nearest-neighbour distances, half the thickness of what is shown: one (001) layer of fcc, bcc or diamond
FARTHEST = 1.0  # Å, of the colours


def draw_layer(before: Atoms, after: Atoms, sites: Atoms, path: Path) -> None:
    """The (001) layer with the vacancy before and after, coloured by distance to the nearest site.

    The file's name says the format. Raises HealError where matplotlib is not installed or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as reason:
        raise HealError(f"pictures need matplotlib ({reason}): pip install 'lammps-heal[plot]'") from None
    kind = path.suffix.lstrip(".")
    if kind not in (kinds := Figure().canvas.get_supported_filetypes()):
        raise HealError(f'a picture cannot be of the kind "{path.suffix}": name it as one of .{", .".join(kinds)}')
    thickness = SLAB * float(site_distances(sites.positions, sites, 2)[0][:, 1].min())
    empty = np.flatnonzero(np.bincount(site_distances(after.positions, sites, 1)[1][:, 0], minlength=len(sites)) == 0)
    vacancies = sites.positions[empty]
    height = vacancies[0, 2] if len(vacancies) else sites.cell[2, 2] / 2.0
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for panel, atoms, title in zip(panels, (before, after), ("damaged", "healed"), strict=True):
        distance, nearest, to_site = site_distances(atoms.positions, sites, 1)
        layer = np.abs(sites.positions[nearest[:, 0], 2] - height) < thickness
        x, y, _ = (sites.positions[nearest[layer, 0]] - to_site[layer, 0]).T  # the image beside its site
        points = panel.scatter(x, y, c=distance[layer, 0], s=95, cmap="viridis", vmin=0.0, vmax=FARTHEST, edgecolors="none")
        in_layer = vacancies[np.abs(vacancies[:, 2] - height) < thickness] if len(vacancies) else vacancies
        panel.scatter(in_layer[:, 0], in_layer[:, 1], s=260, facecolors="none", edgecolors="red", linewidths=1.8)
        panel.set_title(title)
        panel.set_aspect("equal")
        panel.set_xlabel("x, Å")
    panels[0].set_ylabel("y, Å")
    figure.colorbar(points, ax=panels, label="distance to the nearest lattice site, Å")
    figure.suptitle("The (001) layer with the vacancy (red circle)")
    with whole_file(path) as unfinished:
        figure.savefig(unfinished, dpi=110, format=kind)
