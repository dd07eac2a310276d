"""A network for a crystal of other lengths: it does to the scaled crystal what it did to the other, scaled."""

import math

from torch import Tensor


def rescaled(network: dict[str, Tensor], scale: float) -> dict[str, Tensor]:
    """The weights of a HealingNetwork whose cutoff is `scale` times as long: displacement(scale x) = scale displacement(x).

    network: its state_dict. Radial functions are those of d / scale. Pair forces are linear in the functions Q, which are
    the second half of the radial weights: times the scale they are lengths of the other crystal. Moments, gates and
    messages have no unit.
    """
    weights = {name: value.clone() for name, value in network.items()}
    weights["basis_centres"] *= scale
    weights["basis_log_width"] -= 2.0 * math.log(scale)
    radial = weights["radial_weights"]
    radial[:, radial.shape[1] // 2 :] *= scale
    return weights
