"""Values as JSON text that loses nothing and that any terminal may show.

Numbers are written as their exact decimal; everything outside printable ASCII is an escape of
JSON's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from json.encoder import encode_basestring_ascii as _quoted
from typing import Final

from .exact_json import number_text

_UNPRINTABLE: Final = re.compile("[^ -~]")


class JsonText:
    """A part that is JSON already, on one line. All but printable ASCII stands in texts of it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        """The same in printable ASCII."""
        return _UNPRINTABLE.sub(_escaped, self.text)


def _escaped(match: re.Match[str]) -> str:
    return _quoted(match[0])[1:-1]


def json_line(value: object) -> str:
    """One line of JSON; keys keep their order. A rational without a decimal is the text `n/d`.

    Raises TypeError for what is not JSON-able: None, bool, int, Decimal, Fraction, str, and lists,
    tuples and str-keyed mappings of these are; `JsonText` stands as it is.
    """
    # By type first: an isinstance of an abstract class costs more than all the rest.
    kind = value.__class__
    if kind is str:
        return _quoted(value)  # type: ignore[arg-type]
    if kind is dict:
        return _mapping(value)  # type: ignore[arg-type]
    if kind is list or kind is tuple:
        return "[" + ", ".join([json_line(item) for item in value]) + "]"  # type: ignore[attr-defined]
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if kind is int or kind is JsonText:
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int | Decimal | Fraction):
        text = number_text(value)
        return _quoted(text) if "/" in text else text
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join([json_line(item) for item in value]) + "]"
    raise TypeError(f"not JSON-able: {kind.__name__}")


def _mapping(value: Mapping[object, object]) -> str:
    try:
        pairs = [
            f"{_quoted(key)}: {_quoted(item) if item.__class__ is str else json_line(item)}"  # type: ignore[arg-type]
            for key, item in value.items()
        ]
    except TypeError:
        if all(isinstance(key, str) for key in value):
            raise
        raise TypeError("not JSON-able: a key that is not text") from None
    return "{" + ", ".join(pairs) + "}"
