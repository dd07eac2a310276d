"""Vacancies, interstitials and antisites by Wigner-Seitz cells: a healed crystal on the sites of a reference crystal.

The reference follows the crystal: its sites move with the box, whatever its strain or rotation, and with the mean drift of
the atoms. fix heal does the same, with the same numbers (hosts/plugin/reference_sites.h).
"""

import warnings
from dataclasses import dataclass, field

import numpy as np
from ase.geometry import complete_cell
from numpy.typing import NDArray

from lammps_heal.analysis.nearest_sites import nearest_sites
from lammps_heal.step.neighbours import Float64Array, Int64Array, periodic_ghosts

# In nearest-neighbour distances. REACH: an atom farther from all sites is on none. AT_REST: mean drift that leaves all atoms
# on their sites. ASTRAY: RMS distance of a crystal's atoms from sites that are not its own.
REACH, AT_REST, ASTRAY = 1.5, 0.02, 0.25
MOST_ALIGNMENTS = 10
FIXED_POINT = 2.0**28  # units in 1 Å: sums of whole numbers are the same in any order


@dataclass(frozen=True)
class SiteCount:
    """A crystal's atoms on the sites of a reference; arrays have a row for each site.

    ids: (n_sites,) of the reference's atoms. positions: (n_sites, 3) Å, where the sites are now. species: (n_sites,)
    numbers. occupation: (n_sites,) atoms on the site. occupant: (n_sites,) species of its atom, where it is one, else 0.
    n_beside: atoms on no site. drift: (3,) Å, of the crystal since the reference. first_alike: of each species, from 0, the
    first one that is the same element, where species are LAMMPS's types; those beyond are elements of their own.
    """

    ids: Int64Array
    positions: Float64Array
    species: Int64Array
    occupation: Int64Array
    occupant: Int64Array
    n_beside: int
    drift: Float64Array
    first_alike: Int64Array = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def vacancies(self) -> int:
        """Empty sites."""
        return int((self.occupation == 0).sum())

    @property
    def interstitials(self) -> int:
        """Atoms beyond the first on a site, and those on none."""
        return int((self.occupation - 1).clip(min=0).sum()) + self.n_beside

    @property
    def frenkel_pairs(self) -> int:
        """Pairs of a vacancy and an interstitial."""
        return min(self.vacancies, self.interstitials)

    @property
    def is_antisite(self) -> NDArray[np.bool_]:
        """(n_sites,) sites of one atom that is of another element than the reference's."""
        antisite: NDArray[np.bool_] = (self.occupation == 1) & (self._element(self.occupant) != self._element(self.species))
        return antisite

    def _element(self, species: Int64Array) -> Int64Array:
        element, known = species.copy(), species < len(self.first_alike)
        element[known] = self.first_alike[species[known]]
        return element

    @property
    def is_defect(self) -> NDArray[np.bool_]:
        """(n_sites,) sites that do not hold one atom of their element."""
        defect: NDArray[np.bool_] = (self.occupation != 1) | self.is_antisite
        return defect

    def table(self) -> dict[str, float]:
        """The counts by name."""
        return {
            "empty_sites": self.vacancies,
            "interstitials_on_sites": self.interstitials,
            "frenkel_pairs": self.frenkel_pairs,
            "antisites": int(self.is_antisite.sum()),
        }


class ReferenceSites:
    """The sites of a reference crystal, at rest, and how far the crystal has drifted since.

    positions: (n_sites, 3) Å. cell: (3, 3) Å, rows are vectors. species: (n_sites,) numbers. ids: (n_sites,), by default
    from 1. origin: (3,) Å, corner of the cell.
    """

    def __init__(
        self,
        positions: Float64Array,
        cell: Float64Array,
        species: Int64Array,
        ids: Int64Array | None = None,
        origin: Float64Array | None = None,
    ) -> None:
        self.cell, self.origin = np.asarray(complete_cell(cell), np.float64), np.zeros(3) if origin is None else origin
        self.fractional = (positions - self.origin) @ np.linalg.inv(self.cell)
        self.species = np.asarray(species, np.int64)
        self.ids = np.arange(1, len(positions) + 1) if ids is None else ids
        self.drift: Float64Array = np.zeros(3)

    def count(
        self,
        positions: Float64Array,
        species: Int64Array,
        cell: Float64Array,
        pbc: NDArray[np.bool_],
        is_regular: NDArray[np.bool_],
        nearest: float,
        origin: Float64Array | None = None,
    ) -> SiteCount:
        """Of healed atoms at (n, 3) Å in a cell; the drift is taken from those that are regular, and kept for the next count.

        species: (n,) numbers. is_regular: (n,). nearest: nearest-neighbour distance, Å. Warns where the reference does not fit.
        """
        pbc = np.asarray(pbc, bool)
        cell = np.where(pbc[:, None], complete_cell(cell), self.cell)
        corner = np.where(pbc, np.zeros(3) if origin is None else origin, self.origin)
        occupants = _Occupants(self.fractional @ cell + corner, positions, cell, pbc, is_regular, nearest)
        self.drift, found = _aligned(occupants, self.drift, nearest)
        if found.astray(nearest):
            warnings.warn(
                f"atoms are {found.distance:.2f} Å (RMS) from the reference's nearest sites, needed {ASTRAY * nearest:.2f} Å "
                "or less: is it of this crystal, at rest, in a box of the same cells?",
                stacklevel=2,
            )
        on = found.site >= 0
        occupation = np.bincount(found.site[on], minlength=len(self.ids))
        sum_of_species = np.bincount(found.site[on], np.asarray(species)[on], len(self.ids)).astype(np.int64)
        occupant = np.where(occupation == 1, sum_of_species, 0)
        now = occupants.sites + self.drift
        return SiteCount(self.ids, now, self.species, occupation, occupant, int((~on).sum()), self.drift.copy())


@dataclass(frozen=True)
class _Occupation:
    """site: (n,) row of each atom's site, or -1. mean: (3,) Å, of the regular atoms' vectors from their sites. distance: Å,
    their RMS length. first: (3,) Å, the first one's."""

    site: Int64Array
    mean: Float64Array
    distance: float
    first: Float64Array

    def astray(self, nearest: float) -> bool:
        return self.distance > ASTRAY * nearest


@dataclass(frozen=True)
class _Occupants:
    """sites: (n_sites, 3) Å, before drift. positions: (n, 3) Å."""

    sites: Float64Array
    positions: Float64Array
    cell: Float64Array
    pbc: NDArray[np.bool_]
    is_regular: NDArray[np.bool_]
    nearest: float

    def on(self, drift: Float64Array) -> _Occupation:
        """Which sites the atoms are on, all sites moved by a drift, Å."""
        reach = REACH * self.nearest
        ghosts = periodic_ghosts(self.sites, self.cell, self.pbc, reach)
        points = self.positions - drift
        points = points + periodic_ghosts(points, self.cell, self.pbc, 0.0).wrap
        images = ghosts.positions(self.sites)
        row = nearest_sites(points, images, reach)
        site = np.where(row < 0, -1, ghosts.owners()[row])
        vectors = (points - images[row])[self.is_regular & (row >= 0)]
        if not len(vectors):
            return _Occupation(site, np.zeros(3), 0.0, np.zeros(3))
        mean = np.rint(FIXED_POINT * vectors).sum(0) / FIXED_POINT / len(vectors)
        return _Occupation(site, mean, float(np.sqrt((vectors**2).sum(1).mean())), vectors[0])


def _aligned(occupants: _Occupants, drift: Float64Array, nearest: float) -> tuple[Float64Array, _Occupation]:
    """The drift with which regular atoms lie on their sites, and where all atoms are; from the last drift on.

    Half-way between two sites atoms say nothing; then one of them is put on its site.
    """
    drift, found = _moved_by_mean(occupants, drift, nearest)
    if not found.astray(nearest):
        return drift, found
    other, of_other = _moved_by_mean(occupants, drift + found.first, nearest)
    return (other, of_other) if of_other.distance < found.distance else (drift, found)


def _moved_by_mean(occupants: _Occupants, drift: Float64Array, nearest: float) -> tuple[Float64Array, _Occupation]:
    found = occupants.on(drift)
    for _ in range(MOST_ALIGNMENTS):
        moved = float(np.linalg.norm(found.mean))
        drift = drift + found.mean
        if moved <= AT_REST * nearest:
            break
        found = occupants.on(drift)
    return drift, found
