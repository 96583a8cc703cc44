"""Whether a text may quote a value that is to stay hidden.

Messages quote values in several spellings, shortened, and as parts: the host of a URL, the last
digits of a number. So a text is taken to quote a hidden text if the two share any four
characters in a row (the case of letters apart), or hold the whole of a shorter one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from licet.compiler.exact_json import escaped, number_text

_LENGTH: Final = 4
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


class Hidden:
    """The values that one entry hides."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._numbers: set[str] = set()
        self._known: tuple[set[str], set[str]] | None = None

    def __bool__(self) -> bool:
        return bool(self._texts or self._numbers)

    def add(self, value: object) -> None:
        """A value with all its parts."""
        self._known = None
        match value:
            case None:
                pass
            case bool():
                self._texts.add("true" if value else "false")
            case str():
                if value:
                    self._texts.add(value)
            case int() | Decimal():
                self._numbers.add(number_text(value))
            case Mapping():
                for key, item in value.items():
                    self.add(key)
                    self.add(item)
            case list() | tuple():
                for item in value:
                    self.add(item)
            case _:
                self._texts.add(str(value))

    def equals(self, value: object) -> bool:
        """Whether a value is one of them."""
        if isinstance(value, str):
            return value in self._texts
        number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return number and number_text(value) in self._numbers  # type: ignore[arg-type]

    def contained_in(self, text: str) -> bool:
        """Whether a text is one of them, or holds the whole of one of four characters or more."""
        return text in self._texts or any(
            len(hidden) >= _LENGTH and hidden in text for hidden in self._texts
        )

    def may_be_in(self, text: str) -> bool:
        """Whether a text may quote one of them. A hidden number is taken to be in any text with a
        digit: sums and lengths tell of it too."""
        if self._numbers and any(char.isdigit() for char in text):
            return True
        return self._may_quote_text(text)

    def may_be_value(self, text: str) -> bool:
        """The same for a text that shows the value of some other field: of numbers, equal ones."""
        if self._numbers and not self._numbers.isdisjoint(_NUMBER.findall(text)):
            return True
        return self._may_quote_text(text)

    def _may_quote_text(self, text: str) -> bool:
        folded = text.casefold()
        pieces, short = self._spelled()
        if any(hidden in folded for hidden in short):
            return True
        return any(folded[i : i + _LENGTH] in pieces for i in range(len(folded) - _LENGTH + 1))

    def _spelled(self) -> tuple[set[str], set[str]]:
        """What texts are compared with: all pieces of long texts, and short ones whole."""
        if self._known is None:
            pieces: set[str] = set()
            short: set[str] = set()
            for spelling in {s.casefold() for text in self._texts for s in _spellings(text)}:
                if len(spelling) < _LENGTH:
                    short.add(spelling)
                else:
                    ends = range(_LENGTH, len(spelling) + 1)
                    pieces.update(spelling[end - _LENGTH : end] for end in ends)
            self._known = (pieces, short)
        return self._known


def _spellings(hidden: str) -> Iterable[str]:
    """As it is, as messages escape it, and as Python writes it."""
    return (hidden, escaped(hidden), repr(hidden)[1:-1])
