"""`mentions(text, v)`: whether v stands in a text as a whole token. Rules: docs/views.md."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_JOINERS = frozenset("-.@+/\\%~")
_WORD_CATEGORIES = frozenset("LNMC")
_SHORT = 256


def mentions(text: str, value: str) -> bool:
    """Whether `value` occurs in `text` with a token's edge on both sides; never when it is empty.

    A word character is a letter, digit, mark, invisible character or `_`. There is no edge
    between an occurrence and a word character, nor where a joiner (`- . @ + / \\ % ~`) or, between
    digits, a comma leads from the occurrence to a word character.
    """
    if not value:
        return False
    return any(
        _edge(text, start - 1, -1) and _edge(text, start + len(value), 1)
        for start in _occurrences(text, value)
    )


def _edge(text: str, at: int, step: int) -> bool:
    """Whether a token may end before the character at `at`, read in the direction of `step`."""
    if not 0 <= at < len(text):
        return True
    char = text[at]
    if _is_word(char):
        return False
    if not 0 <= at + step < len(text):
        return True
    beyond = text[at + step]
    if char in _JOINERS:
        return not _is_word(beyond)
    inside = text[at - step] if 0 <= at - step < len(text) else ""
    return not (char == "," and beyond.isdigit() and inside.isdigit())


def _is_word(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char == "_" or not (char.isprintable() or char.isspace())
    return unicodedata.category(char)[0] in _WORD_CATEGORIES


def _occurrences(text: str, value: str) -> Iterator[int]:
    """Every offset at which `value` occurs, overlaps included, in linear time."""
    if len(value) <= _SHORT:
        start = text.find(value)
        while start >= 0:
            yield start
            start = text.find(value, start + 1)
        return
    # Searching again after each hit would take quadratic time on `aaaa…`: Knuth, Morris, Pratt.
    if value not in text:
        return
    border = [0] * (len(value) + 1)
    length = 0
    for index in range(1, len(value)):
        while length and value[index] != value[length]:
            length = border[length]
        if value[index] == value[length]:
            length += 1
        border[index + 1] = length
    length = 0
    for index, char in enumerate(text):
        while length and (length == len(value) or char != value[length]):
            length = border[length]
        if char == value[length]:
            length += 1
        if length == len(value):
            yield index + 1 - length
