"""Whether a value is of a type, and how a document's part is read as one.

Numbers in documents have no Int apart from Decimal: 2 and 2.0 are the same Int. Dates, times and
durations are not read from documents: there they are text, which `date(s)` and `time(s)` read.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import assert_never

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
from ..values import quoted, show
from ..world import Path
from .places import Located, Part, Reader, WrongType


def exact(number: int | Fraction) -> int | Fraction:
    """The same number, as an int if it is whole."""
    return number.numerator if number.denominator == 1 else number


def conforms(value: Value, kind: Type) -> bool:
    """Whether a run-time value is of a type, its constraints included."""
    match kind:
        case BoolType():
            return isinstance(value, bool)
        case IntType() | DecimalType():
            return _is_number(value, kind)
        case StringType():
            return isinstance(value, str) and _text_fits(value, kind)
        case EnumType():
            return isinstance(value, str) and value in kind.labels
        case DateType() | TimeType() | DurationType():
            return isinstance(value, int) and not isinstance(value, bool)
        case RecordType():
            return (
                isinstance(value, dict)
                and value.keys() == {f.name for f in kind.fields}
                and all(conforms(value[f.name], f.type) for f in kind.fields)
                and (not kind.exclusive or sum(v is not None for v in value.values()) == 1)
            )
        case ListType():
            return (
                isinstance(value, tuple)
                and all(conforms(item, kind.element) for item in value)
                and _length_fits(value, kind)
            )
        case MapType():
            return (
                isinstance(value, dict)
                and kind.min_length <= len(value)
                and (kind.max_length is None or len(value) <= kind.max_length)
                and all(conforms(k, kind.key) and conforms(v, kind.value) for k, v in value.items())
            )
        case OptionalType():
            return value is None or conforms(value, kind.inner)
        case JsonType():
            return is_document(value)
        case _:
            assert_never(kind)


def is_document(value: Value) -> bool:
    """Whether a value is JSON data."""
    match value:
        case None | bool() | int() | Fraction() | str():
            return True
        case tuple():
            return all(map(is_document, value))
        case dict():
            return all(isinstance(key, str) and is_document(item) for key, item in value.items())
        case _:
            return False


def read_as(value: Value, kind: Type, path: Path) -> Part:
    """A part of a document as a run-time value of a type; what stays a document in it knows where
    it stands. Raises WrongType."""
    match kind:
        case OptionalType():
            return None if value is None else read_as(value, kind.inner, path)
        case JsonType():
            return Located(path, value)
        case IntType() | DecimalType() if _is_number(value, kind):
            return value.numerator if isinstance(kind, IntType) else value  # type: ignore[attr-defined]
        case BoolType() | StringType() | EnumType() if conforms(value, kind):
            return value
        case ListType() if isinstance(value, tuple):
            items = tuple([read_as(v, kind.element, (*path, i)) for i, v in enumerate(value)])
            if _length_fits(items, kind):
                return items
        case MapType() if isinstance(value, dict) and all(conforms(k, kind.key) for k in value):
            return {k: read_as(value[k], kind.value, (*path, k)) for k in sorted(value)}
        case RecordType() if isinstance(value, dict):
            if kind.open or all(kind.field(name) is not None for name in value):
                return {
                    f.name: read_as(value.get(f.name), f.type, (*path, f.name)) for f in kind.fields
                }
        case _:
            pass
    raise WrongType(path, _expected(kind), found(value))


def _expected(kind: Type) -> str:
    name, _, limits = str(kind).partition(" ")
    noun = {"Int": "a whole number", "Decimal": "a number"}.get(name, name)
    return f"{noun} {limits}" if limits else noun


def found(value: Value) -> str:
    """What a part of a document is, for a message: plain values as they are, if they are short."""
    match value:
        case None:
            return "nothing"
        case bool() | int() | Fraction():
            return show(value, JsonType())
        case str():
            return f"the text {quoted(value, 40)}"
        case tuple():
            return "a list"
        case _:
            return "an object"


def _is_number(value: Value, kind: IntType | DecimalType) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, Fraction)):
        return False
    if isinstance(kind, IntType) and value.denominator != 1:
        return False
    low_open = isinstance(kind, DecimalType) and kind.low_open
    high_open = isinstance(kind, DecimalType) and kind.high_open
    return (
        (kind.low is None or kind.low < value or (kind.low == value and not low_open))
        and (kind.high is None or value < kind.high or (kind.high == value and not high_open))
        and (kind.step is None or value % kind.step == 0)
    )


def _text_fits(value: str, kind: StringType) -> bool:
    return (
        kind.min_length <= len(value)
        and (kind.max_length is None or len(value) <= kind.max_length)
        and all(matcher(pattern)(value) for pattern in kind.patterns)
        and not any(matcher(pattern)(value) for pattern in kind.excluded)
    )


def _length_fits(items: tuple[Value, ...], kind: ListType) -> bool:
    same = Reader().same
    return (
        kind.min_length <= len(items)
        and (kind.max_length is None or len(items) <= kind.max_length)
        and not (kind.unique and any(same(a, b) for a, b in combinations(items, 2)))
    )
