"""Heals damaged crystals with a learned denoiser, inside LAMMPS or on positions and a cell.

import lammps_heal
healed = lammps_heal.heal(atoms, steps=10)             # ASE Atoms in, ASE Atoms out
seen = lammps_heal.observe(atoms)                      # labels and coordination of hot atoms, which stay as they are
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lammps_heal.analysis.observation import Observation as Observation
    from lammps_heal.errors import HealError as HealError
    from lammps_heal.hosts.ase_atoms import heal as heal
    from lammps_heal.hosts.ase_atoms import observe as observe
    from lammps_heal.hosts.ase_optimizer import Healing as Healing
    from lammps_heal.hosts.fix_external import attach as attach
    from lammps_heal.hosts.lammps_healer import LammpsHealer as LammpsHealer
    from lammps_heal.model.model_file import Model as Model
    from lammps_heal.model.model_file import load as load

    __version__: str

__all__ = ["HealError", "Healing", "LammpsHealer", "Model", "Observation", "__version__", "attach", "heal", "load", "observe"]
_HOME = {
    "HealError": "errors",
    "Healing": "hosts.ase_optimizer",
    "LammpsHealer": "hosts.lammps_healer",
    "Model": "model.model_file",
    "Observation": "analysis.observation",
    "attach": "hosts.fix_external",
    "heal": "hosts.ase_atoms",
    "load": "model.model_file",
    "observe": "hosts.ase_atoms",
}


def __getattr__(name: str) -> Any:
    """Import on first use: LAMMPS imports this package to find the plugin, and must not wait for numpy."""
    if name == "__version__":
        from importlib.metadata import version

        return version("lammps-heal")
    if name not in _HOME:
        raise AttributeError(f"module 'lammps_heal' has no attribute {name!r}")
    return getattr(import_module(f"lammps_heal.{_HOME[name]}"), name)
