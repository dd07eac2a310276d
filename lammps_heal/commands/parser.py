"""Command lines: unknown words are refused in one line with the nearest right one; arguments that commands share."""

import argparse
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from lammps_heal.errors import HealError

NEGATIVE = re.compile(r"-\d[\d.:-]*")  # a number, or frames counted from the end
MODEL = Path("fcc")  # the name of a shipped model, or a file

MODEL_OR_AUTO = "name of a model, or a file (default: the shipped one of the element, or of the structure that the atoms show)"

# What add_subparsers returns; argparse has no public name for it.
Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class Parser(argparse.ArgumentParser):
    """An argument parser that takes no abbreviations and says in one line what is wrong, with the nearest right word."""

    def __init__(self, **settings: Any) -> None:
        self._subcommands: Mapping[str, Parser] = {}
        super().__init__(allow_abbrev=False, **settings)

    def add_subparsers(self, **settings: Any) -> Any:
        subparsers = super().add_subparsers(**settings)
        self._subcommands = subparsers.choices
        return subparsers

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The options that the words of a command line give, or exit code 2 and one line on what is wrong with them.

        argparse alone leaves unknown words to the end, and complains first of what they were meant to be.
        """
        words = _with_negative_values(words)
        self._require_known_words(words)
        return self.parse_args(words)

    def _require_known_words(self, words: Sequence[str]) -> None:
        for number, word in enumerate(words):
            if word == "--":
                return
            if _is_option(word):
                self._require_known(word)
            elif self._subcommands:
                if word not in self._subcommands:
                    self.error(f'there is no command "{word}"{_nearest(word, self._subcommands)}')
                return self._subcommands[word]._require_known_words(words[number + 1 :])

    def _require_known(self, word: str) -> None:
        known = self._option_string_actions  # those of groups too, which argparse lists nowhere else
        name = word.split("=")[0]
        joined_short = not word.startswith("--") and word[:2] in known
        if name not in known and not joined_short:
            self.error(f'there is no option "{name}"{_nearest(name, known)}')

    def error(self, message: str) -> NoReturn:
        self.exit(2, f'{self.prog}: {message} ("{self.prog} --help" lists what there is)\n')


def _with_negative_values(words: Sequence[str]) -> list[str]:
    """The words, with "--frames -5:" as "--frames=-5:": argparse would take the second for an option."""
    joined: list[str] = []
    for word in words:
        if NEGATIVE.fullmatch(word) and joined and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _is_option(word: str) -> bool:
    """Whether argparse takes the word for an option: negative numbers and words with blanks are values."""
    if len(word) < 2 or not word.startswith("-") or " " in word:
        return False
    try:
        float(word)
    except ValueError:
        return True
    return False


def _nearest(word: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(word, list(known), n=1)
    return f': did you mean "{found[0]}"?' if found else ""


def lattice_or_auto(text: str | None) -> tuple[float | None, bool]:
    """A lattice constant, Å, or None; and whether it is to be found."""
    if text is None or text == "auto":
        return None, text == "auto"
    try:
        return float(text), False
    except ValueError:
        raise HealError(f'lattice must be a length above 0 Å or auto, got "{text}"') from None


def count(text: str) -> int:
    """A whole number above 0, also written as 1e6."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (value >= 1 and value.is_integer()):
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text}")
    return int(value)
