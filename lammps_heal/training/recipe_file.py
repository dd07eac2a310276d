"""Reading a recipe from its TOML file, with changes to it (`--set key=value`) for a trial.

[crystal] [network] [data] [mixture]     each once; [[crystal]] several times makes a joint model
[structures]                             how many of each kind `fit` makes, where not as many as usual: crystals/drafts.py
[start]                                  model = "bcc": a shipped model's name, or a file, to begin from
[training]                               keys of a stage that hold for all of them
[[stage]]                                one for each stage: keys of its own; its own `mixture` replaces [mixture]
"""

import difflib
import sys
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from lammps_heal.crystals.drafts import Plan
from lammps_heal.errors import HealError
from lammps_heal.training.mixture import Mixture
from lammps_heal.training.recipe import Crystal, NetworkSizes, Recipe, Stage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLES = ("crystal", "structures", "network", "start", "data", "mixture", "training", "stage")
Table = dict[str, Any]
Part = TypeVar("Part", Crystal, Plan, NetworkSizes, Mixture, Stage)


def read_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """The recipe of a TOML file. changes: "key=value", keys dotted, stages by number from 1: stage.2.steps=100.

    Raises HealError that names file, key, what is wrong with it and what is needed.
    """
    text, tables = _read(path)
    try:
        for change in changes:
            _change(tables, change)
        return _recipe(tables, text, tuple(changes))
    except HealError as error:
        raise HealError(f'recipe "{path}": {error}') from error


def read_crystals(path: Path) -> dict[str, Crystal]:
    """The crystals of a TOML file with a [[crystal]] for each, by its `name`. Raises HealError as read_recipe."""
    _, tables = _read(path)
    crystals: dict[str, Crystal] = {}
    for number, table in enumerate(tables.get("crystal", []), 1):
        name = str(table.pop("name", ""))
        if not name or name in crystals:
            raise HealError(f'"{path}": crystal {number} needs a name that no other has, got "{name}"')
        crystals[name] = _part(Crystal, table, f"crystal {name}")
    return crystals


def _read(path: Path) -> tuple[str, Table]:
    if not path.is_file():
        raise HealError(f'recipe "{path}" does not exist: name one, such as inputs/training/pt.toml')
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as reason:
        raise HealError(f'recipe "{path}" is no TOML: {reason}') from reason


def _change(tables: Table, change: str) -> None:
    key, is_set, written = change.partition("=")
    if not is_set:
        raise HealError(f'"{change}" sets nothing, needed: key=value, such as training.seed=2')
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        value = written  # a word without quotation marks
    *way, last = key.strip().split(".")
    table: Any = tables
    for part in way:
        if isinstance(table, list):
            if not part.isdecimal() or not 1 <= int(part) <= len(table):
                raise HealError(f'"{change}": there is no stage {part}, there are 1 to {len(table)}')
            table = table[int(part) - 1]
        else:
            table = table.setdefault(part, {})
    if not isinstance(table, dict):
        raise HealError(f'"{change}" is no key of a recipe: name a table and a key, and for a stage its number, stage.2.steps')
    table[last] = value


def _recipe(tables: Table, text: str, changes: tuple[str, ...]) -> Recipe:
    _require_known("table", tables, TABLES)
    stages = tables.get("stage", [])
    if not isinstance(stages, list) or not stages:
        raise HealError("it has no [[stage]]: needed is at least one")
    data = tables.get("data", {})
    _require_known("key of [data]", data, ("files",))
    files = data.get("files")
    if not isinstance(files, list) or not files or not all(isinstance(name, str) for name in files):
        raise HealError(f"files of [data] must be a list of names, got {files!r}")
    crystals = tables.get("crystal", {})
    if isinstance(crystals, list):
        crystal, *others = (_part(Crystal, table, f"crystal {number}") for number, table in enumerate(crystals, 1))
    else:
        crystal, others = _part(Crystal, crystals, "[crystal]"), []
    start = tables.get("start", {})
    _require_known("key of [start]", start, ("model",))
    return Recipe(
        data=tuple(Path(name) for name in files),
        crystal=crystal,
        others=tuple(others),
        network=_part(NetworkSizes, tables.get("network", {}), "[network]"),
        stages=tuple(_stage(tables, stage, f"stage {number}") for number, stage in enumerate(stages, 1)),
        start=str(start.get("model", "")),
        structures=_part(Plan, tables["structures"], "[structures]") if "structures" in tables else None,
        text=text,
        changes=changes,
    )


def _stage(tables: Table, own: Table, where: str) -> Stage:
    keys = {**tables.get("training", {}), **own}
    mixture = own.get("mixture", tables.get("mixture"))
    if mixture is not None:
        keys["mixture"] = _part(Mixture, mixture, f"mixture of {where}")
    return _part(Stage, keys, where)


def _part(kind: type[Part], table: Table, where: str) -> Part:
    """A dataclass from the table of its fields. Raises HealError where a key is unknown or its value of another type."""
    if not isinstance(table, dict):
        raise HealError(f"{where} must be a table, got {table!r}")
    _require_known(f"key of {where}", table, [field.name for field in fields(kind)])
    types = get_type_hints(kind)
    values = {name: _value(value, types[name], f"{name} of {where}") for name, value in table.items()}
    try:
        return kind(**values)
    except HealError as error:
        raise HealError(f"{where}: {error}") from error


def _value(value: Any, kind: Any, where: str) -> Any:
    """`value` as the type of a field: whole numbers serve as numbers, lists as tuples."""
    if get_origin(kind) is tuple:
        entry, *more = get_args(kind)
        length = None if more == [Ellipsis] else 1 + len(more)
        if not isinstance(value, list) or length not in (None, len(value)):
            raise HealError(f"{where} must be a list of {length or 'any number of'} values, got {value!r}")
        return tuple(_value(part, entry, where) for part in value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind and not is_dataclass(kind):
        raise HealError(f"{where} must be of type {kind.__name__}, got {value!r}")
    return value


def _require_known(what: str, table: Table, known: Sequence[str]) -> None:
    for name in table:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f'did you mean "{close[0]}"?' if close else f"there are {', '.join(known)}"
            raise HealError(f'there is no {what} "{name}": {hint}')
