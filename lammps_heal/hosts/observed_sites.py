"""The reference crystal that a user names for an observed trajectory, and what is written of its sites."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lammps_heal.analysis.observation import Observation
from lammps_heal.analysis.reference_sites import ReferenceSites, SiteCount
from lammps_heal.hosts.formats.dump_writer import box_text
from lammps_heal.hosts.formats.source import Source
from lammps_heal.hosts.formats.structure import Structure
from lammps_heal.hosts.type_elements import first_alike
from lammps_heal.model.model_file import Model

# Of sites that do not hold one atom of their element. type_of_atom: where it is one, else 0.
COLUMNS = ("id", "type", "x", "y", "z", "atoms", "type_of_atom")
ROW = "%d %d %.8f %.8f %.8f %d %d\n"


@dataclass(frozen=True)
class Reference:
    """The structure of a file, and its atoms as sites."""

    structure: Structure
    sites: ReferenceSites


def read_sites(path: Path, atom_style: str | None = None) -> Reference:
    """The atoms of a structure file, of its first frame, as sites. Raises HealError where it cannot be read."""
    structure = next(Source(path, atom_style=atom_style).frames(slice(0, 1))).structure
    sites = ReferenceSites(structure.unwrapped, structure.cell, structure.types, structure.ids, structure.origin)
    return Reference(structure, sites)


def on_sites(structure: Structure, seen: Observation, reference: Reference, model: Model, named: Sequence[str]) -> Observation:
    """What is seen of a frame, counted on the sites too; species are types of atoms, which both files number alike.

    named: elements of the types, as the user names them; empty: as the files tell.
    """
    found = seen.on_sites(reference.sites, structure.types, structure.cell, structure.periodic, structure.origin)
    assert found.sites is not None
    alike = first_alike((structure, reference.structure), model, named)
    return replace(found, sites=replace(found.sites, first_alike=alike))


def sites_text(structure: Structure, count: SiteCount) -> str:
    """A frame of a dump: the sites that do not hold one atom of their element."""
    rows = [
        ROW % (*integers, *place, *atoms)
        for integers, place, atoms in zip(
            zip(count.ids[count.is_defect].tolist(), count.species[count.is_defect].tolist(), strict=True),
            count.positions[count.is_defect].tolist(),
            zip(count.occupation[count.is_defect].tolist(), count.occupant[count.is_defect].tolist(), strict=True),
            strict=True,
        )
    ]
    header = (
        f"ITEM: TIMESTEP\n{structure.timestep}\nITEM: NUMBER OF ATOMS\n{len(rows)}\n"
        f"{box_text(structure.boundary, structure.cell, structure.origin)}ITEM: ATOMS {' '.join(COLUMNS)}\n"
    )
    return header + "".join(rows)
