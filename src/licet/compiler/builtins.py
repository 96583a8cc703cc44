"""The pure functions of the language that both engines call as they are: safe views and text.

Each is total, deterministic and linear in its arguments; what its grammar does not take is
absent, never a guess. Their grammars are in docs/views.md. `int` and `decimal` are ASCII only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from .clock import ZoneError, clock, parse_date, parse_time
from .exact_json import MAX_DIGITS, JsonError, decode
from .foreign_patterns import anywhere
from .intake import BadValue, validator
from .mentioning import mentions
from .patching import merged, patched
from .types import (
    BOOL,
    DATE,
    DECIMAL,
    INT,
    JSON,
    STRING,
    TIME,
    EnumType,
    ListType,
    OptionalType,
    Type,
    Value,
)
from .values import MAX_TEXT
from .view_arn import ARN, arn
from .view_image import IMAGE, image
from .view_ip import CIDR, IP, cidr, cidr_overlaps, cidr_within, ip, ip_within
from .view_path import PATH, path, path_under
from .view_quantity import quantity
from .view_url import EMAIL, URL, email, url
from .view_version import VERSION, version, version_before

__all__ = [
    "ARN",
    "BUILTINS",
    "CIDR",
    "EMAIL",
    "IMAGE",
    "IP",
    "JSON_TYPE",
    "OPERATORS",
    "PATH",
    "URL",
    "VERSION",
    "BuiltinFunction",
]

#: What a part of a document is, in JSON Schema's words; absent counts as null.
JSON_TYPE = EnumType("JsonType", ("null", "boolean", "number", "string", "array", "object"))


@dataclass(frozen=True, slots=True)
class BuiltinFunction:
    """A function of run-time values of `params` to a run-time value of `result`."""

    name: str
    params: tuple[Type, ...]
    result: Type
    call: Callable[..., Value]


_INT = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_LONGEST_PATTERN = 2_000
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_validate_json = validator(JSON, clock("UTC"))


def parse_int(text: str) -> int | None:
    """`-?` and digits without leading zeros, at most 100 of them."""
    if len(text) > MAX_DIGITS + 1 or not _INT.fullmatch(text):
        return None
    return int(text) if len(text.lstrip("-")) <= MAX_DIGITS else None


def parse_decimal(text: str) -> int | Fraction | None:
    """As `parse_int`, with a point and more digits if wanted; at most 100 digits in all."""
    if len(text) > MAX_DIGITS + 2 or not _DECIMAL.fullmatch(text):
        return None
    if sum(map(str.isdigit, text)) > MAX_DIGITS:
        return None
    number = Fraction(Decimal(text))
    return number.numerator if number.denominator == 1 else number


def parse_json(text: str) -> Value:
    """The document of an exact JSON text; None for `null` too, as for what is not one."""
    try:
        return _validate_json(decode(text, max_size=MAX_TEXT))
    except (JsonError, BadValue):
        return None


def json_type(document: Value) -> str:
    """The label of `JSON_TYPE` for a document."""
    match document:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case tuple():
            return "array"
        case dict():
            return "object"
        case _:
            return "number"


def search(text: str, pattern: str) -> bool | None:
    """Whether a pattern (of a JSON Schema, RE2, Go …) is found in a text; None where it is none."""
    found = anywhere(pattern) if len(pattern) <= _LONGEST_PATTERN else None
    return found.takes(text) if found is not None and found.exact else None


def like(text: str, glob: str) -> bool:
    """Whether a whole text is of the form of a glob, in which `*` stands for any text."""
    first, *rest = glob.split("*")
    if not rest:
        return text == first
    *middle, last = rest
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:  # the leftmost place of each part leaves the most room for the others
        found = text.find(part, at, end) if at <= end else -1
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def split(text: str, separator: str) -> tuple[str, ...]:
    """The parts of a text between separators; all of it where the separator is empty."""
    return tuple(text.split(separator)) if separator else (text,)


def parse_zoned_time(text: str, zone: str) -> int | None:
    """A time, read in a zone where it names no offset."""
    try:
        return parse_time(text, clock(zone))
    except ZoneError:
        return None


def lower(text: str) -> str:
    """A to Z in lower case; nothing else changes."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


_ALL = (
    BuiltinFunction("url", (STRING,), OptionalType(URL), url),
    BuiltinFunction("email", (STRING,), OptionalType(EMAIL), email),
    BuiltinFunction("path", (STRING,), OptionalType(PATH), path),
    BuiltinFunction("ip", (STRING,), OptionalType(IP), ip),
    BuiltinFunction("cidr", (STRING,), OptionalType(CIDR), cidr),
    BuiltinFunction("date", (STRING,), OptionalType(DATE), parse_date),
    BuiltinFunction("time", (STRING, STRING), OptionalType(TIME), parse_zoned_time),
    BuiltinFunction("int", (STRING,), OptionalType(INT), parse_int),
    BuiltinFunction("decimal", (STRING,), OptionalType(DECIMAL), parse_decimal),
    BuiltinFunction("json", (STRING,), OptionalType(JSON), parse_json),
    BuiltinFunction("quantity", (STRING,), OptionalType(DECIMAL), quantity),
    BuiltinFunction("image", (STRING,), OptionalType(IMAGE), image),
    BuiltinFunction("version", (STRING,), OptionalType(VERSION), version),
    BuiltinFunction("arn", (STRING,), OptionalType(ARN), arn),
    BuiltinFunction("type_of", (JSON,), JSON_TYPE, json_type),
    BuiltinFunction("patched", (JSON, JSON), OptionalType(JSON), patched),
    BuiltinFunction("merged", (JSON, JSON), OptionalType(JSON), merged),
    BuiltinFunction("split", (STRING, STRING), ListType(STRING), split),
    BuiltinFunction("search", (STRING, STRING), OptionalType(BOOL), search),
    BuiltinFunction("lower", (STRING,), STRING, lower),
    BuiltinFunction("mentions", (STRING, STRING), BOOL, mentions),
    BuiltinFunction("path_under", (PATH, STRING), BOOL, path_under),
    BuiltinFunction("ip_within", (IP, STRING), BOOL, ip_within),
    BuiltinFunction("cidr_within", (CIDR, STRING), BOOL, cidr_within),
    BuiltinFunction("cidr_overlaps", (CIDR, STRING), BOOL, cidr_overlaps),
    BuiltinFunction("like", (STRING, STRING), BOOL, like),
    BuiltinFunction("version_before", (VERSION, VERSION), BOOL, version_before),
)

#: Those that a policy writes as operators only.
OPERATORS = frozenset(("path_under", "ip_within", "cidr_within", "like", "version_before"))

#: By name. `time`'s second argument is the zone, `X_within` and `path_under` take text, which is
#: read by the view of the same kind and holds nothing where that is absent.
BUILTINS: Mapping[str, BuiltinFunction] = MappingProxyType({f.name: f for f in _ALL})
