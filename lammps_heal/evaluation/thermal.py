"""Cases from molecular dynamics: hot crystals and defects beside their quench, and a liquid."""

from ase import Atoms

from lammps_heal.analysis.energies import energy_per_atom
from lammps_heal.analysis.labels import labelled_fraction, labels
from lammps_heal.evaluation.cells import perfect_crystal, scaled_sites
from lammps_heal.evaluation.comparison import different_sites
from lammps_heal.evaluation.defect_cells import defect_cells
from lammps_heal.evaluation.healing import healed_by
from lammps_heal.evaluation.rows import Row, row
from lammps_heal.evaluation.sizes import Size
from lammps_heal.evaluation.starts import Start, crystal_start, heated
from lammps_heal.model.model_file import Model
from lammps_heal.tables import at_least, at_most, below

MELTING_POINT = 1480.0  # K, of Pt_u3.eam, by free energies: Foiles and Adams, Phys. Rev. B 40, 5909 (1989)
TEMPERATURES = (300.0, 600.0, 900.0, 1200.0, 0.95 * MELTING_POINT)  # K
DEFECT_TEMPERATURE = 600.0  # K
LIQUID_TEMPERATURE = 2500.0  # K
STEPS = 20


def thermal(model: Model, size: Size) -> list[Row]:
    """Crystals at a temperature and no pressure, perfect and with 1 % vacancies, beside their quench."""
    rows = []
    for vacant in (0.0, 0.01):
        start = crystal_start(size.medium, vacant)
        for temperature in TEMPERATURES:
            hot, quench = heated(start, temperature, size.ps)
            healed = healed_by(hot, model, STEPS)
            sites = scaled_sites(perfect_crystal(size.medium), quench)
            structure = f"{temperature:.0f} K, {start.key}, {len(hot):,} atoms"
            differ, of_input = different_sites(healed, quench, sites), different_sites(hot, quench, sites)
            figure = f"sites that differ from the quench ({of_input} do in the input)"
            fcc = labelled_fraction(healed) / labelled_fraction(quench)
            rows += [
                row("thermal", structure, figure, at_most(0), differ, 0, STEPS),
                row("thermal", structure, "fcc atoms, part of the quench's", at_least(1.0), fcc, 1.0, STEPS),
                _excess("thermal", structure, healed, quench, 0.2),
            ]
    return rows


def defects(model: Model, size: Size) -> list[Row]:
    """Surfaces, boundaries, faults, dislocations, void and dumbbell at 600 K, beside their quench."""
    rows = []
    for name, cell in defect_cells(size.quick).items():
        hot, quench = heated(Start(name, quick=size.quick), DEFECT_TEMPERATURE, size.ps, cell.free)
        healed = healed_by(hot, model, STEPS)
        # Without a lattice, the quenched atoms are the sites: each must hold one again.
        sites = quench if cell.sites is None else scaled_sites(cell.sites, quench)
        structure = f"{name}, {DEFECT_TEMPERATURE:.0f} K, {len(hot):,} atoms"
        agreeing, of_input = (float((labels(a) == labels(quench)).mean()) for a in (healed, hot))
        figure = f"labels as quenched ({of_input:.3f} are in the input)"
        differ = different_sites(healed, quench, sites)
        rows += [
            row("defects", structure, figure, at_least(0.99), agreeing, 1.0, STEPS),
            row("defects", structure, "sites that differ from the quench", at_most(0), differ, 0, STEPS),
            _excess("defects", structure, healed, quench, 0.5),
        ]
    return rows


def _excess(case: str, structure: str, healed: Atoms, quench: Atoms, most: float) -> Row:
    """Of the healed crystal's energy over the quench's. most: meV/atom, the goal."""
    excess = energy_per_atom(healed) - energy_per_atom(quench)
    return row(case, structure, "excess over the quench, meV/atom", at_most(most), excess, 0.0, STEPS)


def liquid(model: Model, size: Size) -> list[Row]:
    """A melt must not crystallise."""
    melt, quench = heated(crystal_start(size.medium, 0.0), LIQUID_TEMPERATURE, max(size.ps, 2.0))
    healed = healed_by(melt, model, STEPS)
    structure = f"{LIQUID_TEMPERATURE:.0f} K, {len(melt):,} atoms"
    return [row("liquid", structure, "fcc fraction", below(0.02), labelled_fraction(healed), labelled_fraction(quench), STEPS)]
