"""The soft floor of a model's crystal; see step/soft_floor.py."""

from lammps_heal.analysis.local_structure import has_shells, shells_of
from lammps_heal.model.model_file import Model
from lammps_heal.step.soft_floor import FLOOR


def floor_of(model: Model) -> float:
    """Å; 0 where the nearest-neighbour distance of the model's structure is not known."""
    if not has_shells(model.structure):
        return 0.0
    return FLOOR * shells_of(model.structure).nearest * model.lattice_constant
