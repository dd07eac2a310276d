"""Command lines: unknown words are refused in one line with the nearest right one; arguments that commands share."""

import argparse
import difflib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

MODEL = Path("fcc")  # the name of a shipped model, or a file

# What add_subparsers returns; argparse has no public name for it.
Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class Parser(argparse.ArgumentParser):
    """An argument parser that takes no abbreviations and says in one line what is wrong, with the nearest right word."""

    def __init__(self, **settings: Any) -> None:
        self._options: set[str] = set()
        self._subcommands: Iterable[str] = ()
        super().__init__(allow_abbrev=False, **settings)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        action = super().add_argument(*names, **settings)
        self._options.update(action.option_strings)
        return action

    def add_subparsers(self, **settings: Any) -> Any:
        subparsers = super().add_subparsers(**settings)
        self._subcommands = subparsers.choices
        return subparsers

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As argparse's, which leaves unknown words to its caller and complains of what they were to be first."""
        words = sys.argv[1:] if args is None else list(args)
        for word in words:
            if word == "--":
                break
            if _is_option(word):
                self._require_known(word)
            elif self._subcommands:
                if word not in self._subcommands:
                    self.error(f'there is no command "{word}"{_nearest(word, self._subcommands)}')
                break  # what follows is the command's own
        return super().parse_known_args(words, namespace)

    def _require_known(self, word: str) -> None:
        name = word.split("=")[0]
        joined_short = not word.startswith("--") and word[:2] in self._options
        if name not in self._options and not joined_short:
            self.error(f'there is no option "{name}"{_nearest(name, self._options)}')

    def error(self, message: str) -> NoReturn:
        self.exit(2, f'{self.prog}: {message} ("{self.prog} --help" lists what there is)\n')


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


def count(text: str) -> int:
    """A whole number above 0, also written as 1e6."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (value >= 1 and value.is_integer()):
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text}")
    return int(value)
