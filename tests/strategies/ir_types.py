"""Types and values for generated policies: small pools, so that equal values are common."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import product

from licet.compiler.evaluation import conforms
from licet.compiler.types import (
    BOOL,
    DATE,
    DAY,
    DECIMAL,
    DURATION,
    HOUR,
    INT,
    JSON,
    MAX_DATE,
    MAX_TIME,
    MIN_DATE,
    MIN_TIME,
    MINUTE,
    SECOND,
    STRING,
    TIME,
    BoolType,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    Field,
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

from .choosing import Choose

ROLE = EnumType("Role", ("b", "a", "manager"))
SIDE = EnumType("Side", ("A", "\\u{41}"))
DIGIT = IntType(0, 3)
EVEN = IntType(-2, 4, 2)
SHARE = DecimalType(Fraction(0), Fraction(1), step=Fraction(1, 4))
BELOW = DecimalType(None, Fraction(3), high_open=True)
WORD = StringType(patterns=("[ab]*",))
SHORT = StringType(min_length=1, max_length=2)

SCALARS: tuple[Type, ...] = (
    BOOL,
    INT,
    STRING,
    ROLE,
    DECIMAL,
    DIGIT,
    TIME,
    DATE,
    DURATION,
    SIDE,
    WORD,
    SHARE,
    EVEN,
    SHORT,
    BELOW,
)
#: Types with at most three values.
SMALL_SCALARS: tuple[Type, ...] = (
    BOOL,
    ROLE,
    IntType(0, 2),
    SIDE,
    IntType(-1, 0),
    DecimalType(Fraction(0), Fraction(1), step=Fraction(1, 2)),
)
#: Names that look like paths, operators or symbols of a solver.
NAMES = ("a", "b", "a.b", "c|", "if")

_TEXTS = (
    *("", "a", "b", "ab", "A", "\\u{41}", "a.b", "aab", "é", "e\u0301", "😀", "𠀀", "\u0000"),
    *("manager", "2024-02-29", "1", "https://a.b/a", "a@a.b", "/a/b", "\ud7ff", "\uffff"),
)
_INTEGERS = (0, 1, 2, 3, -1, -2, -5, 4, 7, -7, 10**18, 2**63)
_FRACTIONS = (*map(Fraction, ("1/2", "1/4", "-1/2", "3/4", "5/2", "1/3", "0.1")),)
_NEW_YORK_2024 = (1710054000 * SECOND, 1730613600 * SECOND)  # clocks go forward, back
_TIMES = (
    0,
    1709209800 * SECOND,  # 2024-02-29T12:30Z
    *(change + d for change in _NEW_YORK_2024 for d in (-1, 0, HOUR - 1)),
    -1,
    MIN_TIME,
    MAX_TIME,
)
_DATES = (0, 1, 19_782, 19_783, -1, MIN_DATE, MAX_DATE, 11_016, -25_509)
_DURATIONS = (0, DAY, HOUR, MINUTE, 2 * DAY, -DAY, 1, -1, 36 * HOUR)
_DOCUMENTS: tuple[Value, ...] = (None, True, 0, 1, Fraction(1, 2), "a", "", False, "b")


def kind_of(type_: Type) -> Type:
    """The type without its constraints: what a place in an expression asks for."""
    match type_:
        case IntType():
            return INT
        case DecimalType():
            return DECIMAL
        case StringType():
            return STRING
        case ListType():
            return ListType(kind_of(type_.element))
        case MapType():
            return MapType(kind_of(type_.key), kind_of(type_.value))
        case OptionalType():
            return OptionalType(kind_of(type_.inner))
        case RecordType():
            return _record_kind(type_)
        case _:
            return type_


@cache
def _record_kind(type_: RecordType) -> RecordType:
    return RecordType("", tuple(Field(f.name, kind_of(f.type)) for f in type_.fields))


@cache
def pool(type_: Type) -> tuple[Value, ...]:
    """The values that are drawn for a type without parts."""
    match type_:
        case BoolType():
            return (False, True)
        case EnumType():
            return type_.labels
        case IntType():
            values: tuple[Value, ...] = _INTEGERS
        case DecimalType():
            values = (*_INTEGERS, *_FRACTIONS)
        case StringType():
            values = _TEXTS
        case DateType():
            values = _DATES
        case TimeType():
            values = _TIMES
        case DurationType():
            values = _DURATIONS
        case _:
            raise TypeError(f"{type_} has parts")
    return tuple(value for value in values if conforms(value, type_))


def draw_value(choose: Choose, type_: Type, depth: int = 0) -> Value:
    """A value of a type."""
    match type_:
        case OptionalType():
            return None if choose.chance(3) else draw_value(choose, type_.inner, depth)
        case RecordType():
            return {f.name: draw_value(choose, f.type, depth) for f in type_.fields}
        case ListType():
            most = 3 if type_.max_length is None else type_.max_length
            items = [draw_value(choose, type_.element) for _ in range(choose.number(most))]
            return tuple(dict.fromkeys(items) if type_.unique else items)
        case MapType():
            keys = {choose.one(pool(type_.key)[:4]) for _ in range(choose.number(2))}
            return {key: draw_value(choose, type_.value) for key in sorted(map(str, keys))}
        case JsonType():
            return _document(choose, depth)
        case _:
            return choose.one(pool(type_))


def _document(choose: Choose, depth: int) -> Value:
    if depth > 2 or choose.chance(3):
        return choose.one(_DOCUMENTS)
    if choose.chance(4):
        return tuple([_document(choose, depth + 1) for _ in range(choose.number(2))])
    keys = NAMES[: 1 + choose.number(1)]
    return {key: _document(choose, depth + 1) for key in keys}


def values_of(type_: Type) -> Iterator[Value]:
    """Every value of a type with few; TypeError for others. Lists are bounded by their type."""
    match type_:
        case BoolType() | EnumType():
            yield from pool(type_)
        case IntType(int() as low, int() as high):
            yield from range(low, high + 1, type_.step or 1)
        case DecimalType(Fraction() as low, Fraction() as high, step=Fraction() as step):
            yield from (low + i * step for i in range(int((high - low) / step) + 1))
        case OptionalType():
            yield None
            yield from values_of(type_.inner)
        case RecordType():
            names = [f.name for f in type_.fields]
            for values in product(*(list(values_of(f.type)) for f in type_.fields)):
                yield dict(zip(names, values, strict=True))
        case ListType(max_length=int() as most):
            elements = list(values_of(type_.element))
            for length in range(most + 1):
                yield from product(elements, repeat=length)
        case _:
            raise TypeError(f"too many values: {type_}")


def scalar_kinds() -> tuple[Type, ...]:
    """The kinds of values without parts."""
    return (BOOL, INT, STRING, ROLE, DECIMAL, DATE, TIME, DURATION, SIDE)


def is_comparable(kind: Type) -> bool:
    """Whether `==` is asked of it: not if it is optional itself."""
    match kind:
        case OptionalType():
            return False
        case ListType():
            return is_comparable(kind.element)
        case MapType():
            return is_comparable(kind.value)
        case RecordType():
            return all(
                is_comparable(f.type.inner if isinstance(f.type, OptionalType) else f.type)
                for f in kind.fields
            )
        case _:
            return True


def optional(kind: Type) -> OptionalType:
    return OptionalType.of(kind)


def inner(kind: Type) -> Type:
    return kind.inner if isinstance(kind, OptionalType) else kind


__all__ = [
    "JSON",
    "NAMES",
    "ROLE",
    "SCALARS",
    "SIDE",
    "SMALL_SCALARS",
    "draw_value",
    "inner",
    "is_comparable",
    "kind_of",
    "optional",
    "pool",
    "scalar_kinds",
    "values_of",
]
