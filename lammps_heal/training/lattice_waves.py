"""What healing steps leave of each wave of displacement in the perfect crystal, to first order.

A local network heals short waves in a step or two; long ones decay like a diffusion, and the small cells of a
training do not even hold them. To first order the displacement before all layers is v_R = - sum_R' K(R - R') u_R', so
that of a wave u exp(iqR) is - K(q) u exp(iqR), K(q) = sum_R K(R) cos(qR); a message-passing layer multiplies it by
1 + sum_R [a(R) + b(R) RR/R^2] cos(qR). With G(q) for the product of all these 3 x 3 matrices, a step takes the
wave to (1 - G(q)) u exp(iqR). The mean over all waves of a large crystal is what is left of independent noise,
cheap enough to train the network on.
"""

import itertools

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from lammps_heal.model.network import HealingNetwork, pad_edges
from lammps_heal.step.neighbours import Float64Array, Int64Array, neighbour_list

CELLS = (10, 16)  # cubic cells along each side of the crystals whose waves are looked at: 4,000 and 16,384 atoms
LIST_MARGIN = 0.01  # Å
# For training on what healing steps leave of the waves' RMS:
WAVE_STEP = 8
WAVE_STRAINS = (-0.02, -0.01, 0.0, 0.01, 0.02)  # of the crystals
WAVE_RMS_FLOOR = 5.0e-4  # of the noise put on; less is no gain: the nonlinear rest of a step is larger


class LatticeWaves:
    """The waves of periodic fcc crystals, each with the number of its symmetric equals as weight."""

    def __init__(self, lattice_constant: float, cutoff: float, device: str = "cpu") -> None:
        positions, points = _ball_of_sites(lattice_constant, 2.0 * cutoff)
        n = int((np.linalg.norm(positions, axis=1) < cutoff).sum())
        self._sites = positions
        self._vectors = torch.as_tensor(positions[1:n], device=device)
        row = {tuple(point): i for i, point in enumerate(points)}

        def rows(images: Int64Array) -> Tensor:
            return torch.tensor([row[tuple(image)] for image in images], device=device)

        self._opposite = rows(-points)
        self._swapped = [(rows(points[:, axes]), axes) for axes in ([0, 1, 2], [1, 0, 2], [2, 1, 0])]
        listed = neighbour_list(positions, n, cutoff + LIST_MARGIN)
        arrays = (positions, listed.centres, listed.first, listed.neighbours)
        self._positions, self._centres, self._first, self._neighbours = (torch.as_tensor(a, device=device) for a in arrays)
        self._along_x = torch.zeros_like(self._positions)
        self._along_x[0, 0] = 1.0
        self._waves = [self._waves_of(cells, lattice_constant, device) for cells in CELLS]

    def _waves_of(self, n_cells: int, lattice_constant: float, device: str) -> tuple[Tensor, Tensor, Tensor]:
        """cos(qR) of each wave and site, the waves' weights (sum 1), and the matrices of their energies (mean 1)."""
        vectors, weights = _irreducible_waves(n_cells)
        q = vectors * 2.0 * np.pi / (n_cells * lattice_constant)
        bonds = self._sites[1:13] / np.linalg.norm(self._sites[1], axis=-1)
        springs = np.einsum("qn,na,nb->qab", 1.0 - np.cos(q @ self._sites[1:13].T), bonds, bonds)
        springs /= np.einsum("q,qaa->", weights, springs) / 3.0
        cosines, weight, energy = (torch.as_tensor(a, device=device) for a in (np.cos(q @ self._sites.T), weights, springs))
        return cosines, weight, energy

    def response(self, network: HealingNetwork) -> Tensor:
        """K(R), (n, 3, 3): minus the derivative of the displacement before all layers at R by the position of the atom at 0."""
        with forward_ad.dual_level():
            moving = forward_ad.make_dual(self._positions, self._along_x)
            edges = pad_edges(moving, self._centres, self._first, self._neighbours, network.cutoff)
            species = torch.zeros(len(moving), dtype=torch.int64, device=moving.device)
            pair_forces, mobilities = network.pair_forces(edges, network.edge_basis(edges), self._centres, species)
            # Only edges of these centres can change, but their far ends are up to two cutoffs away.
            changes = forward_ad.unpack_dual(pair_forces).tangent.double()
            mobility = forward_ad.unpack_dual(mobilities).primal[0, 0, 0]  # the same for all, and in all directions
        derivative = torch.zeros_like(self._positions).index_add(0, self._centres, changes.sum(1))
        derivative = mobility * derivative.index_add(0, edges.neighbours.reshape(-1), -changes.reshape(-1, 3))
        # By inversion K(R) = K(-R) in a centrosymmetric crystal; by reflection y and z respond as x does.
        along_x = -0.5 * (derivative + derivative[self._opposite])
        return torch.stack([along_x[rows][:, axes] for rows, axes in self._swapped], -1)

    def messages(self, network: HealingNetwork) -> list[Tensor]:
        """What each layer adds to a displacement from one at R, (n - 1, 3, 3), for all R within one cutoff but 0."""
        distances = torch.linalg.vector_norm(self._vectors, dim=1)
        units = self._vectors / distances.unsqueeze(1)
        functions = network.message_functions(distances.float()).double()[:, :, None, None]
        along = units[:, :, None] * units[:, None, :]
        unity = torch.eye(3, dtype=along.dtype, device=along.device)
        return [functions[:, 2 * k] * unity + functions[:, 2 * k + 1] * along for k in range(network.n_layers)]

    def remaining(self, network: HealingNetwork, n_steps: int) -> list[tuple[Tensor, Tensor]]:
        """For each of CELLS: RMS and energy after each step, (n_steps,) each, relative to the noise put on.

        The energy is that of springs between nearest neighbours. For the message-passing layers to learn from: no
        gradient goes to the pair forces before them. Forces that heal all waves alike know no elastic anisotropy, and a
        strained crystal that EAM has relaxed (a slab, the surroundings of vacancies) would not rest under them.
        """
        with torch.no_grad():
            response = self.response(network)
        layers = self.messages(network)
        result = []
        for cosines, weights, springs in self._waves:
            matrices = torch.einsum("qr,rab->qab", cosines, response)
            for layer in layers:
                matrices = matrices + torch.einsum("qr,rab->qab", cosines[:, 1 : len(layer) + 1], layer) @ matrices
            left = torch.eye(3, dtype=matrices.dtype, device=matrices.device).expand_as(matrices)
            rms, energy = [], []
            for _ in range(n_steps):
                left = left - matrices @ left
                rms.append((weights @ (left**2).sum((1, 2)) / 3.0).sqrt())
                energy.append(weights @ torch.einsum("qai,qab,qbi->q", left, springs, left) / 3.0)
            result.append((torch.stack(rms), torch.stack(energy)))
        return result


def strained_waves(lattice_constant: float, cutoff: float, device: str = "cpu") -> list[LatticeWaves]:
    """The waves of crystals strained by WAVE_STRAINS. Lengths: Å."""
    return [LatticeWaves((1.0 + strain) * lattice_constant, cutoff, device) for strain in WAVE_STRAINS]


def _ball_of_sites(lattice_constant: float, radius: float) -> tuple[Float64Array, Int64Array]:
    """Fcc sites within `radius`, nearest first: positions (n, 3) Å, and the same in half lattice constants."""
    reach = range(-int(2.0 * radius / lattice_constant) - 1, int(2.0 * radius / lattice_constant) + 2)
    points = np.array([p for p in itertools.product(reach, repeat=3) if sum(p) % 2 == 0])
    squared = (points**2).sum(1)
    points = points[np.argsort(squared, kind="stable")]
    positions: Float64Array = 0.5 * lattice_constant * points
    inside = np.linalg.norm(positions, axis=1) <= radius + LIST_MARGIN
    return positions[inside], points[inside]


def _irreducible_waves(n_cells: int) -> tuple[Int64Array, Float64Array]:
    """Wave vectors (n, 3), in 2 pi / (n_cells a), that the cubic group does not take to one another, and weights.

    The crystal has 4 n_cells^3 waves; the uniform one, a mere shift, is left out.
    """
    period = 2 * n_cells
    all_waves = np.array(list(itertools.product(range(period), range(period), range(n_cells))))[1:]
    folded = np.where(all_waves > n_cells, all_waves - period, all_waves)
    # The reciprocal lattice is body-centred: a wave has an equal half a period along the diagonal.
    shifted = folded - n_cells * np.where(folded >= 0, 1, -1)
    nearer = ((folded**2).sum(1) <= (shifted**2).sum(1))[:, None]
    representatives = np.sort(np.abs(np.where(nearer, folded, shifted)), axis=1)
    vectors, counts = np.unique(representatives, axis=0, return_counts=True)
    return vectors, counts / counts.sum()
