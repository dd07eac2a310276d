"""Structures of a crystal for a network to learn from: relaxed with the user's potential, and hot ones with their quench.

Written as extended XYZ, a frame each. The header says what a frame is:

    structure, nn, lattice_constant   of the relaxed crystal, Å
    sites, vacancies                  of crystals: number of lattice sites; (n, 3) Å, the empty ones
    kind                              of defects and hot frames; crystals, with vacancies or without, have none
    temperature                       K; 0: relaxed. A hot frame follows what it was quenched to
    potential                         of the first frame: the LAMMPS commands of the potential
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from tqdm import tqdm

from lammps_heal.analysis.sites import occupation, vectors_to_sites
from lammps_heal.crystals import drafts
from lammps_heal.crystals.crystal import Crystal
from lammps_heal.crystals.drafts import Draft, Plan, stretched
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.errors import HealError
from lammps_heal.whole_files import WholeFile

SEED = 20_261_123
POTENTIAL = "potential"  # key of the first frame's header
SHAKE = 0.01  # nn, on what is about to relax: saddle points are left
LARGEST_WAY = 0.5  # nn: an atom that goes farther when a hot frame is quenched has left its site
FAR_SHELLS = 1.8  # nn, about: neighbours as far as the gap between shells there tell any stacking from the crystal's
HOT = (0.95, 0.76, 0.57, 0.38, 0.19)  # of the melting point, of crystals; the last three of defects too
COOLEST_THREE = slice(2, None)
MIXED_EDGE = 4.0  # nn, of a piece of an alloy whose energy is that of all


def write_structures(
    path: Path, crystal: Crystal, work: LammpsWork, melting_point: float, plan: Plan, seed: int = SEED
) -> dict[str, int]:
    """Make the structures and write them; returns how many of each kind. melting_point: K."""
    frames = list(structures(crystal, work, melting_point, plan, seed))
    counts: dict[str, int] = {}
    for frame in frames:
        kind = "hot" if frame.info["temperature"] > 0 else str(frame.info.get("kind", "crystal"))
        counts[kind] = counts.get(kind, 0) + 1
    frames[0].info[POTENTIAL] = list(work.potential.commands())
    file = WholeFile(path)
    ase.io.write(file.unfinished, frames, format="extxyz", columns=["symbols", "positions"], write_results=False)
    file.finish()
    return counts


def made_for(path: Path) -> list[str]:
    """The LAMMPS commands of the potential that the structures of a file are relaxed with; none where it does not say."""
    [first] = ase.io.iread(path, index="0", format="extxyz")
    return [str(line) for line in first.info.get(POTENTIAL, [])]


def structures(crystal: Crystal, work: LammpsWork, melting_point: float, plan: Plan, seed: int = SEED) -> Iterator[Atoms]:
    """Frames as the module says, one after the other."""
    rng = np.random.default_rng(seed)
    at_rest = [*drafts.crystals(crystal, plan, rng), *drafts.defects(crystal, plan, rng)]
    for draft in tqdm(at_rest, desc="relaxing structures", mininterval=1.0):
        relaxed = relaxed_draft(draft, crystal, work, rng)
        if relaxed is not None:
            yield relaxed
    expansions = {part * melting_point: expansion(crystal, work, part * melting_point, plan, rng) for part in HOT}
    for number, draft in enumerate(
        tqdm(drafts.hot(crystal, plan, rng), desc="heating structures", total=plan.n_hot, mininterval=1.0)
    ):
        temperatures = list(expansions)[COOLEST_THREE if draft.kind else slice(None)]
        temperature = temperatures[number // 3 % len(temperatures)]
        yield from _hot(draft, crystal, work, temperature, expansions[temperature], plan.ps, rng)


def expansion(crystal: Crystal, work: LammpsWork, temperature: float, plan: Plan, rng: np.random.Generator) -> float:
    """Lengths of the crystal at a temperature, K, and no pressure, divided by those at rest."""
    sites = crystal.block(plan.edge)
    volume = work.mean_volume(sites, temperature, plan.expansion_ps, random_seed(rng))
    return float((volume / len(sites) / crystal.volume_per_atom) ** (1 / 3))


def relaxed_draft(draft: Draft, crystal: Crystal, work: LammpsWork, rng: np.random.Generator) -> Atoms | None:
    """The draft at rest, with its header; None where it has collapsed or healed away.

    The elements of an alloy are drawn for it.
    """
    if crystal.composition:
        shares = crystal.drawn_shares(rng)
        atoms, *others = (crystal.mixed(start, rng, shares) for start in (draft.atoms, *draft.others))
        draft = replace(draft, atoms=atoms, others=tuple(others))
    perfect = work.energy(crystal.block(MIXED_EDGE) if crystal.composition else crystal.cell)
    best: tuple[float, Atoms] | None = None
    for start in (draft.atoms, *draft.others):
        try:
            atoms, energy = work.relaxed(start if draft.is_perfect else _shaken(start, crystal, rng), draft.box)
            if draft.sites is not None and not _has_kept_defects(draft, atoms):
                continue
        except HealError:  # LAMMPS lost atoms that were too near, or they are far from all sites
            continue
        excess = (energy - perfect) * len(atoms)
        if (draft.sites is not None or not is_perfect(atoms, crystal)) and (best is None or excess < best[0]):
            best = excess, atoms
    return None if best is None else _described(best[1], draft, crystal, 0.0)


def is_perfect(atoms: Atoms, crystal: Crystal) -> bool:
    """Whether every atom has as many neighbours, a few shells out, as in the crystal: an extended defect has healed away.

    Its energy does not tell: potentials that reach nearest neighbours alone do not feel a stacking fault.
    """
    farther = [shell.distance > FAR_SHELLS for shell in crystal.shells]
    inner, outer = (crystal.shells[farther.index(True) + step] for step in (-1, 0))
    n_bulk = sum(shell.n_neighbours for shell in crystal.shells[: farther.index(True)])
    reach = 0.5 * (inner.distance + outer.distance) * crystal.nn
    counts = np.bincount(neighbor_list("i", atoms, reach), minlength=len(atoms))
    return bool((counts == n_bulk).all())


def random_seed(rng: np.random.Generator) -> int:
    """Of LAMMPS's velocities."""
    return int(rng.integers(1, 900_000_000))


def _hot(
    draft: Draft, crystal: Crystal, work: LammpsWork, temperature: float, expanded: float, ps: float, rng: np.random.Generator
) -> Iterator[Atoms]:
    """The quench and the hot frame of a draft, in a box of its temperature, K; none where an atom left its site."""
    relaxed = relaxed_draft(draft, crystal, work, rng)
    if relaxed is None:
        return
    wide, _ = work.relaxed(stretched(relaxed, expanded * np.eye(3)))
    hot = work.heated(wide, temperature, ps, random_seed(rng))
    quenched, _ = work.relaxed(hot)
    if np.linalg.norm(vectors_to_sites(hot.positions, quenched), axis=1).max() > LARGEST_WAY * crystal.nn:
        return
    for atoms, kelvin in ((quenched, 0.0), (hot, temperature)):
        yield _described(atoms, replace(draft, kind=draft.kind or "crystal"), crystal, kelvin)


def _has_kept_defects(draft: Draft, atoms: Atoms) -> bool:
    """Whether as many sites are empty, and as many doubly occupied, as before it relaxed."""
    assert draft.sites is not None
    moved = atoms.copy()
    moved.positions -= (atoms.positions - draft.atoms.positions).mean(0)
    before, after = (np.bincount(occupation(a.positions, draft.sites), minlength=4) for a in (draft.atoms, moved))
    return bool((before == after).all())


def _described(atoms: Atoms, draft: Draft, crystal: Crystal, temperature: float) -> Atoms:
    """The frame with its header."""
    frame: Atoms = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True)
    frame.info = {
        "structure": crystal.structure,
        "nn": round(crystal.nn, 6),
        "lattice_constant": round(crystal.lattice_constant, 6),
        "temperature": round(temperature, 1),
    }
    if draft.kind:
        frame.info["kind"] = draft.kind
    elif draft.sites is not None:
        frame.info["sites"] = len(draft.sites)
        empty = draft.sites.positions[occupation(draft.atoms.positions, draft.sites) == 0]
        if len(empty):
            frame.info["vacancies"] = np.round(empty, 4)
    return frame


def _shaken(atoms: Atoms, crystal: Crystal, rng: np.random.Generator) -> Atoms:
    shaken: Atoms = atoms.copy()
    shaken.positions += rng.normal(0.0, SHAKE * crystal.nn, atoms.positions.shape)
    return shaken
