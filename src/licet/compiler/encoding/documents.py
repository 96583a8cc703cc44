"""A part of a document read as a type: whether it is of the type, and the value; and whole
documents as texts and back."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from ..exact_json import canonical, decode
from ..regex import matcher
from ..types import (
    BoolType,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Type,
    Value,
)

WRONG: Final = (False, None)


def read_as(value: Value, target: Type) -> tuple[bool, Value]:
    """(whether the JSON value is of the type, its run-time value). Null is no value of any type
    but optionals and Json; dates, times and durations are not read from documents."""
    match target:
        case JsonType():
            return True, value
        case OptionalType(inner):
            return (True, None) if value is None else read_as(value, inner)
        case BoolType():
            return (True, value) if isinstance(value, bool) else WRONG
        case IntType() | DecimalType():
            if isinstance(value, bool) or not isinstance(value, int | Fraction):
                return WRONG
            return _number(value, target)
        case StringType():
            return (True, value) if isinstance(value, str) and text_fits(value, target) else WRONG
        case EnumType():
            return (True, value) if isinstance(value, str) and value in target.labels else WRONG
        case RecordType():
            return _record(value, target)
        case ListType():
            return _list(value, target)
        case MapType():
            return _map(value, target)
        case DateType() | TimeType() | DurationType():
            return WRONG


class _FractionMet(Exception):  # noqa: N818 - control flow inside this module
    pass


def _fraction(_: object) -> object:
    raise _FractionMet


def document_text(value: Value) -> str:
    """A document as text, the same for equal documents only.

    Numbers that are not whole, which the fast writer does not know, take an exact one.
    """
    try:
        return _WRITER.encode(value)
    except _FractionMet:
        return "=" + canonical(value).decode()


def document_of(text: str) -> Value:
    """The document of what `document_text` wrote. Raises ValueError for other texts."""
    if text.startswith("="):
        return _frozen(decode(text[1:], max_size=len(text)))
    return _frozen(_READER.decode(text))


def _unwritten(text: str) -> Value:
    raise ValueError(f"no document is written with {text}")


_WRITER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_fraction)
_READER: Final = json.JSONDecoder(parse_float=_unwritten, parse_constant=_unwritten)


def _frozen(value: Any) -> Value:
    match value:
        case list():
            return tuple(map(_frozen, value))
        case dict():
            return {key: _frozen(value[key]) for key in sorted(value)}
        case Decimal():
            number = Fraction(value)
            return number.numerator if number.denominator == 1 else number
        case _:
            return value


def _number(value: int | Fraction, target: IntType | DecimalType) -> tuple[bool, Value]:
    number = Fraction(value)
    exact = number.numerator if number.denominator == 1 else number
    if isinstance(target, IntType) and number.denominator != 1:
        return WRONG
    low_open = isinstance(target, DecimalType) and target.low_open
    high_open = isinstance(target, DecimalType) and target.high_open
    if target.low is not None and (number < target.low or (low_open and number == target.low)):
        return WRONG
    if target.high is not None and (number > target.high or (high_open and number == target.high)):
        return WRONG
    if target.step is not None and (number / target.step).denominator != 1:
        return WRONG
    return True, exact


def text_fits(value: str, kind: StringType) -> bool:
    """Whether a text has the length and matches the patterns of its type."""
    if len(value) < kind.min_length:
        return False
    if kind.max_length is not None and len(value) > kind.max_length:
        return False
    if not kind.patterns and not kind.excluded:
        return True
    return all(matcher(pattern)(value) for pattern in kind.patterns) and not any(
        matcher(pattern)(value) for pattern in kind.excluded
    )


def _record(value: Value, target: RecordType) -> tuple[bool, Value]:
    if not isinstance(value, dict):
        return WRONG
    if not target.open and any(target.field(str(name)) is None for name in value):
        return WRONG
    made: dict[str, Value] = {}
    for field in target.fields:
        fits, made[field.name] = read_as(value.get(field.name), field.type)
        if not fits:
            return WRONG
    return True, made


def _list(value: Value, target: ListType) -> tuple[bool, Value]:
    if not isinstance(value, tuple):
        return WRONG
    read = [read_as(item, target.element) for item in value]
    if not all(fits for fits, _ in read):
        return WRONG
    items = tuple(item for _, item in read)
    if len(items) < target.min_length:
        return WRONG
    if target.max_length is not None and len(items) > target.max_length:
        return WRONG
    if target.unique and any(items[i] in items[:i] for i in range(len(items))):
        return WRONG
    return True, items


def _map(value: Value, target: MapType) -> tuple[bool, Value]:
    if not isinstance(value, dict):
        return WRONG
    made: dict[str, Value] = {}
    for key in sorted(value):
        fits, _ = read_as(key, target.key)
        fits_value, item = read_as(value[key], target.value)
        if not (fits and fits_value):
            return WRONG
        made[key] = item
    return True, made
