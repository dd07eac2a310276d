"""A healing run step by step: energy, moves and defects of each frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from lammps_heal.analysis.sites import DefectCount, count_defects
from lammps_heal.tables import aligned

MEV = 1000.0  # in one eV


@dataclass(frozen=True)
class HealedStep:
    """rms, largest: move of the step, Å. excess_meV: meV/atom above the relaxed crystal with the same vacancies.
    crystalline: part of the atoms that has the crystal's neighbours."""

    step: int
    excess_meV: float
    rms: float
    largest: float
    crystalline: float
    defects: DefectCount


def healed_steps(
    thermo: Mapping[str, Sequence[float]], frames: Sequence[Atoms], sites: Atoms, relaxed_energy: float
) -> list[HealedStep]:
    """thermo: columns that inputs/in.heal prints, a row for each frame. relaxed_energy: meV/atom."""
    neighbourhood = f"c_{structure_of(thermo)}"
    result = []
    for number, frame in enumerate(frames):
        moved = frame.positions - frames[max(number - 1, 0)].positions
        # A dump has wrapped positions: an atom that crossed a face has not moved by the length of the box.
        fraction = moved @ np.linalg.inv(frame.cell[:])
        moved = (fraction - np.round(fraction)) @ frame.cell[:]
        result.append(
            HealedStep(
                step=int(thermo["Step"][number]),
                excess_meV=thermo["v_energy"][number] * MEV - relaxed_energy,
                rms=float(np.sqrt((moved**2).sum(1).mean())),
                largest=float(np.sqrt((moved**2).sum(1).max())),
                crystalline=thermo[neighbourhood][number],
                defects=count_defects(frame.positions, sites),
            )
        )
    return result


def structure_of(thermo: Mapping[str, Sequence[float]]) -> str:
    """That inputs/in.heal compares the neighbours with: fcc and so on."""
    [neighbourhood] = (name for name in thermo if name.startswith("c_"))
    return neighbourhood.removeprefix("c_")


def table(steps: Sequence[HealedStep], structure: str) -> str:
    """A line for each step."""
    titles = ["step", "excess, meV/atom", "RMS move, Å", "largest, Å", f"{structure} atoms", "vacancies", "interstitials"]
    lines = [
        [
            *(str(s.step), f"{s.excess_meV:.3f}", f"{s.rms:.5f}", f"{s.largest:.5f}", f"{s.crystalline:.2%}"),
            *(str(s.defects.vacancies), str(s.defects.interstitials)),
        ]
        for s in steps
    ]
    return aligned(titles, lines, right=titles)
