"""Which frames of a trajectory to heal, as the user names them: last, all, a number or a:b:c as Python slices."""

from lammps_heal.errors import HealError

LAST = "last"
ALL = "all"


def parse_frames(text: str) -> slice | None:
    """The frames; None for the last, whose every healing step is written. Raises HealError for what is none of these."""
    if text == LAST:
        return None
    if text == ALL:
        return slice(None)
    words = text.split(":")
    try:
        numbers = [int(word) if word else None for word in words]
    except ValueError:
        numbers = []
    if len(numbers) == 1 and numbers[0] is not None:
        return slice(numbers[0], numbers[0] + 1 or None)
    if len(numbers) not in (2, 3) or (len(numbers) == 3 and numbers[2] == 0):
        raise HealError(f'frames must be last, all, a number or a:b:c as Python counts, got "{text}"')
    return slice(*numbers)
