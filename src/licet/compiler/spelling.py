"""Canonical JSON of values that are known to be JSON: what `exact_json.canonical` spells of what
`values.render` makes of them, and much faster: values of a type by what was prepared for it, a
document in one pass of the standard library's encoder, in C.

Known are run-time values, and dicts and lists of them with text for keys. What intake has not seen
goes to `canonical`: here, floats would be spelled as Python prints them, keys that are not text as
text, and nobody counts how deep it nests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from json import JSONEncoder
from json.encoder import encode_basestring as quoted
from operator import attrgetter
from typing import Any, Final, assert_never

from .clock import format_date, format_duration, format_time
from .exact_json import number_text
from .types import (
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
)
from .world import UNKNOWN

#: A run-time value as canonical JSON.
Spell = Callable[[Any], str]

# --- of one type -------------------------------------------------------------------------------

_UNKNOWN: Final = '{"$unknown":true}'


def speller(kind: Type) -> Spell:
    """What spells the values of a type, prepared once for a type of which many are written.

    Half of a surrogate pair gets through, for `require_text` to look at all of a text at once.
    """
    write = _speller(kind)
    return lambda value: _UNKNOWN if value is UNKNOWN else write(value)


def require_text(text: str) -> str:
    """The text. Raises ValueError where it has half of a surrogate pair."""
    if not text.isascii():
        text.encode("utf-8")
    return text


def _speller(kind: Type) -> Spell:
    match kind:
        case StringType() | EnumType():
            return quoted
        case BoolType():
            return _truth
        case IntType() | DecimalType():
            return _number
        case RecordType():
            return _record_speller(kind)
        case OptionalType(inner):
            present = speller(inner)
            return lambda value: "null" if value is None else present(value)
        case ListType(element):
            item = speller(element)
            return lambda value: "[" + ",".join(map(item, value)) + "]"
        case MapType(_, inner):
            entry = speller(inner)
            return lambda value: _braces(f"{quoted(k)}:{entry(value[k])}" for k in sorted(value))
        case DateType():
            return lambda value: f'"{format_date(value)}"'
        case TimeType():
            return lambda value: f'"{format_time(value)}"'
        case DurationType():
            return lambda value: f'"{format_duration(value)}"'
        case JsonType():
            return spelled
        case _:
            assert_never(kind)


def _record_speller(kind: RecordType) -> Spell:
    fields = tuple(
        (field.name, quoted(field.name) + ":", _speller(field.type), _may_be_absent(field))
        for field in sorted(kind.fields, key=attrgetter("name"))
    )

    def write(value: Mapping[str, Any]) -> str:
        return _braces(
            [
                begin + (_UNKNOWN if item is UNKNOWN else spell(item))
                for name, begin, spell, may_be_absent in fields
                if (item := value[name]) is not None or not may_be_absent
            ]
        )

    return write


def _may_be_absent(field: Field) -> bool:
    return isinstance(field.type, OptionalType)


def _braces(members: Iterable[str]) -> str:
    return "{" + ",".join(members) + "}"


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _number(value: int | Fraction) -> str:
    if value.__class__ is int:
        return str(value)
    text = number_text(value)
    return f'"{text}"' if "/" in text else text


# --- of any ------------------------------------------------------------------------------------

#: Begins a text that stands for what the encoder cannot write. Half of a surrogate pair, which no
#: text of JSON holds: one that does is found out, since there are more marks than were made.
_MARK: Final = "\ud800"
_MARKED: Final = re.compile(f'"{_MARK}([0-9]+)"')


def spelled(value: object) -> str:
    """The canonical JSON of a known value. UNKNOWN is `{"$unknown":true}`, a tuple a list, a number
    without a finite decimal the text `n/d`.

    Raises ValueError for half of a surrogate pair, TypeError for what is not known.
    """
    encoder = _Encoder()
    text = encoder.encode(value)
    if encoder.parts:
        if text.count(_MARK) != len(encoder.parts):
            raise ValueError("a text has half of a surrogate pair")
        text = _MARKED.sub(encoder.part, text)
    return require_text(text)


class _Encoder(JSONEncoder):
    """Marks what it cannot write, and keeps it."""

    def __init__(self) -> None:
        super().__init__(
            ensure_ascii=False,
            check_circular=False,
            allow_nan=False,
            sort_keys=True,
            separators=(",", ":"),
        )
        self.parts: list[str] = []

    def default(self, o: object) -> object:
        if o is UNKNOWN:
            return {"$unknown": True}
        if not isinstance(o, Fraction | Decimal):
            raise TypeError(f"not a known value of JSON: {o.__class__.__name__}")
        text = number_text(o)
        if "/" in text:
            return text
        self.parts.append(text)
        return f"{_MARK}{len(self.parts) - 1}"

    def part(self, match: re.Match[str]) -> str:
        return self.parts[int(match[1])]
