"""Heals damaged fcc crystals with a learned denoiser, inside LAMMPS or on positions and a cell.

import lammps_heal
model = lammps_heal.load("data/pt_heal.pt")
healed = lammps_heal.heal(atoms, model, steps=10)      # ASE Atoms in, ASE Atoms out
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lammps_heal.errors import HealError as HealError
    from lammps_heal.model.model_file import load as load
    from lammps_heal.step.step import heal as heal

__all__ = ["HealError", "heal", "load"]
_HOME = {"HealError": "errors", "heal": "step.step", "load": "model.model_file"}


def __getattr__(name: str) -> Any:
    """Import on first use: LAMMPS imports this package to find the plugin, and must not wait for torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'lammps_heal' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"lammps_heal.{_HOME[name]}"), name)
