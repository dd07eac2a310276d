"""One healing step, over a backend that computes and a communicator between atoms and their ghosts.

pair forces on all atoms          backend
ghosts' forces to their owners    reverse communication
v = mobility times force
each message-passing layer:       owners' v to their ghosts (forward communication), then v <- v + messages (backend)
cap                               no atom moves farther than the longest displacement
soft floor                        no pair is brought too near; see soft_floor.py
"""

from typing import Protocol

import numpy as np

from lammps_heal.errors import HealError
from lammps_heal.step.neighbours import Float64Array, Int32Array, Neighbourhoods


class Backend(Protocol):
    """The arithmetic of a step, by the kernel or by TorchScript; on positions and neighbourhoods of all local atoms."""

    @property
    def n_layers(self) -> int:
        """Message-passing layers."""

    @property
    def nearest(self) -> float:
        """Å: at the last `pair_forces` no two neighbours were nearer to each other; 0 where that is not known."""

    def pair_forces(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, species: Int32Array | None = None
    ) -> tuple[Float64Array, Float64Array]:
        """Forces on all atoms, (nlocal + nghost, 3) Å, those on ghosts apart, and mobilities, (nlocal, 3, 3).

        species: (nlocal + nghost,); None is for a model of one. Raises HealError where two atoms overlap, or the model needs
        species and they are not given, or are others than it has.
        """

    def message_layer(
        self, positions: Float64Array, neighbourhoods: Neighbourhoods, v_in: Float64Array, layer: int
    ) -> Float64Array:
        """(nlocal, 3) Å after layer number `layer`, from 0; v_in: of all atoms before it, (nlocal + nghost, 3) Å.

        Positions and neighbourhoods are those of the last `pair_forces`.
        """


class Communicator(Protocol):
    """Between ghosts and their owners, whichever rank has them; collective calls on several ranks."""

    def reverse(self, forces: Float64Array) -> Float64Array:
        """From forces on all atoms, (nlocal + nghost, 3) Å, those on local atoms, (nlocal, 3), with their ghosts' added."""

    def forward(self, vectors: Float64Array) -> Float64Array:
        """From vectors of local atoms, (nlocal, 3) Å, those of all atoms, (nlocal + nghost, 3).

        May put zeros for atoms that do not move.
        """

    def largest(self, values: Float64Array) -> Float64Array:
        """(n,): of each of the n values the largest of all ranks'."""


def displacement(
    backend: Backend,
    positions: Float64Array,
    neighbourhoods: Neighbourhoods,
    communicator: Communicator,
    species: Int32Array | None = None,
) -> Float64Array:
    """Displacement that moves each local atom toward its lattice site: (nlocal, 3) Å, to be added, not yet capped.

    positions: (nlocal + nghost, 3) Å, local atoms first. neighbourhoods: of all local atoms, in order of rows, out to the
    model's cutoff at least. species: (nlocal + nghost,), see `Backend`. Raises HealError where a position or the displacement
    is not finite, or two atoms overlap.
    """
    if not np.isfinite(positions).all():
        raise HealError(f"{int((~np.isfinite(positions)).any(1).sum())} atoms have positions that are not finite")
    forces, mobilities = backend.pair_forces(positions, neighbourhoods, species)
    v: Float64Array = np.einsum("nij,nj->ni", mobilities, communicator.reverse(forces))
    for layer in range(backend.n_layers):
        v = backend.message_layer(positions, neighbourhoods, communicator.forward(v), layer)
    if not np.isfinite(v).all():
        raise HealError("the model's displacement is not finite: its weights are damaged; export it anew")
    return v


def cap(displacements: Float64Array, longest: float) -> tuple[Float64Array, int]:
    """Displacements (n, 3), Å, shortened to `longest` where longer; and how many were."""
    lengths = np.linalg.norm(displacements, axis=1)
    too_long = lengths > longest
    capped = displacements.copy()
    capped[too_long] *= (longest / lengths[too_long])[:, None]
    return capped, int(too_long.sum())
