"""Literals: the exact value of a well-formed token, or why it is none.

The lexer only lets tokens through for which these functions succeed, so none of them raises.
"""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from typing import Literal

MAX_DIGITS = 400

Unit = Literal["s", "min", "h", "d"]
UNITS: dict[str, int] = {"s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}

_EPOCH = date(1970, 1, 1).toordinal()
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|(.))", re.DOTALL)
_SIMPLE_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
_DURATION = re.compile(r"([0-9_]+)([a-z]+)")
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(?:(Z)|([+-])(\d{2}):(\d{2}))?",
    re.ASCII,
)


def number_value(text: str) -> tuple[Fraction, bool]:
    """The exact value of `2_000` or `0.05`, and whether it was written as an integer."""
    whole, point, decimals = text.replace("_", "").partition(".")
    if not point:
        return Fraction(int(whole)), True
    return Fraction(int(whole + decimals), 10 ** len(decimals)), False


def duration_value(text: str) -> tuple[int, Unit]:
    """The microseconds of `30min`, and its unit."""
    match = _DURATION.fullmatch(text)
    assert match is not None
    count = int(match[1].replace("_", ""))
    match match[2]:
        case "s" | "min" | "h" | "d" as unit:
            return count * UNITS[unit], unit
        case _:
            raise AssertionError(f"the lexer let {text!r} through")


def date_days(text: str) -> int | None:
    """Days since 1970-01-01 of `YYYY-MM-DD`, None for a day that the calendar does not have."""
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        return None


def time_value(text: str) -> tuple[int, int | None] | None:
    """Local microseconds and UTC offset in seconds of an instant, None if there is no such one."""
    match = _TIME.fullmatch(text)
    days = date_days(match[1]) if match else None
    if match is None or days is None:
        return None
    hour, minute, second = int(match[2]), int(match[3]), int(match[4] or "0")
    fraction = match[5] or ""
    if hour > 23 or minute > 59 or second > 59 or len(fraction) > 6:
        return None
    micros = ((days * 24 + hour) * 60 + minute) * 60 + second
    local = micros * 1_000_000 + int(fraction.ljust(6, "0"))
    if match[6]:
        return local, 0
    if not match[7]:
        return local, None
    hours, minutes = int(match[8]), int(match[9])
    if hours > 23 or minutes > 59:
        return None
    offset = (hours * 60 + minutes) * 60
    return local, -offset if match[7] == "-" else offset


def unescape(raw: str) -> str:
    """The text that the inside of a string literal stands for."""
    return raw if "\\" not in raw else _ESCAPE.sub(_escaped, raw)


def unescape_with_origins(raw: str) -> tuple[str, list[int]]:
    """The text of a string literal's inside, and where in `raw` each of its characters begins.

    The list has one entry more than the text: the length of `raw`.
    """
    if "\\" not in raw:
        return raw, list(range(len(raw) + 1))
    chars: list[str] = []
    origins: list[int] = []
    position = 0
    while position < len(raw):
        match = _ESCAPE.match(raw, position)
        origins.append(position)
        chars.append(_escaped(match) if match else raw[position])
        position = match.end() if match else position + 1
    origins.append(len(raw))
    return "".join(chars), origins


def _escaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _SIMPLE_ESCAPES[match[2]]


def bad_escape(raw: str) -> tuple[int, int, str] | None:
    """The first escape in a string's inside that the language does not know: start, end, why."""
    for match in _ESCAPE.finditer(raw):
        if match[1] is None:
            if match[2] not in _SIMPLE_ESCAPES:
                return match.start(), match.end(), "unknown"
        elif len(match[1]) > 6 or int(match[1], 16) > 0x10FFFF:
            return match.start(), match.end(), "range"
        elif 0xD800 <= int(match[1], 16) <= 0xDFFF:
            return match.start(), match.end(), "surrogate"
    return None


def pattern_text(token: str) -> str:
    """The regular expression between the slashes, `\\/` turned into `/`."""
    return re.sub(r"\\(.)", lambda m: "/" if m[1] == "/" else m[0], token[1:-1])
