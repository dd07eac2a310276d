"""`lammps-heal demo`: table and picture of a run of inputs/in.heal."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lammps_heal.commands.parser import Subcommands
from lammps_heal.errors import HealError

if TYPE_CHECKING:
    from lammps_heal.analysis.healed_steps import HealedStep


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("demo", help="table and picture of a run of inputs/in.heal")
    parser.set_defaults(run=run)
    parser.add_argument("--log", type=Path, default=Path("runs/heal.log"), help="of that run (default: %(default)s)")
    parser.add_argument("--healed", type=Path, default=Path("final_demo_vacancy_healing.lammpstrj"), help="its trajectory")
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="with reference.data and sites.data")
    parser.add_argument("--picture", type=Path, default=Path("final_demo_vacancy_healing.png"), help="to write")
    parser.add_argument("--elements", nargs="+", default=["Pt"], help="of the atom types (default: Pt)")
    parser.add_argument("--potential", type=Path, help="EAM file (default: potentials/Pt_u3.eam)")


def run(options: argparse.Namespace) -> None:
    show(options.log, options.healed, options.folder, options.picture, options.elements, options.potential)


def show(
    log: Path, healed: Path, folder: Path, picture: Path, elements: list[str], potential: Path | None = None
) -> list["HealedStep"]:
    """Print the run of inputs/in.heal step by step and draw it. Raises HealError where a file is missing.

    folder: holds reference.data and sites.data, as inputs/in.damage writes them.
    """
    from lammps_heal.analysis.energies import PLATINUM_POTENTIAL, minimise
    from lammps_heal.analysis.healed_steps import healed_steps, table
    from lammps_heal.analysis.picture import draw_layer
    from lammps_heal.hosts.logs import thermo_tables
    from lammps_heal.hosts.potential import Potential
    from lammps_heal.hosts.structures import dump_frames, read_data

    for path in (log, healed, folder / "reference.data", folder / "sites.data"):
        if not path.is_file():
            raise HealError(f'"{path}" does not exist: run "make heal", or inputs/in.damage and inputs/in.heal')
    frames = list(dump_frames(healed))
    sites, reference = (read_data(folder / f"{name}.data", elements) for name in ("sites", "reference"))
    _, relaxed_energy = minimise(reference, Potential.from_file(potential or PLATINUM_POTENTIAL, elements))
    steps = healed_steps(thermo_tables(log.read_text())[-1], frames, sites, relaxed_energy)
    print(table(steps))
    draw_layer(frames[0], frames[-1], sites, picture)
    print(f"trajectory: {healed}\npicture:    {picture}")
    return steps
