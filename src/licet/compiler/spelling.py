"""Canonical JSON of values that are known to be JSON: what `exact_json.canonical` spells of what
`values.render` makes of them, and much faster, since the standard library's encoder writes all of
it in one pass in C.

Known are run-time values, and dicts and lists of them with text for keys. What intake has not seen
goes to `canonical`: here, floats would be spelled as Python prints them, keys that are not text as
text, and nobody counts how deep it nests.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from json import JSONEncoder
from typing import Final

from .exact_json import number_text
from .world import UNKNOWN

#: Begins a text that stands for what the encoder cannot write. Half of a surrogate pair, which no
#: text of JSON holds: one that does is found out, since there are more marks than were made.
_MARK: Final = "\ud800"
_MARKED: Final = re.compile(f'"{_MARK}([0-9]+)"')


class Spelled:
    """A part that is canonical JSON already."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def spelled(value: object) -> str:
    """The canonical JSON of a known value, or of one with `Spelled` parts. UNKNOWN is
    `{"$unknown":true}`, a tuple a list, a number without a finite decimal the text `n/d`.

    Raises ValueError for half of a surrogate pair, TypeError for what is not known.
    """
    encoder = _Encoder()
    text = encoder.encode(value)
    if encoder.parts:
        if text.count(_MARK) != len(encoder.parts):
            raise ValueError("a text has half of a surrogate pair")
        text = _MARKED.sub(encoder.part, text)
    if not text.isascii():
        text.encode("utf-8")
    return text


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
        if isinstance(o, Spelled):
            text = o.text
        elif isinstance(o, Fraction | Decimal):
            text = number_text(o)
            if "/" in text:
                return text
        elif o is UNKNOWN:
            return {"$unknown": True}
        else:
            raise TypeError(f"not a known value of JSON: {o.__class__.__name__}")
        self.parts.append(text)
        return f"{_MARK}{len(self.parts) - 1}"

    def part(self, match: re.Match[str]) -> str:
        return self.parts[int(match[1])]
