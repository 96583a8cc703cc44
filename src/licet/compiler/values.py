"""Run-time values (the table in `types`): whether one is of a type, and how it is written.

`conforms` asks what `intake` guarantees, of a value that did not come through intake. `render`
writes a value as JSON data for a tool or a report, `show` as text of the policy language for a
person. Text that came from outside is escaped by `show`, never by `render`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from decimal import Decimal
from fractions import Fraction
from typing import Any, assert_never

from .clock import format_date, format_duration, format_time
from .exact_json import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_EXPONENT,
    decimal_places,
    escaped,
    is_text,
    number_text,
)
from .regex import matcher
from .types import (
    MAX_DATE,
    MAX_DURATION,
    MAX_TIME,
    MIN_DATE,
    MIN_TIME,
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
from .world import UNKNOWN

MAX_TEXT = 100_000
MAX_ITEMS = 10_000
DIGITS_BOUND = 10**MAX_DIGITS
SAFE_INTEGER = 2**53
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def conforms(value: Any, type: Type) -> bool:
    """Whether intake could have made this run-time value for a type; UNKNOWN never conforms."""
    match type:
        case BoolType():
            return value is True or value is False
        case IntType(low, high, step):
            return _is_int(value) and _int_in(value, low, high, step)
        case DecimalType():
            return _is_number(value) and decimal_in(value, type)
        case StringType():
            return isinstance(value, str) and is_text(value) and _string_in(value, type)
        case EnumType(_, labels):
            return isinstance(value, str) and value in labels
        case DateType():
            return _is_int(value) and bool(MIN_DATE <= value <= MAX_DATE)
        case TimeType():
            return _is_int(value) and bool(MIN_TIME <= value <= MAX_TIME)
        case DurationType():
            return _is_int(value) and bool(abs(value) <= MAX_DURATION)
        case RecordType(_, fields):
            return (
                isinstance(value, dict)
                and len(value) == len(fields)
                and all(f.name in value and conforms(value[f.name], f.type) for f in fields)
                and (not type.exclusive or sum(v is not None for v in value.values()) == 1)
            )
        case ListType(element, low, high, unique):
            return (
                isinstance(value, tuple)
                and low <= len(value) <= min(MAX_ITEMS if high is None else high, MAX_ITEMS)
                and all(conforms(item, element) for item in value)
                and (not unique or len({identity(item) for item in value}) == len(value))
            )
        case MapType(key, inner, low, high):
            return (
                isinstance(value, dict)
                and low <= len(value) <= min(MAX_ITEMS if high is None else high, MAX_ITEMS)
                and all(conforms(k, key) and conforms(v, inner) for k, v in value.items())
                and list(value) == sorted(value)
            )
        case OptionalType(inner):
            return value is None or conforms(value, inner)
        case JsonType():
            return _is_json(value, 0)
        case _:
            assert_never(type)


def _is_int(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, Fraction)) and not isinstance(value, bool)


def _int_in(value: int, low: int | None, high: int | None, step: int | None) -> bool:
    return (
        -DIGITS_BOUND < value < DIGITS_BOUND
        and (low is None or value >= low)
        and (high is None or value <= high)
        and (step is None or value % step == 0)
    )


def decimal_in(value: int | Fraction, type: DecimalType) -> bool:
    """Whether a number keeps to a type's range, step and exactness, and to the digit cap."""
    return (
        in_range(value, type)
        and (type.step is None or is_multiple(value, type.step))
        and is_writable(value)
        and (type.exact or survives_binary64(value))
    )


def in_range(value: int | Fraction, type: DecimalType) -> bool:
    """Whether a number is in a type's range."""
    # in integers: fractions take five times as long, and every number of a call comes by here
    times, parts = value.numerator, value.denominator
    if (low := type.low) is not None:
        over = times * low.denominator - low.numerator * parts
        if over < 0 or (type.low_open and over == 0):
            return False
    if (high := type.high) is not None:
        left = high.numerator * parts - times * high.denominator
        if left < 0 or (type.high_open and left == 0):
            return False
    return True


def is_multiple(value: int | Fraction, step: int | Fraction) -> bool:
    """Whether a number is a whole number of steps."""
    return value.numerator * step.denominator % (value.denominator * step.numerator) == 0


def is_writable(value: int | Fraction) -> bool:
    """Whether a number can be written as a decimal within the caps on digits."""
    if isinstance(value, int):
        return bool(-DIGITS_BOUND < value < DIGITS_BOUND)
    if value.denominator.bit_length() > 4 * MAX_EXPONENT:
        return False
    places = decimal_places(value.denominator)
    if places is None or places > MAX_EXPONENT:
        return False
    return bool(abs(value.numerator) * 10**places // value.denominator < DIGITS_BOUND)


def survives_binary64(value: int | Fraction) -> bool:
    """Whether the shortest decimal that prints as the nearest binary64 is the number itself."""
    if isinstance(value, int) and -SAFE_INTEGER <= value <= SAFE_INTEGER:
        return True
    return bool(Fraction(repr(float(value))) == value)


def _string_in(value: str, type: StringType) -> bool:
    high = MAX_TEXT if type.max_length is None else min(type.max_length, MAX_TEXT)
    return (
        type.min_length <= len(value) <= high
        and all(matcher(p)(value) for p in type.patterns)
        and not any(matcher(p)(value) for p in type.excluded)
    )


def _is_json(value: Value, depth: int) -> bool:
    if depth > MAX_DEPTH:
        return False
    match value:
        case None | bool():
            return True
        case int() | Fraction():
            return is_writable(value)
        case str():
            return len(value) <= MAX_TEXT and is_text(value)
        case tuple():
            return all(_is_json(item, depth + 1) for item in value)
        case dict():
            return all(isinstance(k, str) and _is_json(v, depth + 1) for k, v in value.items())
        case _:
            return False


def identity(value: Any) -> Hashable:
    """A key under which exactly the equal values of one type fall together (true is not 1)."""
    match value:
        case bool():
            return ("bool", value)
        case tuple():
            return ("list", *map(identity, value))
        case dict():
            return ("dict", *((key, identity(value[key])) for key in sorted(value)))
        case _:
            plain: Hashable = value
            return plain


# --- as JSON data ------------------------------------------------------------------------------


def render(value: Any, type: Type) -> object:
    """A run-time value as JSON data; numbers are int or Decimal, absent fields are left out.

    Intake reads the result as the same value. A number without a finite decimal, which only a
    solver makes up, becomes the text `n/d`.
    """
    if value is UNKNOWN:
        return {"$unknown": True}
    if type.__class__ in _AS_THEY_ARE:
        return value
    match type:
        case RecordType(_, fields):
            assert isinstance(value, dict)
            return {
                f.name: render(item, f.type)
                for f in fields
                if (item := value[f.name]) is not None or f.type.__class__ is not OptionalType
            }
        case OptionalType(inner):
            return None if value is None else render(value, inner)
        case DecimalType() | JsonType():
            return _plain(value)
        case DateType():
            return format_date(value)
        case TimeType():
            return format_time(value)
        case DurationType():
            return format_duration(value)
        case ListType(element):
            assert isinstance(value, tuple)
            return [render(item, element) for item in value]
        case MapType(_, inner):
            assert isinstance(value, dict)
            return {key: render(item, inner) for key, item in value.items()}
        case _:
            raise AssertionError(f"a value of type {type}")


_AS_THEY_ARE = frozenset((BoolType, IntType, StringType, EnumType))


def _plain(value: Value) -> object:
    if value.__class__ is int or value.__class__ is str:
        return value
    match value:
        case Fraction():
            if decimal_places(value.denominator) is None:
                return number_text(value)
            return value.numerator if value.denominator == 1 else Decimal(number_text(value))
        case tuple():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _ if value is UNKNOWN:
            return {"$unknown": True}
        case _:
            return value


# --- for people --------------------------------------------------------------------------------


def show(value: Value, type: Type, limit: int = 60) -> str:
    """A value as the policy language writes it, at most `limit` characters, on one line.

    Text is quoted; control, format, bidi and blank characters are written as `\\u{…}`. Absent is
    `none`, unknown is `(unknown)`.
    """
    text = _show(value, type, limit)
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def _show(value: Any, type: Type, limit: int) -> str:
    if value is UNKNOWN:
        return "(unknown)"
    if value is None:
        return "none"
    match type:
        case BoolType():
            return "true" if value else "false"
        case IntType() | DecimalType():
            return number_text(value)
        case StringType():
            return quoted(value, limit)
        case EnumType():
            label = str(value)
            return label if _NAME.fullmatch(label) else quoted(label, limit)
        case DateType():
            return format_date(value)
        case TimeType():
            return format_time(value)
        case DurationType():
            return format_duration(value)
        case RecordType(_, fields):
            assert isinstance(value, dict)
            items = [(_key(f.name, limit), value[f.name], f.type) for f in fields]
            return _braces(items, limit)
        case ListType(element):
            assert isinstance(value, tuple)
            return _brackets([(item, element) for item in value[:limit]], limit)
        case MapType(_, inner):
            assert isinstance(value, dict)
            return _braces([(quoted(k, limit), v, inner) for k, v in value.items()], limit)
        case OptionalType(inner):
            return _show(value, inner, limit)
        case JsonType():
            return _show_json(value, limit)
        case _:
            assert_never(type)


def _show_json(value: Value, limit: int) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | Fraction():
            return number_text(value)
        case str():
            return quoted(value, limit)
        case tuple():
            return _brackets([(item, JsonType()) for item in value[:limit]], limit)
        case dict():
            return _braces([(_key(k, limit), v, JsonType()) for k, v in value.items()], limit)
        case _:
            return "none"


def _key(name: str, limit: int) -> str:
    return name if _NAME.fullmatch(name) else quoted(name, limit)


def _brackets(items: list[tuple[Value, Type]], limit: int) -> str:
    parts: list[str] = []
    length = 0
    for item, item_type in items:
        if length > limit:
            break
        parts.append(_show(item, item_type, limit))
        length += len(parts[-1]) + 2
    return "[" + ", ".join(parts) + "]"


def _braces(items: list[tuple[str, Value, Type]], limit: int) -> str:
    parts: list[str] = []
    length = 0
    for name, item, item_type in items:
        if length > limit:
            break
        parts.append(f"{name}: {_show(item, item_type, limit)}")
        length += len(parts[-1]) + 2
    return "{ " + ", ".join(parts) + " }" if parts else "{}"


def quoted(text: str, limit: int = 60) -> str:
    """A text literal of the language, shortened to about `limit` characters inside the quotes."""
    cut = text if len(text) <= limit else text[: max(limit - 3, 1)] + "…"
    return '"' + escaped(cut.replace("\\", "\\\\").replace('"', '\\"')) + '"'
