"""Commands that need more than healing does: what is missing is said in one line, with what installs it."""

from collections.abc import Iterator
from contextlib import contextmanager

from lammps_heal.errors import HealError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports that come with an extra of the package. Raises HealError where one of them fails."""
    try:
        yield
    except ImportError as reason:
        raise HealError(f"this needs more than is installed ({reason}): pip install 'lammps-heal[{name}]'") from reason
