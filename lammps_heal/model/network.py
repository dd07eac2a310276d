"""The network: a strictly local, equivariant denoiser.

    edge vector                 r_ij = x_j - x_i,  d = |r_ij|,  u = r_ij / d
    radial basis                phi_b(d) = exp(-gamma_b (d - mu_b)^2), learnable
    envelope                    f(d) = 1 up to a part of the cutoff, falls to 0 at it with two continuous derivatives
    radial functions            R_kl(d), Q_kl(d) = f(d) sum_b W_bkl phi_b(d)
    moments of atom i           A_klm = sum_j R_kl(d) Y_lm(u)                       l = 0 .. 3
    mixed moments               M_klm = sum_k' C_lk'k A_k'lm
    invariants of atom i        p_kl = sum_m A_klm M_klm   (l = 0: A_k0)
    gates                       g_kl, t_k, s = per-atom network of p
    weight of edge ij           w_ij = sum_k Q_k0(d) g_k0 + sum_{l>0} Q_kl(d) g_kl sum_m M_klm Y_lm(u)
    force on atom i             f_i = sum_j (w_ij + w_ji) u, in Å: equal and opposite on j, so that they sum to zero
    mobility of atom i          B_i = (1 + s) 1 + sum_k t_k T(M_k2) / n_channels, where u . T(M) u = sum_m M_m Y_2m(u)
    first displacement          v_i = B_i f_i
    message-passing layers      v_i <- v_i + sum_j [ a(d) v_j + b(d) u (u . v_j) ],  a and b as R_kl, for each layer
    displacement                Delta_i = v_i

A network of several species has besides, each learned: factors that multiply R_kl and Q_kl of edge ij, one of each
for every channel k and species of atom j, and a bias for every species of atom i, added to the first layer of the
per-atom network. The number of an atom's species is that of its element among the model's elements, from 0; a network of
one species looks at no such number.

w_ij and s are invariant under rotation, reflection, translation and permutation, and T turns with the crystal, as
Delta so does. The forces have no energy (pseudo-forces), but come in pairs, and that keeps a relaxed defect where it
is: an error of theirs acts near by, where a single one would move a whole grain. Displacement is not force: a loosely
bound atom goes farther, and the mobility tensor, a preconditioner for each atom, says how far. The first displacement
depends on what is within two cutoffs of atom i. The message-passing layers carry displacements on: long waves, of which
two cutoffs show little, so heal in a few steps; where no atom moves, they move none. A host adds the forces on
ghosts to their owners (reverse communication, as LAMMPS does with newton on), and copies displacements to ghosts before
each layer (forward communication).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

MAX_DEGREE = 3
SPREAD_OF_FACTORS = 0.3  # standard deviation of the factors of species before training, around 1


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


class Edges(NamedTuple):
    """Edges within the cutoff, one row of equal length K for each of n centres; see `pad_edges`."""

    unit: Tensor
    distances: Tensor
    present: Tensor
    neighbours: Tensor


def pad_edges(positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, cutoff: float) -> Edges:
    """Edges within the cutoff.

    positions: (n_atoms, 3) float64 Å. centres: (n,) int64. first: (n + 1,), neighbours: (n_edges,) int64.
    Returns unit (n, K, 3) float32, distances (n, K) float32 Å, present (n, K) bool and neighbours (n, K) int64,
    rows of positions; K is the largest number of neighbours. Absent edges point along z to the cutoff and to
    row 0. Edge vectors are subtracted in float64.
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
    rows = torch.zeros((centres.numel(), width), dtype=torch.int64, device=positions.device)
    padded[centre_of_edge, column] = edge_vectors[inside]
    padded_distances[centre_of_edge, column] = distances[inside]
    rows[centre_of_edge, column] = neighbours[inside]
    unit = (padded / padded_distances.unsqueeze(-1)).float()
    return Edges(unit, padded_distances.float(), padded_distances < cutoff, rows)


def round_to_fixed_point(values: Tensor) -> Tensor:
    """Float64 values rounded to multiples of 2^-30, 1e-9: reproducible summation.

    Sums of such numbers are exact in any order, so that forces are the same bits on any number of ranks and threads, and on
    a GPU.
    """
    coarse = 6291456.0  # 1.5 * 2^22, whose last digit is that
    return (values + coarse) - coarse


class HealingNetwork(nn.Module):
    """Displacement that moves each centre toward its lattice site; the formulas are the module's.

    Lengths in Å, float32 inside. Arguments of the exported methods: positions (n_atoms, 3) float64 Å, owned atoms,
    then ghosts. centres: (n,) int64 rows of positions. first: (n + 1,), neighbours: (n_edges,) int64: the
    neighbours of centre k are neighbours[first[k]:first[k + 1]]; pairs beyond the cutoff are allowed and ignored.
    species: (n_atoms,) int64, from 0 to n_species - 1; of any value in a network of one.
    """

    def __init__(
        self,
        cutoff: float = 6.0,
        n_basis: int = 28,
        n_channels: int = 12,
        n_hidden: int = 64,
        switch_on: float = 0.0,
        n_layers: int = 0,
        n_species: int = 1,
    ) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.switch_on = switch_on * cutoff
        self.n_channels = n_channels
        self.n_layers = n_layers
        self.n_species = max(n_species, 1)
        n_degrees = MAX_DEGREE + 1
        # From no distance at all: two overlapping atoms must see each other, to be moved apart.
        spacing = cutoff / (n_basis - 1)
        self.basis_centres = nn.Parameter(torch.linspace(0.0, cutoff, n_basis))
        self.basis_log_width = nn.Parameter(torch.full((n_basis,), math.log(0.5 / spacing**2)))
        # One matrix for all radial functions: R_kl, then Q_kl, channels fastest.
        self.radial_weights = nn.Parameter(torch.randn(n_basis, 2 * n_degrees * n_channels) / math.sqrt(n_basis))
        self.message_weights = nn.Parameter(torch.zeros(n_basis, 2 * n_layers))  # a and b of each layer
        self.mixing = nn.Parameter(torch.randn(n_degrees, n_channels, n_channels) / math.sqrt(n_channels))
        n_invariants = n_degrees * n_channels
        self.gates = nn.Sequential(
            nn.Linear(n_invariants, n_hidden),
            nn.SiLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.SiLU(),
            nn.Linear(n_hidden, n_invariants + n_channels + 1),  # g, t and s
        )
        # Drawn last, and only where they are used: a network of one species is the one that it was without them.
        self.species_factors: nn.Parameter | None = None  # of R, then of Q
        self.species_bias: nn.Parameter | None = None
        if n_species > 1:
            self.species_factors = nn.Parameter(1.0 + SPREAD_OF_FACTORS * torch.randn(n_species, 2, n_channels))
            self.species_bias = nn.Parameter(torch.zeros(n_species, n_hidden))

    def forward(
        self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, species: Tensor, forces: Tensor
    ) -> Tensor:
        """Mobility of each centre, (n, 3, 3) float64; the pair forces of the centres' edges are added to `forces`.

        forces: (n_atoms, 3) float64 Å, changed in place. With the forces of all centres, those on ghosts added to their
        owners', mobility times force is the displacement before any message-passing layer.
        """
        edges = pad_edges(positions, centres, first, neighbours, self.cutoff)
        pair_forces, mobilities = self.pair_forces(edges, self.edge_basis(edges), centres, species)
        exact = round_to_fixed_point(pair_forces.double())
        forces.index_add_(0, centres, exact.sum(1))
        forces.index_add_(0, edges.neighbours.reshape(-1), -exact.reshape(-1, 3))
        return mobilities.double()

    @torch.jit.export
    def message_layer(
        self, positions: Tensor, centres: Tensor, first: Tensor, neighbours: Tensor, v_in: Tensor, layer: int
    ) -> Tensor:
        """v_out of message-passing layer `layer`, from 0: (n, 3) float64 Å; of the last, the displacement to be added.

        v_in: (n_atoms, 3) float64 Å, of ghosts too; zero for atoms that do not move.
        """
        edges = pad_edges(positions, centres, first, neighbours, self.cutoff)
        return v_in[centres] + self.messages(edges, self.edge_basis(edges), v_in, layer).double()

    def displacement(
        self,
        positions: Tensor,
        centres: Tensor,
        first: Tensor,
        neighbours: Tensor,
        owners: Tensor,
        species: Tensor | None = None,
    ) -> Tensor:
        """The whole displacement at once, for training: (n, 3) float64 Å, to be added.

        owners: (n_atoms,) int64, the place among the centres of the atom that each row is, or is an image of. species may
        be left out of a network of one.
        """
        edges = pad_edges(positions, centres, first, neighbours, self.cutoff)
        basis = self.edge_basis(edges)
        pair_forces, mobilities = self.pair_forces(edges, basis, centres, owners if species is None else species)
        forces = pair_forces.sum(1).index_add(0, owners[edges.neighbours].reshape(-1), -pair_forces.reshape(-1, 3))
        displacement = (mobilities @ forces.unsqueeze(2)).squeeze(2)
        for layer in range(self.n_layers):
            displacement = displacement + self.messages(edges, basis, displacement[owners], layer)
        return displacement.double()

    def pair_forces(self, edges: Edges, basis: Tensor, centres: Tensor, species: Tensor) -> tuple[Tensor, Tensor]:
        """w_ij u of each edge, (n, K, 3) Å, zero where there is none, and mobilities, (n, 3, 3); float32."""
        n_channels = self.n_channels
        functions = basis @ self.radial_weights
        factors = self.species_factors
        if factors is not None:
            of_degrees = factors.repeat(1, 1, functions.shape[-1] // factors[0].numel()).flatten(1)  # the same for all
            functions = functions * (self.one_hot(species[edges.neighbours]) @ of_degrees)
        radial = torch.split(functions, n_channels, dim=-1)  # slices would each have a whole gradient
        harmonics = real_spherical_harmonics(edges.unit)
        n_degrees = len(harmonics)
        mixed_moments: list[Tensor] = []
        invariants: list[Tensor] = []
        for degree, harmonic in enumerate(harmonics):
            moment = harmonic.transpose(1, 2) @ radial[degree]  # (n, 2l + 1, channels)
            mixed = moment @ self.mixing[degree]
            mixed_moments.append(mixed)
            invariants.append(moment.squeeze(1) if degree == 0 else (moment * mixed).sum(1))
        gates = self.per_atom_network(torch.cat(invariants, 1), species[centres])

        weights = torch.zeros_like(edges.distances)
        for degree, harmonic in enumerate(harmonics):
            gate = gates[:, degree * n_channels : (degree + 1) * n_channels].unsqueeze(1)
            gated = gate if degree == 0 else gate * mixed_moments[degree]
            weights = weights + (radial[n_degrees + degree] * (harmonic @ gated)).sum(-1)
        mobile = gates[:, n_degrees * n_channels :]
        return weights.unsqueeze(2) * edges.unit, self.mobilities(mixed_moments[2], mobile[:, :-1], mobile[:, -1:])

    def per_atom_network(self, invariants: Tensor, species: Tensor) -> Tensor:
        """g, t and s of each centre, from its invariants (n, 4 n_channels) and its species (n,)."""
        bias = self.species_bias
        if bias is None:
            gates: Tensor = self.gates(invariants)
            return gates
        x = invariants
        for number, layer in enumerate(self.gates):
            x = layer(x)
            if number == 0:
                x = x + self.one_hot(species) @ bias
        return x

    def one_hot(self, species: Tensor) -> Tensor:
        """(..., n_species) float32, 1 at the number of the species: its products with tables have quick gradients."""
        return nn.functional.one_hot(species, self.n_species).float()

    def mobilities(self, moments: Tensor, directed: Tensor, undirected: Tensor) -> Tensor:
        """B of each centre, (n, 3, 3).

        moments: mixed, of degree 2, (n, 5, channels). directed: t, (n, channels). undirected: s, (n, 1).
        """
        xy, yz, zz, xz, x2_y2 = torch.unbind((moments @ directed.unsqueeze(2)).squeeze(2) / self.n_channels, 1)
        half = 0.5 * math.sqrt(3.0)
        xy, yz, xz, x2_y2 = half * xy, half * yz, half * xz, half * x2_y2
        both = 1.0 + undirected.squeeze(1) - 0.5 * zz
        rows = [both + x2_y2, xy, xz, xy, both - x2_y2, yz, xz, yz, both + 1.5 * zz]
        return torch.stack(rows, 1).reshape(-1, 3, 3)

    def messages(self, edges: Edges, basis: Tensor, v_in: Tensor, layer: int) -> Tensor:
        """Sum of the messages to each centre in a layer: (n, 3) float32 Å. v_in: (n_atoms, 3) Å."""
        functions = basis @ self.message_weights[:, 2 * layer : 2 * layer + 2]
        of_neighbours = v_in[edges.neighbours].float()
        along = (edges.unit * of_neighbours).sum(-1)
        return (functions[..., :1] * of_neighbours).sum(1) + ((functions[..., 1] * along).unsqueeze(1) @ edges.unit).squeeze(1)

    def edge_basis(self, edges: Edges) -> Tensor:
        """Radial basis of each edge, (n, K, n_basis), zero where there is none."""
        return self.basis(edges.distances) * edges.present.unsqueeze(-1)

    def basis(self, d: Tensor) -> Tensor:
        """Radial basis times envelope of distances d (...), Å: (..., n_basis)."""
        gaussians = torch.exp(-torch.exp(self.basis_log_width) * (d.unsqueeze(-1) - self.basis_centres) ** 2)
        return gaussians * self.envelope(d).unsqueeze(-1)

    def radial_functions(self, d: Tensor) -> Tensor:
        """R_kl(d), then Q_kl(d), channels fastest, for distances d (...) in Å: (..., 2 * 4 * n_channels)."""
        return self.basis(d) @ self.radial_weights

    def message_functions(self, d: Tensor) -> Tensor:
        """a(d) and b(d) of each message-passing layer, (..., 2 * n_layers)."""
        return self.basis(d) @ self.message_weights

    def envelope(self, d: Tensor) -> Tensor:
        """Polynomial 1 - 10 t^3 + 15 t^4 - 6 t^5: value, slope and curvature vanish at t = 1, the cutoff; t = 0 at switch_on.

        The later it switches, the more weight the outer shells have, which long waves need.
        """
        t = ((d - self.switch_on) / (self.cutoff - self.switch_on)).clamp(min=0.0)
        return 1.0 - t * t * t * (10.0 - 15.0 * t + 6.0 * t * t)
