"""The network: a strictly local, equivariant denoiser.

    edge vector                 r_ij = x_j - x_i,  d = |r_ij|,  u = r_ij / d
    radial basis                phi_b(d) = exp(-gamma_b (d - mu_b)^2), learnable
    envelope                    f(d) = 1 up to a part of the cutoff, falls to 0 at it with two continuous derivatives
    radial functions            R_kl(d), Q_kl(d) = f(d) sum_b W_bkl phi_b(d)
    moments of atom i           A_klm = sum_j R_kl(d) Y_lm(u)                       l = 0 .. 3
    mixed moments               M_klm = sum_k' C_lkk' A_k'lm
    invariants of atom i        p_kl = sum_m A_klm M_klm   (l = 0: A_k0)
    gates                       g_kl = per-atom network of p
    weight of edge ij           w_ij = sum_k Q_k0(d) g_k0 + sum_{l>0} Q_kl(d) g_kl sum_m M_klm Y_lm(u)
    displacement                Delta_i = sum_j w_ij u

w_ij is invariant under rotation, reflection, translation and permutation, so Delta turns with the
crystal; it depends on atom i's neighbourhood within one cutoff and on nothing else.
"""

import math

import torch
from torch import Tensor, nn

MAX_DEGREE = 3


def real_spherical_harmonics(unit: Tensor) -> list[Tensor]:
    """Real spherical harmonics of degree 0 to 3, scaled so that sum_m Y_lm^2 = 1 on the unit sphere.

    unit: (..., 3) unit vectors. Returns tensors (..., 2l + 1) for l = 0, 1, 2, 3.
    Formulas: Cartesian solid harmonics, e.g. Varshalovich et al., Quantum Theory of Angular Momentum (1988), 5.1.
    """
    x, y, z = unit[..., 0], unit[..., 1], unit[..., 2]
    root3 = math.sqrt(3.0)
    root5_8, root3_8, root15 = math.sqrt(5.0 / 8.0), math.sqrt(3.0 / 8.0), math.sqrt(15.0)
    z2 = z * z
    x2_y2 = x * x - y * y
    return [
        torch.ones_like(unit[..., :1]),
        unit,
        torch.stack([root3 * x * y, root3 * y * z, 1.5 * z2 - 0.5, root3 * x * z, 0.5 * root3 * x2_y2], -1),
        torch.stack(
            [
                root5_8 * y * (3.0 * x * x - y * y),
                root15 * x * y * z,
                root3_8 * y * (5.0 * z2 - 1.0),
                0.5 * z * (5.0 * z2 - 3.0),
                root3_8 * x * (5.0 * z2 - 1.0),
                0.5 * root15 * z * x2_y2,
                root5_8 * x * (x * x - 3.0 * y * y),
            ],
            -1,
        ),
    ]


def pad_edges(
    positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, cutoff: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Edge vectors within the cutoff, one row of equal length for each centre.

    positions: (n_atoms, 3) float64 Å. centres: (n,) int64. first: (n + 1,), neighbours: (n_edges,) int64.
    Returns edge_vectors (n, K, 3) float64 Å, distances (n, K) float64 Å and present (n, K) bool, where K is
    the largest number of neighbours; absent edges are (0, 0, cutoff), which the envelope takes to zero.
    """
    counts = first[1:] - first[:-1]
    centre_of_edge = torch.repeat_interleave(torch.arange(centres.numel(), device=centres.device), counts)
    edge_vectors = positions[neighbours] - positions[centres[centre_of_edge]]
    distances = torch.linalg.vector_norm(edge_vectors, dim=1)
    inside = torch.nonzero(distances < cutoff).squeeze(1)
    centre_of_edge = centre_of_edge[inside]
    counts = torch.bincount(centre_of_edge, minlength=centres.numel())
    start = torch.cumsum(counts, 0) - counts
    column = torch.arange(inside.numel(), device=centres.device) - start[centre_of_edge]
    width = int(counts.max()) if counts.numel() > 0 else 0
    padded = torch.zeros((centres.numel(), width, 3), dtype=positions.dtype, device=positions.device)
    padded[:, :, 2] = cutoff
    padded_distances = torch.full((centres.numel(), width), cutoff, dtype=positions.dtype, device=positions.device)
    padded[centre_of_edge, column] = edge_vectors[inside]
    padded_distances[centre_of_edge, column] = distances[inside]
    return padded, padded_distances, padded_distances < cutoff


class HealingNetwork(nn.Module):
    """Displacement that moves each centre toward its lattice site; the formulas are the module's.

    Lengths in Å, float32 inside; edge vectors are subtracted in float64.
    """

    def __init__(
        self, cutoff: float = 6.0, n_basis: int = 24, n_channels: int = 12, n_hidden: int = 64, switch_on: float = 0.0
    ) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.switch_on = switch_on * cutoff
        self.n_channels = n_channels
        n_degrees = MAX_DEGREE + 1
        smallest = 1.0  # Å; closer pairs do not occur below the noise that can be healed
        spacing = (cutoff - smallest) / (n_basis - 1)
        self.basis_centres = nn.Parameter(torch.linspace(smallest, cutoff, n_basis))
        self.basis_log_width = nn.Parameter(torch.full((n_basis,), math.log(0.5 / spacing**2)))
        # One matrix for all radial functions: R_kl, then Q_kl, channels fastest.
        self.radial_weights = nn.Parameter(torch.randn(n_basis, 2 * n_degrees * n_channels) / math.sqrt(n_basis))
        self.mixing = nn.Parameter(torch.randn(n_degrees, n_channels, n_channels) / math.sqrt(n_channels))
        n_invariants = n_degrees * n_channels
        self.gates = nn.Sequential(
            nn.Linear(n_invariants, n_hidden),
            nn.SiLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.SiLU(),
            nn.Linear(n_hidden, n_invariants),
        )

    def forward(self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor) -> Tensor:
        """Displacement to be added to each centre.

        positions: (n_atoms, 3) float64 Å, owned atoms, then ghosts. centres: (n,) int64 rows of positions.
        first: (n + 1,), neighbours: (n_edges,) int64: the neighbours of centre k are
        neighbours[first[k]:first[k + 1]]; pairs beyond the cutoff are allowed and ignored.
        Returns (n, 3) float64 Å.
        """
        edge_vectors, distances, present = pad_edges(positions, centres, first, neighbours, self.cutoff)
        unit = (edge_vectors / distances.unsqueeze(-1)).float()
        d = distances.float()

        radial = self.radial_functions(d) * present.unsqueeze(-1)
        harmonics = real_spherical_harmonics(unit)

        n_channels = self.n_channels
        n_degrees = len(harmonics)
        mixed_moments: list[Tensor] = []
        invariants: list[Tensor] = []
        for degree, harmonic in enumerate(harmonics):
            inward = radial[..., degree * n_channels : (degree + 1) * n_channels]
            moment = harmonic.transpose(1, 2) @ inward  # (n, 2l + 1, channels)
            mixed = moment @ self.mixing[degree]
            mixed_moments.append(mixed)
            invariants.append(moment.squeeze(1) if degree == 0 else (moment * mixed).sum(1))
        gates = self.gates(torch.cat(invariants, 1))

        weights = torch.zeros_like(d)
        for degree, harmonic in enumerate(harmonics):
            gate = gates[:, degree * n_channels : (degree + 1) * n_channels].unsqueeze(1)
            outward = radial[..., (n_degrees + degree) * n_channels : (n_degrees + degree + 1) * n_channels]
            gated = gate if degree == 0 else gate * mixed_moments[degree]
            weights = weights + (outward * (harmonic @ gated)).sum(-1)
        return (weights.unsqueeze(1) @ unit).squeeze(1).double()

    @torch.jit.export
    def radial_functions(self, d: Tensor) -> Tensor:
        """R_kl(d), then Q_kl(d), channels fastest, for distances d (...) in Å: (..., 2 * 4 * n_channels).

        Exported beside `forward`, so that a kernel can tabulate them from the model file.
        """
        basis = torch.exp(-torch.exp(self.basis_log_width) * (d.unsqueeze(-1) - self.basis_centres) ** 2)
        return (basis @ self.radial_weights) * self.envelope(d).unsqueeze(-1)

    def envelope(self, d: Tensor) -> Tensor:
        """Polynomial 1 - 10 t^3 + 15 t^4 - 6 t^5: value, slope and curvature vanish at t = 1, the cutoff; t = 0 at switch_on.

        The later it switches, the more the outer shells tell, which long waves need.
        """
        t = ((d - self.switch_on) / (self.cutoff - self.switch_on)).clamp(min=0.0)
        return 1.0 - t * t * t * (10.0 - 15.0 * t + 6.0 * t * t)
