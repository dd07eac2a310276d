"""Where a model's file lies: the shipped ones have names. Nothing here needs more than the standard library."""

from pathlib import Path

from lammps_heal.errors import HealError

SHIPPED = Path(__file__).parent / "shipped"
AUTO = "auto"  # in place of a name, where the model is chosen by the crystal


def shipped_names() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.pt"))


def model_path(name: str | Path) -> Path:
    """The file of a model: a path, or the name of a shipped model where there is no such file. Raises HealError."""
    path = Path(name)
    if path.is_file():
        return path
    if str(name) in shipped_names():
        return SHIPPED / f"{name}.pt"
    names = ", ".join(shipped_names())
    if str(name) == AUTO:
        raise HealError(f'model "{AUTO}" is chosen for files and ASE Atoms alone: name one of {names}, or a file')
    raise HealError(f'model "{name}" does not exist: name a file written by lammps-heal export, or one of {names}')
