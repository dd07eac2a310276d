"""The exceptions that users see: what, got, needed, fix, in one message."""

import signal

ENDED_BY_SIGNAL = 128  # and its number: exit code of a process that a signal has ended


class HealError(Exception):
    """Bad input or set-up; the message says what is wrong and what to do about it."""


class AgreedError(HealError):
    """Raised on all ranks at once: no rank waits for one that failed."""


class BuildError(HealError):
    """Why a library of the package is not compiled, and what to do: in the first line; what the compiler said follows."""


class Interrupted(BaseException):
    """A signal has ended the work: no failure, and not to be taken for one by what catches those.

    number: of the signal; kept: what is left of the work. exit_code: 130 for SIGINT, 143 for SIGTERM.
    """

    def __init__(self, number: int, kept: str = "") -> None:
        super().__init__(f"ended by {signal.Signals(number).name}" + (f"; {kept}" if kept else ""))
        self.number, self.kept, self.exit_code = number, kept, ENDED_BY_SIGNAL + number
