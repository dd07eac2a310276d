"""Healing that is used as an optimiser of ASE: `Healing(atoms, "fcc").run(fmax=0.001, steps=50)`."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from ase import Atoms
from ase.optimize.optimize import Dynamics
from numpy.typing import ArrayLike

from lammps_heal.hosts.atoms_healer import AtomsHealer
from lammps_heal.hosts.model_choice import model_for
from lammps_heal.model.model_file import Model
from lammps_heal.model.names import AUTO
from lammps_heal.step.neighbours import Float64Array

FMAX = 0.001  # Å, as --stop of lammps-heal heal
STEPS = 50


class Healing(Dynamics):
    """Moves `atoms` themselves toward their lattice sites; they need no calculator.

    model, max_displacement, kernel, threads, device, mask: see `ase_atoms.heal`, which does the same to a copy. The cell
    stays what it was. logfile, trajectory and others: as ASE's optimisers have them, `attach` and the use in a `with` too.
    """

    def __init__(
        self,
        atoms: Atoms,
        model: Model | str | Path = AUTO,
        logfile: IO[str] | str | Path | None = "-",
        trajectory: Any = None,
        max_displacement: float | None = None,
        kernel: bool = True,
        threads: int = 1,
        device: str = "cpu",
        mask: ArrayLike | None = None,
        **of_dynamics: Any,
    ) -> None:
        self._healer = AtomsHealer(atoms, model_for(atoms, model, threads), max_displacement, kernel, threads, device, mask)
        self._watch = self._healer.watch()
        super().__init__(atoms, logfile, trajectory, **of_dynamics)  # which asks for todict() in ASE 3.23
        # Where the atoms were, and the displacement there: (n, 3) Å.
        self._computed: tuple[Float64Array, Float64Array] | None = None

    def run(self, fmax: float = FMAX, steps: int = STEPS) -> bool:  # type: ignore[override]  # as ASE's Optimizer
        """Heal until no atom would move farther than `fmax` in the next step, or for so many steps more; whether that is so.

        fmax: a length, Å, where ASE's optimisers have a force; 0: all the steps.
        """
        *_, converged = self.irun(fmax, steps)
        return converged

    def irun(self, fmax: float = FMAX, steps: int = STEPS) -> Iterator[bool]:  # type: ignore[override]
        """The same, one step at a time: whether it has converged, before the first step and after each."""
        self.max_steps = self.nsteps + steps
        if self.nsteps == 0:
            self._log_and_call()
        while not self.converged(fmax) and self.nsteps < self.max_steps:
            yield False
            self.step()
            self.nsteps += 1
            self._log_and_call()
        yield self.converged(fmax)

    def step(self) -> None:
        """One healing step."""
        self.atoms.set_positions(self.atoms.positions + self._next_displacement())

    def converged(self, fmax: float = FMAX) -> bool:
        """Whether no atom would move farther than fmax, Å."""
        return bool(self._lengths().max() <= fmax)

    def log(self) -> None:
        """A line as ASE's optimisers write it."""
        if self.logfile is None:
            return
        name, lengths = type(self).__name__, self._lengths()
        if self.nsteps == 0:
            self.logfile.write(f"{'':{len(name)}}  {'Step':>4} {'Time':>8} {'RMS move (A)':>15}  {'fmax (A)':>12}\n")
        now, rms = time.strftime("%H:%M:%S"), np.sqrt((lengths**2).mean())
        self.logfile.write(f"{name}:  {self.nsteps:3d} {now} {rms:15.6f} {lengths.max():15.6f}\n")

    def todict(self) -> dict[str, Any]:
        """What ASE writes in a trajectory of how it was made."""
        return {"type": "optimization", "optimizer": type(self).__name__, "model": self._healer.model.weights_hash}

    def _log_and_call(self) -> None:
        self.log()
        self.call_observers()  # type: ignore[no-untyped-call]

    def _next_displacement(self) -> Float64Array:
        """(n, 3) Å, of the atoms where they are now: an observer may have moved them."""
        if self._computed is None or not np.array_equal(self._computed[0], self.atoms.positions):
            positions = self.atoms.positions.copy()
            self._watch(positions)
            self._computed = positions, self._healer.step(positions)
        return self._computed[1]

    def _lengths(self) -> Float64Array:
        lengths: Float64Array = np.linalg.norm(self._next_displacement(), axis=1)
        return lengths
