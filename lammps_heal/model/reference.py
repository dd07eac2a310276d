"""The whole network in float64, straight from its formulas: to be read, and to compare faster implementations with.

The formulas and their symbols are network.py's; exponentials, no tables, no rounding to fixed point. Neighbours are found
by comparing all distances, so it is meant for some hundred atoms. Lengths in Å.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]

N_DEGREES = 4  # l = 0 .. 3

# T_m, (5, 3, 3): symmetric and traceless, with u . T_m u = Y_2m(u) for the five harmonics of degree 2.
HALF_ROOT3 = np.sqrt(3.0) / 2.0
QUADRUPOLES: Float64Array = np.array(
    [
        [[0.0, HALF_ROOT3, 0.0], [HALF_ROOT3, 0.0, 0.0], [0.0, 0.0, 0.0]],  # xy
        [[0.0, 0.0, 0.0], [0.0, 0.0, HALF_ROOT3], [0.0, HALF_ROOT3, 0.0]],  # yz
        [[-0.5, 0.0, 0.0], [0.0, -0.5, 0.0], [0.0, 0.0, 1.0]],  # z^2
        [[0.0, 0.0, HALF_ROOT3], [0.0, 0.0, 0.0], [HALF_ROOT3, 0.0, 0.0]],  # xz
        [[HALF_ROOT3, 0.0, 0.0], [0.0, -HALF_ROOT3, 0.0], [0.0, 0.0, 0.0]],  # x^2 - y^2
    ]
)


class Edges(NamedTuple):
    """Pairs closer than the cutoff, of local atoms i and all atoms j: rows i, j (n_edges,), d (n_edges,) Å, u (n_edges, 3)."""

    i: Int64Array
    j: Int64Array
    d: Float64Array
    u: Float64Array


class ReferenceNetwork:
    """The network of these weights.

    weights: by their names in network.py (radial_weights, mixing, gates.0.weight, ...), of any floating-point type.
    cutoff, switch_on: Å; the envelope is 1 up to switch_on and 0 from the cutoff on.
    """

    def __init__(self, weights: Mapping[str, ArrayLike], cutoff: float, switch_on: float) -> None:
        self.weights = {name: np.asarray(array, np.float64) for name, array in weights.items()}
        self.cutoff, self.switch_on = cutoff, switch_on
        self.n_channels = self.weights["mixing"].shape[1]
        self.n_layers = self.weights["message_weights"].shape[1] // 2
        self.has_species = "species_factors" in self.weights

    def displacement(
        self,
        positions: Float64Array,
        owners: Int64Array,
        moves: NDArray[np.bool_] | None = None,
        length_scale: float = 1.0,
        species: NDArray[np.integer] | None = None,
    ) -> Float64Array:
        """Displacement that moves each local atom toward its lattice site, (nlocal, 3) Å, to be added; not yet capped.

        positions: (nlocal + nghost, 3) Å, local atoms first, no two at one place. owners: (nlocal + nghost,), the local atom
        that each row is, or is an image of. moves: (nlocal,), the atoms of the group, all by default.
        length_scale: this crystal's lengths in those of the weights. species: (nlocal,), from 0, in a network of several.
        """
        nlocal = int(owners.max(initial=-1)) + 1
        in_group = np.ones((nlocal, 1)) if moves is None else moves[:, None].astype(np.float64)
        edges = self.edges(positions / length_scale, nlocal)
        forces, mobilities = self.pair_forces(edges, len(positions), nlocal, None if species is None else species[owners])
        v = length_scale * np.einsum("iab,ib->ia", mobilities, _sum(forces, owners, nlocal))  # after reverse communication
        for layer in range(self.n_layers):
            v = in_group * v
            v = v + self.messages(edges, v[owners], nlocal, layer)  # v[owners]: forward communication
        displacement: Float64Array = in_group * v
        return displacement

    def edges(self, positions: Float64Array, nlocal: int) -> Edges:
        """positions: (nlocal + nghost, 3) Å."""
        vectors = positions[None, :] - positions[:nlocal, None]
        distances = np.linalg.norm(vectors, axis=2)
        distances[np.arange(nlocal), np.arange(nlocal)] = np.inf
        i, j = np.nonzero(distances < self.cutoff)
        d = distances[i, j]
        return Edges(i, j, d, vectors[i, j] / d[:, None])

    def radial_functions(self, d: Float64Array, weights: Float64Array) -> Float64Array:
        """f(d) sum_b W_b exp(-gamma_b (d - mu_b)^2) of each column of weights (n_basis, n): (n_edges, n)."""
        mu, gamma = self.weights["basis_centres"], np.exp(self.weights["basis_log_width"])
        t = np.maximum((d - self.switch_on) / (self.cutoff - self.switch_on), 0.0)
        envelope = 1.0 - 10.0 * t**3 + 15.0 * t**4 - 6.0 * t**5
        phi = np.exp(-gamma * (d[:, None] - mu) ** 2)
        result: Float64Array = envelope[:, None] * (phi @ weights)
        return result

    def pair_forces(
        self, edges: Edges, n_atoms: int, nlocal: int, species: NDArray[np.integer] | None = None
    ) -> tuple[Float64Array, Float64Array]:
        """Forces on all atoms, (n_atoms, 3) Å, ghosts' not yet added to their owners', and mobilities (nlocal, 3, 3).

        species: (n_atoms,).
        """
        i, j, d, u = edges
        radial = self.radial_functions(d, self.weights["radial_weights"]).reshape(len(d), 2, N_DEGREES, self.n_channels)
        bias = 0.0
        if self.has_species:
            assert species is not None
            radial *= self.weights["species_factors"][species[j]][:, :, None]  # of R and Q, the same for all degrees
            bias = self.weights["species_bias"][species[:nlocal]]
        Y = real_spherical_harmonics(u)
        C = self.weights["mixing"]
        A, M, p = [], [], []
        for degree in range(N_DEGREES):
            A.append(_sum(np.einsum("ek,em->ekm", radial[:, 0, degree], Y[degree]), i, nlocal))  # R_kl Y_lm
            M.append(np.einsum("ck,icm->ikm", C[degree], A[degree]))
            p.append(A[0][:, :, 0] if degree == 0 else (A[degree] * M[degree]).sum(2))
        gates = self.per_atom_network(np.concatenate(p, 1), bias)
        g = gates[:, : N_DEGREES * self.n_channels].reshape(nlocal, N_DEGREES, self.n_channels)
        t, s = gates[:, N_DEGREES * self.n_channels : -1], gates[:, -1]

        w = np.einsum("ek,ek->e", radial[:, 1, 0], g[i, 0])
        for degree in range(1, N_DEGREES):
            w += np.einsum("ek,ek,ekm,em->e", radial[:, 1, degree], g[i, degree], M[degree][i], Y[degree])  # Q_kl g_kl M_klm Y_lm
        forces = _sum(w[:, None] * u, i, n_atoms) - _sum(w[:, None] * u, j, n_atoms)
        mobilities = (1.0 + s)[:, None, None] * np.eye(3) + np.einsum("ik,ikm,mab->iab", t, M[2], QUADRUPOLES) / self.n_channels
        return forces, mobilities

    def per_atom_network(self, invariants: Float64Array, bias_of_species: Float64Array | float = 0.0) -> Float64Array:
        """Gates g_kl, then t_k, then s of each atom's invariants p_kl, (nlocal, 4 n_channels).

        bias_of_species: (nlocal, n_hidden), of each atom's own, for the first layer.
        """
        x = invariants
        for layer in (0, 2, 4):
            x = x @ self.weights[f"gates.{layer}.weight"].T + self.weights[f"gates.{layer}.bias"]
            if layer == 0:
                x = x + bias_of_species
            if layer < 4:
                x = x / (1.0 + np.exp(-x))  # SiLU
        return x

    def messages(self, edges: Edges, v_in: Float64Array, nlocal: int, layer: int) -> Float64Array:
        """sum_j [a(d) v_j + b(d) u (u . v_j)] of message-passing layer `layer`, from 0: (nlocal, 3); v_in: (n_atoms, 3)."""
        a, b = self.radial_functions(edges.d, self.weights["message_weights"][:, 2 * layer : 2 * layer + 2]).T[:, :, None]
        v = v_in[edges.j]
        return _sum(a * v + b * edges.u * (edges.u * v).sum(1, keepdims=True), edges.i, nlocal)


def real_spherical_harmonics(unit: Float64Array) -> list[Float64Array]:
    """Y_lm of unit vectors (n, 3), for l = 0 .. 3: arrays (n, 2l + 1), scaled so that sum_m Y_lm^2 = 1.

    Cartesian solid harmonics, e.g. Varshalovich et al., Quantum Theory of Angular Momentum (1988), 5.1.
    """
    x, y, z = unit.T
    quadrupole = [np.sqrt(3) * x * y, np.sqrt(3) * y * z, (3 * z**2 - 1) / 2, np.sqrt(3) * x * z, np.sqrt(3) / 2 * (x**2 - y**2)]
    octupole = [
        np.sqrt(5 / 8) * y * (3 * x**2 - y**2),
        np.sqrt(15) * x * y * z,
        np.sqrt(3 / 8) * y * (5 * z**2 - 1),
        z * (5 * z**2 - 3) / 2,
        np.sqrt(3 / 8) * x * (5 * z**2 - 1),
        np.sqrt(15) / 2 * z * (x**2 - y**2),
        np.sqrt(5 / 8) * x * (x**2 - 3 * y**2),
    ]
    return [np.ones((len(unit), 1)), unit, np.stack(quadrupole, 1), np.stack(octupole, 1)]


def _sum(values: Float64Array, atoms: Int64Array, n_atoms: int) -> Float64Array:
    """(n_atoms, ...): for each atom, the sum of the values (n, ...) that are its own; atoms: (n,)."""
    result = np.zeros((n_atoms, *values.shape[1:]))
    np.add.at(result, atoms, values)
    return result
