"""Regular expressions of the language as languages of the text theory.

Bounded repetition stays a loop, `x?` a loop of 0 to 1: written out, Z3 takes exponential time.
Only code points up to U+2FFFF exist in the theory, and surrogates in no text; both are cut off.
"""

from __future__ import annotations

from functools import cache
from typing import Final, assert_never

from .. import regex
from ..char_ranges import Ranges
from .terms import Term, Terms

#: The last code point of SMT-LIB's text theory.
LAST: Final = 0x2FFFF
_SURROGATES: Final = (0xD800, 0xDFFF)


@cache
def _parsed(pattern: str) -> regex.Regex:
    return regex.parse(pattern)


def language(t: Terms, pattern: str) -> Term:
    """The language of a pattern, which the compiler has checked."""
    return _language(t, _parsed(pattern))


def _language(t: Terms, node: regex.Regex) -> Term:
    match node:
        case regex.Chars(ranges):
            return _chars(t, ranges)
        case regex.Empty():
            return t.re("re_text", (t.text(""),))
        case regex.Concat(items):
            return t.re("re_concat", tuple(_language(t, i) for i in items))
        case regex.Union(options):
            return t.re("re_union", tuple(_language(t, o) for o in options))
        case regex.Repeat(item, low, None):
            body = _language(t, item)
            star = t.re("re_star", (body,))
            return star if low == 0 else t.re("re_concat", (t.re_loop(body, low, low), star))
        case regex.Repeat(item, low, high):
            assert high is not None
            if high == 0:
                return t.re("re_text", (t.text(""),))
            return t.re_loop(_language(t, item), low, high)
        case _:
            assert_never(node)


def _chars(t: Terms, ranges: Ranges) -> Term:
    if regex.Chars(ranges) == regex.ANY:
        return t.re("re_any")
    parts: list[Term] = []
    for low, high in ranges:
        for first, last in _scalars(low, min(high, LAST)):
            if first == last:
                parts.append(t.re("re_text", (t.text(chr(first)),)))
            elif first < last:
                parts.append(t.re_range(chr(first), chr(last)))
    if not parts:
        return t.re("re_none")
    return parts[0] if len(parts) == 1 else t.re("re_union", tuple(parts))


def _scalars(low: int, high: int) -> list[tuple[int, int]]:
    """A range without the surrogates."""
    first, last = _SURROGATES
    pieces = [(low, min(high, first - 1)), (max(low, last + 1), high)]
    return [(a, b) for a, b in pieces if a <= b]
