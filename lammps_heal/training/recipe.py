"""A recipe: everything that, with the structures, determines the weights of a training."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkSizes:
    """What a HealingNetwork is built with; see model/network.py.

    cutoff: Å. switch_on: of the cutoff; the envelope is 1 up to there. n_layers: message-passing layers.
    """

    cutoff: float = 6.0
    switch_on: float = 0.0
    n_basis: int = 28
    n_channels: int = 12
    n_hidden: int = 64
    n_layers: int = 0
