"""The callback host: healing steps through `fix external pf/callback`, on any LAMMPS with a Python module.

The callback runs at the end of step n, on x_n, and writes v = Delta / dt; `fix nve/noforce` then moves x += Delta at the
start of step n + 1, and LAMMPS rebuilds lists, exchanges ghosts and computes energies after it.
"""

from typing import Any

from lammps_heal.errors import HealError
from lammps_heal.hosts.lammps_healer import HealingStep, LammpsHealer

FIX_ID = "heal"


def attach(lmp: Any, healer: LammpsHealer, group: str = "all") -> "Callback":
    """Make each timestep of `lmp` one healing step of the group, until "unfix heal" and "unfix heal_move".

    After each run call `Callback.raise_error`: LAMMPS goes on after an exception in a callback.
    f_heal[1..4] are RMS and largest displacement, capped and moved atoms of the last step.
    Raises HealError where a host is attached already: both would set the velocities of all atoms.
    """
    if lmp.has_id("fix", FIX_ID) or lmp.has_id("fix", f"{FIX_ID}_move"):
        raise HealError(f'this LAMMPS has a fix {FIX_ID} already: "unfix {FIX_ID}" and "unfix {FIX_ID}_move" before attach')
    callback = Callback(lmp, healer)
    lmp.command(f"fix {FIX_ID}_move {group} nve/noforce")
    lmp.command(f"fix {FIX_ID} {group} external pf/callback 1 1")
    lmp.fix_external_set_vector_length(FIX_ID, 4)
    lmp.set_fix_external_callback(FIX_ID, callback, lmp)
    return callback


class Callback:
    """What `fix external` calls after the forces of each step, the set-up of a run included."""

    def __init__(self, lmp: Any, healer: LammpsHealer) -> None:
        self.lmp, self.healer = lmp, healer
        self.error: HealError | None = None
        self._last_timestep: int | None = None
        self._box: list[float] | None = None  # lengths of periodic sides and tilts, Å

    def __call__(self, lmp: Any, ntimestep: int, nlocal: int, tag: Any, x: Any, f: Any) -> None:
        f[:] = 0.0
        velocities = self.lmp.numpy.extract_atom("v")
        velocities[:nlocal] = 0.0
        if self.error is not None:
            return
        try:
            follows_a_step = self._last_timestep is not None and ntimestep == self._last_timestep + 1
            if not follows_a_step:  # the set-up of a run: the atoms may be others now
                self.healer.check_input()
                self._box = None
            self._require_constant_box()
            self._publish(self.healer.last)
            velocities[:nlocal] = self.healer.step() / self.lmp.extract_global("dt")
            self._last_timestep = ntimestep
        except HealError as error:  # the same on all ranks
            self.error = error
            self.lmp.force_timeout()

    def _require_constant_box(self) -> None:
        """As long as it runs; that of a shrink-wrapped side is of no concern."""
        low, high, xy, yz, xz, periodic, _ = self.lmp.extract_box()
        box = [high[d] - low[d] for d in range(3) if periodic[d]] + [xy, yz, xz]
        if self._box is not None and box != self._box:
            raise HealError(
                "the box changed during the run, at the end of a timestep, after the callback had computed the next step: "
                'use "fix heal", or "change_box" between runs'
            )
        self._box = box

    def _publish(self, step: HealingStep) -> None:
        """The step that led to these positions, not the one computed from them."""
        for index, value in enumerate((step.rms, step.largest, step.n_capped, step.n_moved), 1):
            self.lmp.fix_external_set_vector(FIX_ID, index, float(value))

    def raise_error(self) -> None:
        """Raise what went wrong in the run, if anything did; the same on all ranks."""
        if self.error is not None:
            raise self.error
