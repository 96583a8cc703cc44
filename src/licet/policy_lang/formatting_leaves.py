"""Literals, names and tools as text: what the formatter prints without ever breaking a line.

A literal keeps the author's spelling (`2_000`, `24h`, `"\\u{1f600}"`) where its node still says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from . import ast
from .literals import UNITS, duration_value, number_value, time_value, unescape
from .misspelling import is_hidden
from .tokens import RESERVED

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?")
_DURATION = re.compile(r"[0-9]+(?:_[0-9]+)*(?:s|min|h|d)")


def as_written(node: ast.Node, accepts: Callable[[str], bool]) -> str | None:
    """The author's own spelling of a literal, where it still says what the node says."""
    text = node.span.text.strip("() \t\r\n")
    return text if accepts(text) else None


def number_text(node: ast.NumberLiteral) -> str:
    wanted = (node.value, node.is_int)
    written = as_written(node, lambda t: bool(_NUMBER.fullmatch(t)) and number_value(t) == wanted)
    if written is not None:
        return written
    if node.is_int:
        return str(node.value)
    decimals = 1
    while (node.value * 10**decimals).denominator != 1:
        decimals += 1
    digits = str(int(node.value * Fraction(10) ** decimals)).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def string_text(node: ast.StringLiteral) -> str:
    def accepts(text: str) -> bool:
        return len(text) > 1 and text[0] == text[-1] == '"' and unescape(text[1:-1]) == node.value

    return as_written(node, accepts) or quoted(node.value)


def time_text(node: ast.TimeLiteral) -> str:
    wanted = (node.local, node.offset)
    written = as_written(node, lambda text: time_value(text) == wanted)
    if written is not None:
        return written
    clock = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=node.local)
    text = clock.strftime("%H:%M")
    if clock.second or clock.microsecond:
        text += clock.strftime(":%S")
    if clock.microsecond:
        text += f".{clock.microsecond:06}".rstrip("0")
    zone = ""
    if node.offset == 0:
        zone = "Z"
    elif node.offset is not None:
        sign, minutes = ("-" if node.offset < 0 else "+"), abs(node.offset) // 60
        zone = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
    return f"{clock.date().isoformat()}T{text}{zone}"


def duration_text(node: ast.DurationLiteral) -> str:
    wanted = (node.microseconds, node.unit)
    written = as_written(
        node, lambda t: bool(_DURATION.fullmatch(t)) and duration_value(t) == wanted
    )
    return written or f"{node.microseconds // UNITS[node.unit]}{node.unit}"


def window_text(node: ast.Window) -> str:
    if node.calendar is not None:
        return node.calendar
    size = node.microseconds
    assert size is not None
    written = as_written(
        node, lambda t: bool(_DURATION.fullmatch(t)) and duration_value(t)[0] == size
    )
    if written is not None:
        return written
    unit = next(unit for unit in ("d", "h", "min", "s") if size % UNITS[unit] == 0)
    return f"{size // UNITS[unit]}{unit}"


def pattern_text(pattern: str) -> str:
    """`/pattern/`, its slashes escaped."""
    inside = re.sub(r"\\.|/", lambda m: "\\/" if m[0] == "/" else m[0], pattern)
    return f"/{inside}/"


def tool_text(node: ast.ToolPattern) -> str:
    return quoted(node.text) if node.quoted else node.text


def name_text(name: str) -> str:
    """A field's name or a key, in quotes only where it needs them."""
    return name if _NAME.fullmatch(name) else quoted(name)


def plain_name_text(name: str) -> str:
    """A name where reserved words are not free, such as an enum's label."""
    return quoted(name) if name in RESERVED else name_text(name)


def quoted(text: str) -> str:
    return f'"{escaped(text)}"'


def escaped(text: str) -> str:
    """The inside of a string literal that stands for a text."""
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
    return "".join(
        short.get(char) or (f"\\u{{{ord(char):x}}}" if is_hidden(char) else char) for char in text
    )


def date_text(node: ast.DateLiteral) -> str:
    return (date(1970, 1, 1) + timedelta(days=node.days)).isoformat()
