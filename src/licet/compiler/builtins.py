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
from .intake import BadValue, validator
from .mentioning import mentions
from .types import (
    BOOL,
    DATE,
    DECIMAL,
    INT,
    JSON,
    STRING,
    TIME,
    OptionalType,
    Type,
    Value,
)
from .values import MAX_TEXT
from .view_ip import CIDR, IP, cidr, cidr_overlaps, cidr_within, ip, ip_within
from .view_path import PATH, path, path_under
from .view_url import EMAIL, URL, email, url

__all__ = ["BUILTINS", "CIDR", "EMAIL", "IP", "PATH", "URL", "BuiltinFunction"]


@dataclass(frozen=True, slots=True)
class BuiltinFunction:
    """A function of run-time values of `params` to a run-time value of `result`."""

    name: str
    params: tuple[Type, ...]
    result: Type
    call: Callable[..., Value]


_INT = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
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
    BuiltinFunction("lower", (STRING,), STRING, lower),
    BuiltinFunction("mentions", (STRING, STRING), BOOL, mentions),
    BuiltinFunction("path_under", (PATH, STRING), BOOL, path_under),
    BuiltinFunction("ip_within", (IP, STRING), BOOL, ip_within),
    BuiltinFunction("cidr_within", (CIDR, STRING), BOOL, cidr_within),
    BuiltinFunction("cidr_overlaps", (CIDR, STRING), BOOL, cidr_overlaps),
)

#: By name. `time`'s second argument is the zone, `X_within` and `path_under` take text, which is
#: read by the view of the same kind and holds nothing where that is absent.
BUILTINS: Mapping[str, BuiltinFunction] = MappingProxyType({f.name: f for f in _ALL})
