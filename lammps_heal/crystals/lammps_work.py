"""What LAMMPS does for structures of any crystal: energies, relaxation, heating, with any pair style that it has.

It runs in this process, an instance for each job; making one costs some 15 ms.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

from lammps_heal.errors import HealError
from lammps_heal.hosts.potential import Potential
from lammps_heal.hosts.runs import library
from lammps_heal.step.neighbours import Float64Array

MINIMISE = "minimize 0.0 1.0e-8 {iterations} 100000"  # eV/Å
MOST_ITERATIONS = 10_000
BOX_ROUNDS = 10  # fix box/relax keeps the strain of the start as reference: several short rounds reach zero pressure
RESIDUAL_PRESSURE = 1.0  # bar
TIMED = 5  # force calls
SAMPLE = 10  # timesteps between positions that are averaged
TIMESTEP = 0.002  # ps, of HEAVY atoms and heavier ones; of lighter ones shorter as the root of the mass
HEAVY = 100.0  # g/mol
WARM_PS = 0.5  # before a recoil
RECOIL_DIRECTION = (1.0, 3.0, 5.0)  # far from any row of atoms
ENERGY_OF_SPEED = 1.0364269e-4  # eV in one g/mol Å²/ps²
DAMPING = {"temp": 0.1, "pressure": 1.0}  # ps
PRESSURES = {
    None: "",
    "iso": " iso 0.0 0.0 {0}",
    "aniso": " aniso 0.0 0.0 {0}",
    "xy": " x 0.0 0.0 {0} y 0.0 0.0 {0}",
}


@dataclass(frozen=True)
class HotFrame:
    """atoms: as they are. average: at their mean positions of the time before. step_seconds: processor time of a timestep."""

    atoms: Atoms
    average: Atoms
    step_seconds: float


@dataclass(frozen=True)
class LammpsWork:
    """Jobs of LAMMPS with one potential. elements: of its atom types, in their order."""

    potential: Potential
    elements: tuple[str, ...]

    def energy(self, atoms: Atoms) -> float:
        """Potential energy, eV/atom."""
        with self._instance(atoms) as lmp:
            lmp.command("run 0 post no")
            return float(lmp.get_thermo("pe")) / len(atoms)

    def force_seconds(self, atoms: Atoms) -> float:
        """Processor time of a force call, s/atom."""
        with self._instance(atoms) as lmp:
            lmp.command("run 1 post no")
            began = time.process_time()
            lmp.command(f"run {TIMED} post no")
            return (time.process_time() - began) / TIMED / len(atoms)

    def relaxed(self, atoms: Atoms, box: str | None = None, iterations: int = MOST_ITERATIONS) -> tuple[Atoms, float]:
        """Atoms at rest, by conjugate gradients of so many iterations at most, and their energy, eV/atom.

        box: what of it relaxes to no pressure, as fix box/relax has it: iso, aniso, tri, x, y or z; None: nothing.
        """
        with self._instance(atoms) as lmp:
            if box is not None:
                _relax_box(lmp, box)
            lmp.command(MINIMISE.format(iterations=iterations))
            return _atoms(lmp, atoms), float(lmp.get_thermo("pe")) / len(atoms)

    def heated(self, atoms: Atoms, temperature: float, ps: float, seed: int, free: str | None = None) -> Atoms:
        """A snapshot after so many ps at a temperature, K, from atoms at rest; the crystal does not drift.

        free: lengths of the box that a barostat changes: iso, aniso or xy; None: none.
        """
        with self._instance(atoms) as lmp:
            self._heat(lmp, temperature, seed, free)
            lmp.command(f"run {round(ps / self.timestep)} post no")
            return _atoms(lmp, atoms)

    def frames(self, atoms: Atoms, temperature: float, n_frames: int, ps: float, seed: int) -> Iterator[HotFrame]:
        """Frames after and then every so many ps at a temperature, K, and no pressure, from atoms at rest."""
        n_steps = max(round(ps / self.timestep / SAMPLE), 1) * SAMPLE
        with self._instance(atoms) as lmp:
            self._heat(lmp, temperature, seed, "iso")
            lmp.commands_list(
                [
                    f"run {2 * n_steps} post no",
                    "reset_timestep 0",
                    "compute places all property/atom xu yu zu",
                    f"fix mean all ave/atom {SAMPLE} {n_steps // SAMPLE} {n_steps} c_places[*]",
                ]
            )
            for _ in range(n_frames):
                began = time.process_time()
                lmp.command(f"run {n_steps} post no")
                seconds = (time.process_time() - began) / n_steps
                now = _atoms(lmp, atoms)
                average = now.copy()
                average.positions = np.array(lmp.gather("f_mean", 1, 3)).reshape(-1, 3) - np.array(lmp.extract_box()[0])
                yield HotFrame(now, average, seconds)

    def heated_with_mean(self, atoms: Atoms, temperature: float, ps: float, mean_ps: float, seed: int) -> tuple[Atoms, Atoms]:
        """A snapshot after so many ps at a temperature, K, and no pressure; and the mean places over mean_ps around it."""
        half = max(round(0.5 * mean_ps / self.timestep), 1)
        with self._instance(atoms) as lmp:
            self._heat(lmp, temperature, seed, "iso")
            lmp.commands_list(
                [
                    f"run {round(ps / self.timestep)} post no",
                    "unfix hot",
                    f"fix hot all nvt temp {temperature} {temperature} {DAMPING['temp']}",
                    "reset_timestep 0",
                    "compute places all property/atom xu yu zu",
                    f"fix mean all ave/atom 1 {2 * half} {2 * half} c_places[*]",
                    f"run {half} post no",
                ]
            )
            snapshot = _atoms(lmp, atoms)
            lmp.command(f"run {half} post no")
            mean = snapshot.copy()
            mean.positions = np.array(lmp.gather("f_mean", 1, 3)).reshape(-1, 3) - np.array(lmp.extract_box()[0])
            return snapshot, mean

    def after_recoil(self, atoms: Atoms, temperature: float, recoil: float, ps: float, seed: int) -> Atoms:
        """A crystal so many ps after an atom in its middle got a recoil energy, eV, in a crystal at a temperature, K.

        As inputs/in.cascade does it; electronic stopping is left out.
        """
        middle = int(np.argmin(np.linalg.norm(atoms.positions - 0.5 * atoms.cell[:].sum(0), axis=1)))
        mass = float(atomic_masses[atoms.numbers[middle]])
        speed = (2.0 * recoil / mass / ENERGY_OF_SPEED) ** 0.5
        velocity = speed * np.array(RECOIL_DIRECTION) / np.linalg.norm(RECOIL_DIRECTION)
        with self._instance(atoms) as lmp:
            self._heat(lmp, temperature, seed, None)
            lmp.commands_list(
                [
                    f"run {round(WARM_PS / self.timestep)} post no",
                    "unfix hot",
                    "unfix steady",
                    f"group recoil id {middle + 1}",
                    "velocity recoil set " + " ".join(repr(float(part)) for part in velocity) + " units box",
                    "velocity all zero linear",
                    "fix motion all nve",
                    f"fix shorter all dt/reset 1 1.0e-6 {self.timestep} 0.04 units box",  # Å, the farthest in a step
                    "variable elapsed equal time",
                    "thermo_style custom step time dt temp",
                    "run 0 post no",
                ]
            )
            last = float(lmp.extract_variable("elapsed")) + ps
            lmp.commands_list([f"fix end all halt 10 v_elapsed >= {last} error continue", "run 100000 post no"])
            return _atoms(lmp, atoms)

    def mean_volume(self, atoms: Atoms, temperature: float, ps: float, seed: int) -> float:
        """Volume at no pressure and a temperature, K: Å³, averaged over the second half of so many ps."""
        half = max(round(0.5 * ps / self.timestep), 2)
        with self._instance(atoms) as lmp:
            self._heat(lmp, temperature, seed, "iso")
            lmp.commands_list(
                [
                    f"run {half} post no",
                    "variable volume equal vol",
                    f"fix mean all ave/time 1 {half} {half} v_volume",
                    f"run {half} post no",
                ]
            )
            return float(lmp.extract_fix("mean", 0, 0))

    @property
    def timestep(self) -> float:
        """ps, by the lightest element."""
        lightest = min(float(atomic_masses[atomic_numbers[e]]) for e in self.elements)
        return TIMESTEP * float(min(1.0, lightest / HEAVY) ** 0.5)

    def _heat(self, lmp: Any, temperature: float, seed: int, free: str | None) -> None:
        ensemble = "nvt" if free is None else "npt"
        pressure = PRESSURES[free].format(DAMPING["pressure"])
        lmp.commands_list(
            [
                f"timestep {self.timestep}",
                # Half of the kinetic energy of atoms at rest becomes potential energy.
                f"velocity all create {2.0 * temperature} {seed} mom yes rot no dist gaussian",
                f"fix hot all {ensemble} temp {temperature} {temperature} {DAMPING['temp']}{pressure}",
                "fix steady all momentum 10 linear 1 1 1",
            ]
        )

    @contextmanager
    def _instance(self, atoms: Atoms) -> Iterator[Any]:
        """A LAMMPS that holds the atoms, the potential set. What goes wrong in it becomes a HealError."""
        with library() as lmp:
            lmp.commands_list(["units metal", f"atom_style {self.potential.atom_style}", "atom_modify map array sort 0 0"])
            self._create(lmp, atoms)
            # The faster styles of the OPT package, where there are some.
            lmp.commands_list(["neigh_modify every 1 delay 0 check yes", "suffix opt", *self.potential.commands()])
            lmp.command("thermo_modify lost error")
            yield lmp

    def _create(self, lmp: Any, atoms: Atoms) -> None:
        """Box, masses and atoms, ids in the order of rows."""
        cell = atoms.cell[:]
        if not np.allclose(np.triu(cell, 1), 0.0, atol=1e-9) or not atoms.pbc.all():
            raise HealError("LAMMPS takes periodic crystals in a lower triangular cell: turn them with in_lammps_orientation")
        (xx, _, _), (xy, yy, _), (xz, yz, zz) = cell.tolist()
        shape = "block" if max(abs(xy), abs(xz), abs(yz)) < 1e-9 else "prism"
        tilts = "" if shape == "block" else f" {xy!r} {xz!r} {yz!r}"
        sides = " ".join(f"0.0 {side!r}" for side in (xx, yy, zz))
        lmp.commands_list([f"region box {shape} {sides}{tilts}", f"create_box {len(self.elements)} box"])
        for kind, element in enumerate(self.elements, 1):
            lmp.command(f"mass {kind} {atomic_masses[atomic_numbers[element]]}")
        kinds = [self.elements.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
        n = len(atoms)
        if lmp.create_atoms(n, list(range(1, n + 1)), kinds, list(atoms.positions.ravel())) != n:
            raise HealError(f"LAMMPS did not take all of the {n} atoms: a position is not finite or far outside of the cell")


def _relax_box(lmp: Any, box: str) -> None:
    components = {"x": ["pxx"], "y": ["pyy"], "z": ["pzz"]}.get(box, ["pxx", "pyy", "pzz"])
    for _ in range(BOX_ROUNDS):
        lmp.commands_list([f"fix box all box/relax {box} 0.0 vmax 0.005", "minimize 0.0 1.0e-8 1000 10000", "unfix box"])
        pressures = np.array([lmp.get_thermo(name) for name in components])
        residual = pressures.mean() if box == "iso" else np.abs(pressures).max()
        if abs(residual) < RESIDUAL_PRESSURE:
            return


def _atoms(lmp: Any, start: Atoms) -> Atoms:
    """The atoms of the instance as a copy of the start, in its box; those that crossed a face are not wrapped."""
    (x0, y0, z0), (x1, y1, z1), xy, yz, xz, _, _ = lmp.extract_box()
    origin = np.array([x0, y0, z0])
    cell = np.array([[x1 - x0, 0.0, 0.0], [xy, y1 - y0, 0.0], [xz, yz, z1 - z0]])
    positions: Float64Array = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3) - origin
    moved = positions @ np.linalg.inv(cell) - start.get_scaled_positions(wrap=False)
    result: Atoms = start.copy()
    result.set_cell(cell)
    result.positions = (start.get_scaled_positions(wrap=False) + moved - np.round(moved)) @ cell
    return result
