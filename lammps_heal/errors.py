"""The one exception that users see: what, got, needed, fix, in one message."""


class HealError(Exception):
    """Bad input or set-up; the message says what is wrong and what to do about it."""


class AgreedError(HealError):
    """Raised on all ranks at once: no rank waits for one that failed."""


class BuildError(HealError):
    """Why a library of the package is not compiled, and what to do: in the first line; what the compiler said follows."""
