"""JSON read without loss, and one canonical spelling of it for digests.

`decode` gives None, bool, int, Decimal, str, list and dict. It refuses what other readers let
pass: duplicate keys, NaN and Infinity, numbers and nesting past the caps, lone surrogates, bytes
that are not UTF-8. Its time is linear in the text, and it never runs out of stack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sized
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, TypeVar

MAX_DEPTH = 64
MAX_DIGITS = 100
MAX_EXPONENT = 100
MAX_SIZE = 4_000_000
#: Characters of a plain decimal that is within all caps.
_SHORT: Final = 50

_T = TypeVar("_T")


class JsonError(ValueError):
    """A text that is not exact JSON. `path` leads to the value where that is known."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class _OddError(Exception):
    """A number, a name or an object that exact JSON has none of; says why."""


class _Bad:
    """Stands in a decoded value where a problem was met, until `_locate` finds the path to it."""

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        self.message = message


_ESCAPED = re.compile(r"\\.", re.DOTALL)
#: All bytes of UTF-8 but brackets.
_NO_BRACKETS: Final = bytes(set(range(256)).difference(b"[]{}"))
_OPENING: Final = frozenset(b"[{")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def decode(text: str | bytes, *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON text of at most `max_size` characters or bytes. Raises `JsonError`."""
    if len(text) > max_size:
        raise JsonError(f"the text is longer than {max_size:,} characters")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise JsonError(f"byte {error.start} is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise JsonError("the text starts with a byte order mark")
    _check_depth(text, max_depth)
    try:
        value = _PLAIN.decode(text)
    except json.JSONDecodeError as error:
        raise _syntax(error) from None
    except _OddError:
        return _with_problems(text)
    if not text.isascii() or _ESCAPED_SURROGATE.search(text) is not None:
        _locate(value, (), [])
    return value


def _with_problems(text: str) -> Any:
    """Read a text once more in which something is wrong, to say what it is, and where."""
    found: list[_Bad] = []
    try:
        value = json.loads(
            text,
            parse_int=lambda digits: _noted(_integer, digits, found),
            parse_float=lambda digits: _noted(_decimal, digits, found),
            parse_constant=lambda name: _noted(_constant, name, found),
            object_pairs_hook=lambda pairs: _noted(_object, pairs, found),
        )
    except json.JSONDecodeError as error:
        raise _syntax(error) from None
    _locate(value, (), found)
    return value


def _noted(read: Callable[[_T], object], given: _T, found: list[_Bad]) -> object:
    try:
        return read(given)
    except _OddError as odd:
        bad = _Bad(str(odd))
        found.append(bad)
        return bad


def _check_depth(text: str, most: int) -> None:
    if text.count("[") + text.count("{") <= most:
        return
    # What stands outside of strings is every other part between quotes, once none is escaped. An
    # escape outside of them is no JSON, which whoever reads the text says.
    plain = text if "\\" not in text else _ESCAPED.sub("", text)
    outside = "".join(plain.split('"')[::2]).encode("utf-8", "surrogatepass")
    depth = 0
    for bracket in outside.translate(None, _NO_BRACKETS):
        if bracket in _OPENING:
            depth += 1
            if depth > most:
                raise JsonError(f"the value nests deeper than {most}")
        else:
            depth -= 1


def _syntax(error: json.JSONDecodeError) -> JsonError:
    message = error.msg[:1].lower() + error.msg[1:]
    return JsonError(f"{message}, at line {error.lineno} column {error.colno}")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS and len(digits.lstrip("-")) > MAX_DIGITS:
        raise _OddError(f"a number has over {MAX_DIGITS} digits")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    if len(digits) <= _SHORT and "e" not in digits and "E" not in digits:
        return Decimal(digits)
    mantissa, _, exponent = digits.lower().partition("e")
    if len(mantissa) <= MAX_DIGITS + 2 and len(exponent) <= 6:
        number = Decimal(digits)
        if bounded(number):
            return number
    raise _OddError(f"a number has over {MAX_DIGITS} digits or a huge exponent")


def _constant(name: str) -> object:
    raise _OddError(f"`{name}` is not a number of JSON")


def bounded(number: Decimal) -> bool:
    """Whether a finite number keeps to the caps on digits and exponents."""
    _, digits, exponent = number.as_tuple()
    return (
        isinstance(exponent, int)
        and len(digits) <= MAX_DIGITS
        and exponent >= -MAX_EXPONENT
        and exponent + len(digits) - 1 <= MAX_EXPONENT
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    seen: set[str] = set()
    key = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
    raise _OddError(f"the key {shortened(key)} stands twice in one object")


#: Reads what is as it should be, and raises _OddError elsewhere. Made once: that takes longer than
#: to read a call.
_PLAIN: Final = json.JSONDecoder(
    parse_int=_integer, parse_float=_decimal, parse_constant=_constant, object_pairs_hook=_object
)


def _locate(value: object, path: tuple[str | int, ...], found: list[_Bad]) -> None:
    """Raises at the first problem met or lone surrogate; the depth is capped already."""
    match value:
        case _Bad():
            raise JsonError(value.message, path)
        case str():
            if not is_text(value):
                raise JsonError("a text has half of a surrogate pair", path)
        case list():
            for index, item in enumerate(value):
                _locate(item, (*path, index), found)
        case dict():
            for key, item in value.items():
                if not is_text(key):
                    raise JsonError("a key has half of a surrogate pair", path)
                _locate(item, (*path, key), found)
        case _:
            pass
    if not path and found:  # it stood in an object that a duplicate key threw away
        raise JsonError(found[0].message)


def is_text(text: str) -> bool:
    """Whether a str is a sequence of Unicode scalar values."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def shortened(text: str, limit: int = 60) -> str:
    """A text in backticks for a message: shortened, what cannot be seen written as an escape."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "`" + escaped(cut).replace("`", "'") + "`"


#: Printable by Unicode's book, but blank on the page.
_BLANKS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def escaped(text: str) -> str:
    """The text with every control, format, bidi and blank character as `\\u{…}`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() and char not in _BLANKS else f"\\u{{{ord(char):x}}}"
        for char in text
    )


# --- canonical form ----------------------------------------------------------------------------


def canonical(value: object) -> bytes:
    """The one spelling of a JSON value: equal bytes exactly for equal values.

    Keys in the order of code points, no spaces, numbers as their shortest exact decimal without
    an exponent (500, 500.0 and 5e2 are one number), rationals without one as `n/d`; a float
    counts as the shortest decimal that prints as it. Raises ValueError for NaN, infinities, lone
    surrogates, nesting past MAX_DEPTH and anything that is not JSON (tuples count as lists).
    """
    return _text(value, 0).encode("utf-8")


def _text(value: object, depth: int) -> str:
    # By type first, the commonest in front.
    kind = value.__class__
    if kind is str or isinstance(value, str):
        return encode_basestring(value)  # type: ignore[arg-type]
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError("a key is not text")
        _check_nesting(value, depth)
        return "{" + ",".join([_member(key, value[key], depth) for key in sorted(value)]) + "}"
    if isinstance(value, list | tuple):
        _check_nesting(value, depth)
        return "[" + ",".join([_text(item, depth + 1) for item in value]) + "]"
    if isinstance(value, int | float | Decimal | Fraction):
        return number_text(value)
    raise ValueError(f"not JSON: {type(value).__name__}")


def _member(key: str, value: object, depth: int) -> str:
    quoted = encode_basestring
    text = quoted(value) if value.__class__ is str else _text(value, depth + 1)
    return f"{quoted(key)}:{text}"


def _check_nesting(value: Sized, depth: int) -> None:
    if depth >= MAX_DEPTH and len(value):
        raise ValueError(f"nesting deeper than {MAX_DEPTH}")


def number_text(number: int | float | Decimal | Fraction) -> str:
    """A number as its shortest exact decimal, or as `n/d` where it has none."""
    if isinstance(number, int):
        return str(int(number))
    if isinstance(number, float):
        number = Decimal(repr(number))
    if isinstance(number, Decimal):
        if not number.is_finite() or not bounded(number):
            raise ValueError("not a number of JSON")
        number = Fraction(number)
    return _quotient_text(number.numerator, number.denominator)


@lru_cache(4_096)
def _quotient_text(numerator: int, denominator: int) -> str:
    if denominator == 1:
        return str(numerator)
    places = decimal_places(denominator)
    if places is None:
        return f"{numerator}/{denominator}"
    scaled = str(abs(numerator) * 10**places // denominator).rjust(places + 1, "0")
    return ("-" if numerator < 0 else "") + scaled[:-places] + "." + scaled[-places:]


def decimal_places(denominator: int) -> int | None:
    """How many decimal places a fraction in lowest terms needs; None if none are enough."""
    twos = (denominator & -denominator).bit_length() - 1
    rest = denominator >> twos
    fives = 0
    while rest % 5 == 0:
        rest //= 5
        fives += 1
    return max(twos, fives) if rest == 1 else None
