"""The main job's table and picture, read from what LAMMPS wrote: log, trajectory and reference structures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from lammps_heal.analysis.energies import MEV, minimise
from lammps_heal.analysis.sites import DefectCount, count_defects, site_distances
from lammps_heal.errors import HealError
from lammps_heal.hosts.logs import thermo_tables
from lammps_heal.hosts.structures import dump_frames, read_data

SLAB = 1.2  # Å, half the thickness of the slab that the picture shows: one (001) layer


@dataclass(frozen=True)
class HealedStep:
    """One line of the table. Lengths in Å; energy above the relaxed crystal with the same vacancy."""

    step: int
    excess_meV: float
    rms: float
    largest: float
    fcc: float
    defects: DefectCount


def show(log: Path, healed: Path, folder: Path, picture: Path) -> list[HealedStep]:
    """Print the run of inputs/in.heal step by step and draw it. Raises HealError where a file is missing.

    folder: holds reference.data and sites.data, as inputs/in.damage writes them.
    """
    for path in (log, healed, folder / "reference.data", folder / "sites.data"):
        if not path.is_file():
            raise HealError(f'"{path}" does not exist: run "make heal", or inputs/in.damage and inputs/in.heal')
    frames = list(dump_frames(healed))
    sites = read_data(folder / "sites.data")
    _, relaxed_energy = minimise(read_data(folder / "reference.data"))
    steps = _steps(log, frames, sites, relaxed_energy)
    print("step  energy above the   RMS step  largest    fcc      vacancies  interstitials")
    print("      relaxed, meV/atom  Å         step, Å    atoms")
    for s in steps:
        print(
            f"{s.step:4d}  {s.excess_meV:15.3f}  {s.rms:9.5f}  {s.largest:9.5f}  {s.fcc:7.2%}"
            f"  {s.defects.vacancies:9d}  {s.defects.interstitials:13d}"
        )
    draw(frames[0], frames[-1], sites, picture)
    print(f"trajectory: {healed}\npicture:    {picture}")
    return steps


def _steps(log: Path, frames: list[Atoms], sites: Atoms, relaxed_energy: float) -> list[HealedStep]:
    thermo = thermo_tables(log.read_text())[-1]
    result = []
    for number, frame in enumerate(frames):
        moved = frame.positions - frames[max(number - 1, 0)].positions
        # A dump has wrapped positions: an atom that crossed a face has not moved by the length of the box.
        fraction = moved @ np.linalg.inv(frame.cell[:])
        moved = (fraction - np.round(fraction)) @ frame.cell[:]
        result.append(
            HealedStep(
                step=int(thermo["Step"][number]),
                excess_meV=float(thermo["v_energy"][number]) * MEV - relaxed_energy,
                rms=float(np.sqrt((moved**2).sum(1).mean())),
                largest=float(np.sqrt((moved**2).sum(1).max())),
                fcc=float(thermo["c_fcc"][number]),
                defects=count_defects(frame.positions, sites),
            )
        )
    return result


def draw(before: Atoms, after: Atoms, sites: Atoms, path: Path) -> None:
    """The (001) layer with the vacancy before and after, coloured by distance to the nearest site."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    empty = np.flatnonzero(np.bincount(site_distances(after.positions, sites, 1)[1][:, 0], minlength=len(sites)) == 0)
    vacancies = sites.positions[empty]
    height = vacancies[0, 2] if len(vacancies) else sites.cell[2, 2] / 2.0
    figure, panels = pyplot.subplots(1, 2, figsize=(11, 5.2), sharex=True, sharey=True, layout="constrained")
    for panel, atoms, title in zip(panels, (before, after), ("damaged", "healed"), strict=True):
        distance, nearest, to_site = site_distances(atoms.positions, sites, 1)
        layer = np.abs(sites.positions[nearest[:, 0], 2] - height) < SLAB
        x, y, _ = (sites.positions[nearest[layer, 0]] - to_site[layer, 0]).T  # the image beside its site
        points = panel.scatter(x, y, c=distance[layer, 0], s=95, cmap="viridis", vmin=0.0, vmax=1.0, edgecolors="none")
        in_layer = vacancies[np.abs(vacancies[:, 2] - height) < SLAB] if len(vacancies) else vacancies
        panel.scatter(in_layer[:, 0], in_layer[:, 1], s=260, facecolors="none", edgecolors="red", linewidths=1.8)
        panel.set_title(title)
        panel.set_aspect("equal")
        panel.set_xlabel("x, Å")
    panels[0].set_ylabel("y, Å")
    figure.colorbar(points, ax=panels, label="distance to the nearest lattice site, Å")
    figure.suptitle("The (001) layer with the vacancy (red circle)")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
