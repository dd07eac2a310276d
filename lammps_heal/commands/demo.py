"""`lammps-heal demo`: table and picture of a run of inputs/in.heal."""

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from lammps_heal.commands.parser import Subcommands
from lammps_heal.errors import HealError

if TYPE_CHECKING:
    from lammps_heal.analysis.healed_steps import HealedStep

CRYSTALLINE = 0.5  # of the atoms; below it is no crystal that is healed


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("demo", help="table and picture of a run of inputs/in.heal")
    parser.set_defaults(run=run)
    parser.add_argument("--log", type=Path, default=Path("runs/heal.log"), help="of that run (default: %(default)s)")
    parser.add_argument("--healed", type=Path, default=Path("final_demo_vacancy_healing.lammpstrj"), help="its trajectory")
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="with sites.data and reference.eV")
    parser.add_argument("--picture", type=Path, default=Path("final_demo_vacancy_healing.png"), help="to write")


def run(options: argparse.Namespace) -> None:
    show(options.log, options.healed, options.folder, options.picture)


def show(log: Path, healed: Path, folder: Path, picture: Path) -> list["HealedStep"]:
    """Print the run of inputs/in.heal step by step and draw it. Raises HealError where a file is missing.

    folder: holds sites.data and reference.eV, as inputs/in.damage writes them.
    """
    from lammps_heal.analysis.healed_steps import MEV, healed_steps, structure_of, table
    from lammps_heal.analysis.picture import draw_layer
    from lammps_heal.hosts.logs import thermo_tables
    from lammps_heal.hosts.structures import dump_frames, read_data

    for path in (log, healed, folder / "reference.eV", folder / "sites.data"):
        if not path.is_file():
            raise HealError(f'"{path}" does not exist: run "make heal", or inputs/in.damage and inputs/in.heal')
    frames = list(dump_frames(healed))
    sites = read_data(folder / "sites.data")
    thermo = thermo_tables(log.read_text())[-1]
    steps = healed_steps(thermo, frames, sites, MEV * float((folder / "reference.eV").read_text()))
    print(table(steps, structure_of(thermo)))
    if steps[-1].crystalline < CRYSTALLINE:
        warnings.warn(
            f"{steps[-1].crystalline:.0%} of the atoms are {structure_of(thermo)}: it has melted, or is another structure",
            stacklevel=1,
        )
    draw_layer(frames[0], frames[-1], sites, picture)
    print(f"trajectory: {healed}\npicture:    {picture}")
    return steps
