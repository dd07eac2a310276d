"""The lengths of a training, in one place.

They are given in Å for platinum, whose nearest-neighbour distance is 2.772 Å, and are the same part of that distance
in any other crystal: a σ of 0.3 Å is 0.108 of it.
"""

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

from lammps_heal.model.model_file import MAX_DISPLACEMENT

PLATINUM = 3.92 / sqrt(2.0)  # Å, nearest-neighbour distance under Pt_u3.eam
DIGITS = 9  # of a scale: the box of relaxed platinum is 3.92 Å but for rounding, and its lengths are those below


@dataclass(frozen=True)
class Lengths:
    """Å, as they are for platinum."""

    nearest_neighbour: float = PLATINUM
    max_displacement: float = MAX_DISPLACEMENT  # cap of one healing step
    noise_floor: float = 0.002  # s_0 of the loss
    clean_floor: float = 0.0005  # s_0 of the loss where there never was noise
    pair_sigma: float = 0.3  # the most noise around a close Frenkel pair
    long_wavelength_sigma: float = 0.05  # the most noise on a long-wavelength displacement; half of them have none
    least_damage: float = 0.1  # a state is a ruin only where the network has made it worse than this
    validation_sigmas: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
    defect_sigmas: tuple[float, ...] = (0.1, 0.3)  # of the validation on defects
    tuning_sigmas: tuple[float, ...] = (0.1, 0.3)  # of the tuning of the message-passing layers
    largest_shift: float = 0.2  # of a long-wavelength displacement
    longest_split: float = 1.25  # half the distance of two atoms on a site: from none to a dumbbell as EAM relaxes it
    sphere_radii: tuple[float, float] = (3.0, 8.0)  # of hot spheres: an atom and its neighbours, a cascade's core
    sphere_edge: float = 1.0  # over which the noise falls off
    same_atom: float = 0.1  # what is nearer than this is an image of the atom itself

    @classmethod
    def of(cls, nearest_neighbour: float) -> "Lengths":
        """Those of a crystal with this nearest-neighbour distance, Å."""
        scale = round(nearest_neighbour / PLATINUM, DIGITS)
        platinum = asdict(cls())
        scaled: dict[str, Any] = {}
        for name, value in platinum.items():
            scaled[name] = tuple(scale * v for v in value) if isinstance(value, tuple) else scale * value
        return cls(**scaled)
