"""A stage begins with the weights of the one before, in a network that may have more hidden units."""

from torch import Tensor

from lammps_heal.errors import HealError
from lammps_heal.model.network import HealingNetwork


def start_from(begun: dict[str, Tensor], network: HealingNetwork) -> None:
    """Give `network` the weights of another, of the same size but for hidden units: it may have more of them.

    Such units keep what they take in as it is, drawn anew, and nothing is made of it yet: the displacements are those
    of the other (after Chen et al., Net2Net, arXiv:1511.05641). Where it sees species and the other none, it does not at
    first. Raises HealError where the sizes do not allow it.
    """
    weights = network.state_dict()
    if "species_factors" in weights and "species_factors" not in begun:
        weights["species_factors"].fill_(1.0)  # with its bias of 0: at first it sees no species, as the other
    for name, narrow in begun.items():
        wide = weights[name]
        is_wider = all(n <= m for n, m in zip(narrow.shape, wide.shape, strict=True))
        gains_units = name.startswith(("gates", "species_bias")) and is_wider
        if narrow.shape != wide.shape and not gains_units:
            raise HealError(
                f"the weights to start from are of another size ({name} {tuple(narrow.shape)}, needed {tuple(wide.shape)}): "
                f"keep [network] as it was; n_hidden may be larger"
            )
        if narrow.ndim == 2:
            wide[: narrow.shape[0], narrow.shape[1] :] = 0.0
        wide[tuple(slice(n) for n in narrow.shape)] = narrow
    network.load_state_dict(weights)
