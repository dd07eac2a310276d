"""What a healed copy of a crystal shows: labels, coordination, and how far each of them is to be trusted.

The copy is healed by a few steps; the crystal itself is not touched. Counts of vacancies and interstitials come from
coordination alone and need no reference lattice; they hold in the bulk of a crystal, and fail at surfaces and grain
boundaries, whose atoms lack neighbours too. With a reference, `sites` counts them on its sites, which holds there too. In a
mixture of phases each atom is judged by its own structure (see joint_structure); boundaries between them are such ones.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lammps_heal.analysis.local_structure import OTHER, Shells
from lammps_heal.analysis.reference_sites import ReferenceSites, SiteCount
from lammps_heal.step.neighbours import Float64Array, Int64Array

NAMES_OF_LABELS = {1: "fcc", 2: "hcp", 3: "bcc", 4: "icosahedral", 5: "other", 6: "diamond", 7: "hexagonal diamond"}
RESIDUAL_THRESHOLD = 0.018  # nearest-neighbour distances; 0.05 Å in platinum: above, an atom is not at rest on a site


@dataclass(frozen=True)
class Observation:
    """A healed copy and its local structure; arrays have a row for each atom.

    positions: (n, 3) Å, healed, not wrapped. displacement: (n, 3) Å, healed minus observed. coordination: (n,) bonded
    atoms. labels: (n,) numbers of LAMMPS's compute cna/atom (see local_structure). residual: (n,) Å, length of the last
    step, averaged over the atom and those bonded to it. shells: of the model's structures; own: (n,) which of them each atom
    is judged by. nearest: of the crystal, Å. sites: defects on the sites of a reference crystal, where there is one.
    """

    positions: Float64Array
    displacement: Float64Array
    coordination: NDArray[np.int32]
    labels: NDArray[np.int32]
    residual: Float64Array
    shells: tuple[Shells, ...]
    own: Int64Array
    nearest: float
    sites: SiteCount | None = None

    @property
    def rms_displacement(self) -> float:
        """Å, over all atoms."""
        return float(np.sqrt((self.displacement**2).sum(1).mean())) if len(self.displacement) else 0.0

    @cached_property
    def count_of_label(self) -> dict[int, int]:
        """Atoms of each label that occurs."""
        found, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(found.tolist(), counts.tolist(), strict=True))

    @property
    def is_regular(self) -> NDArray[np.bool_]:
        """(n,) whether an atom has the perfect crystal's coordination and a crystal's label."""
        regular: NDArray[np.bool_] = (self._bonds_beyond == 0) & (self.labels != OTHER)
        return regular

    @property
    def _bonds_beyond(self) -> NDArray[np.int32]:
        """(n,) bonds beyond the perfect crystal's, or fewer."""
        perfect = np.array([shells.coordination for shells in self.shells], np.int32)
        beyond: NDArray[np.int32] = self.coordination - perfect[self.own]
        return beyond

    @property
    def is_doubtful(self) -> NDArray[np.bool_]:
        """(n,) atoms whose label is not to be trusted: their surroundings still move by more than a threshold."""
        doubtful: NDArray[np.bool_] = self.residual > RESIDUAL_THRESHOLD * self.nearest
        return doubtful

    @property
    def interstitials(self) -> float:
        """Estimate: bonds beyond the perfect crystal's, in those that one interstitial of the usual kind has."""
        return sum(interstitials for _, interstitials in self._estimates)

    @property
    def vacancies(self) -> float:
        """Estimate: bonds that are missing, but for those that interstitials cost, in those that one vacancy takes."""
        return sum(vacancies for vacancies, _ in self._estimates)

    @property
    def _estimates(self) -> list[tuple[float, float]]:
        """Vacancies and interstitials among the atoms of each of the shells."""
        found = []
        for number, shells in enumerate(self.shells):
            beyond = self._bonds_beyond[self.own == number]
            interstitials = float(np.clip(beyond, 0, None).sum()) / shells.gained
            missing = float(np.clip(-beyond, 0, None).sum())
            found.append((max(0.0, missing - shells.lost * interstitials) / shells.coordination, interstitials))
        return found

    def on_sites(
        self,
        sites: ReferenceSites,
        species: Int64Array,
        cell: Float64Array,
        pbc: NDArray[np.bool_],
        origin: Float64Array | None = None,
    ) -> "Observation":
        """The same, with the atoms on the sites of a reference crystal. species: (n,) numbers, as the reference has them.

        cell: (3, 3) Å, rows are vectors, which the sites follow; origin: (3,) Å, its corner in the axes of the reference, if
        positions are from it.
        """
        positions = self.positions if origin is None else self.positions + origin
        counted = sites.count(positions, species, cell, pbc, self.is_regular, self.nearest, origin)
        return replace(self, sites=counted)

    def table(self) -> dict[str, float]:
        """The counts of a frame by name."""
        return {
            "atoms": len(self.labels),
            **{name: self.count_of_label.get(label, 0) for label, name in NAMES_OF_LABELS.items()},
            "irregular": int((~self.is_regular).sum()),
            "vacancies": round(self.vacancies, 3),
            "interstitials": round(self.interstitials, 3),
            "doubtful": int(self.is_doubtful.sum()),
            "rms_displacement": self.rms_displacement,
            **(self.sites.table() if self.sites else {}),
        }
