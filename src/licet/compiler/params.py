"""Values that a deployment gives to params: checked against the declared types.

A plain param takes any value of its type, as JSON has it. A table param takes either the whole
table, a list of rows `[key, …, value]` in which the key "_" stands for every value, or single cells
of it, mappings nested by key (`{"gold": {"business": 3}}`) that change these cells of the default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from licet.policy_lang import Span

from .clock import Clock
from .intake import BadValue, validator
from .reporting import Reporter
from .tables import Row
from .types import BoolType, IntType, Type, Value

WILDCARD = "_"


def given_value(
    name: str, type_: Type, value: object, zone: Clock, span: Span, reporter: Reporter
) -> tuple[Value] | None:
    """The run-time value of a param (in a tuple, since it may be None); None and an error."""
    try:
        return (validator(type_, zone)(value, (name,)),)
    except BadValue as bad:
        report_bad_value(bad, name, span, reporter)
        return None


def report_bad_value(bad: BadValue, name: str, span: Span, reporter: Reporter) -> None:
    """One error for a given value, with every reason."""
    problem = bad.problems[0]
    path = _path(problem.path)
    help = f"give {problem.expected}"
    if problem.suggestion:
        help += f"; did you mean `{problem.suggestion}`?"
    reporter.error(
        "LIC123",
        f"the value given for `{name}` does not fit: `{path}` is {problem.found}",
        span,
        help,
    )


def _path(path: Sequence[object]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")


def given_rows(
    name: str,
    params: tuple[Type, ...],
    result: Type,
    default: Sequence[Row],
    given: object,
    zone: Clock,
    span: Span,
    reporter: Reporter,
) -> list[Row] | None:
    """The rows of a table param with what was given; None and an error where it does not fit."""
    if isinstance(given, Mapping):
        cells: list[tuple[tuple[object, ...], object]] = []
        if not _cells(given, len(params), (), cells):
            _shape(name, params, span, reporter)
            return None
        rows = _rows(name, params, result, cells, zone, span, reporter)
        if rows is None:
            return None
        changed = {row.keys: row for row in rows}
        kept = [changed.pop(row.keys, row) for row in default]
        return [*changed.values(), *kept]
    if isinstance(given, list | tuple):
        cells = []
        for row in given:
            if not isinstance(row, list | tuple) or len(row) != len(params) + 1:
                _shape(name, params, span, reporter)
                return None
            cells.append((tuple(row[:-1]), row[-1]))
        return _rows(name, params, result, cells, zone, span, reporter)
    _shape(name, params, span, reporter)
    return None


def _shape(name: str, params: tuple[Type, ...], span: Span, reporter: Reporter) -> None:
    keys = ", ".join(str(type_) for type_ in params)
    reporter.error(
        "LIC123",
        f"the value given for the table `{name}` does not fit",
        span,
        f"give cells nested by ({keys}), or a list of rows [{keys}, value]",
    )


def _cells(
    given: Mapping[object, object],
    depth: int,
    keys: tuple[object, ...],
    cells: list[tuple[tuple[object, ...], object]],
) -> bool:
    for key, value in given.items():
        path = (*keys, key)
        if len(path) == depth:
            cells.append((path, value))
        elif not isinstance(value, Mapping) or not _cells(value, depth, path, cells):
            return False
    return True


def _rows(
    name: str,
    params: tuple[Type, ...],
    result: Type,
    cells: Sequence[tuple[tuple[object, ...], object]],
    zone: Clock,
    span: Span,
    reporter: Reporter,
) -> list[Row] | None:
    read = [validator(type_, zone) for type_ in params]
    read_value = validator(result, zone)
    rows: list[Row] = []
    try:
        for keys, value in cells:
            values = tuple(
                None if key == WILDCARD else reader(_key(key, type_), (name, place))
                for place, (key, type_, reader) in enumerate(zip(keys, params, read, strict=True))
            )
            rows.append(Row(values, read_value(value, (name, *map(str, keys))), span))
    except BadValue as bad:
        report_bad_value(bad, name, span, reporter)
        return None
    return rows


def _key(key: object, type_: Type) -> object:
    """A key as data: JSON's objects have text for every key."""
    if isinstance(key, str):
        if isinstance(type_, BoolType) and key in ("true", "false"):
            return key == "true"
        if isinstance(type_, IntType) and key.removeprefix("-").isdecimal() and key.isascii():
            return int(key)
    return key
