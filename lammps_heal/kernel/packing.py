"""The packed weights of a network, until the model file holds them."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

INTERVAL = 0.0125  # Å; quadratics of this length are as exact as float32
N_COEFFICIENTS = 3


def packed_weights(network: Any) -> Any:
    """network: a HealingNetwork, or TorchScript of one."""
    cutoff, n_layers = float(network.cutoff), int(network.n_layers)
    n_intervals = max(1, math.ceil(cutoff / INTERVAL))
    nodes = np.array([-0.5 * math.cos(math.pi * (2 * k + 1) / (2 * N_COEFFICIENTS)) for k in range(N_COEFFICIENTS)])
    distances = ((np.arange(n_intervals)[:, None] + 0.5 + nodes) * cutoff / n_intervals).astype(np.float32)
    with torch.inference_mode():
        d = torch.from_numpy(distances.ravel())
        tables = [network.radial_functions(d), network.message_functions(d)]
    radial, messages = (_coefficients(_array(t).reshape(n_intervals, N_COEFFICIENTS, -1), nodes) for t in tables)
    layers = [_array(p) for name, p in network.named_parameters() if name.startswith("gates.")]
    mixing = _array(network.mixing)
    return SimpleNamespace(
        n_channels=mixing.shape[1],
        n_hidden=len(layers[1]),
        n_layers=n_layers,
        n_intervals=n_intervals,
        cutoff=cutoff,
        radial=radial,
        messages=messages,
        mixing=mixing,
        weights=tuple(layers[::2]),
        biases=tuple(layers[1::2]),
    )


def _coefficients(samples: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """(n_intervals, 3, n_columns) coefficients of t^0 to t^2 of the polynomials through samples of that shape at the nodes."""
    result = np.zeros(samples.shape)
    for k in range(N_COEFFICIENTS):
        product, scale = np.array([1.0, 0.0, 0.0]), 1.0  # Lagrange's polynomial
        for other in range(N_COEFFICIENTS):
            if other != k:
                product = np.roll(product, 1) * [0.0, 1.0, 1.0] - nodes[other] * product
                scale *= nodes[k] - nodes[other]
        result += (product / scale)[:, None] * samples[:, k, None, :].astype(np.float64)
    return result.astype(np.float32)


def _array(tensor: Any) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().float().numpy())
