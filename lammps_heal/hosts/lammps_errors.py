"""What LAMMPS says when it stops, in one line and without places in its own source."""

import re

SOURCE_LINE = re.compile(r"\s*\((src/)*[\w/.-]+\.(cpp|h):\d+\)")
LABEL = re.compile(r"^ERROR( on proc \d+)?:\s*")


def explanation(error: Exception) -> str:
    """The first line of an exception that the lammps module raised."""
    text = str(getattr(error, "message", error)).strip()
    line = text.splitlines()[0] if text else type(error).__name__
    return SOURCE_LINE.sub("", LABEL.sub("", line)).strip()
