"""Values as JSON text that loses nothing and that any terminal may show.

Numbers are written as their exact decimal; everything outside printable ASCII is an escape of
JSON's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from licet.compiler.exact_json import number_text


def json_line(value: object) -> str:
    """One line of JSON; keys keep their order. A rational without a decimal is the text `n/d`.

    Raises TypeError for what is not JSON-able: None, bool, int, Decimal, Fraction, str, and lists,
    tuples and str-keyed mappings of these are.
    """
    match value:
        case None | bool() | str():
            return json.dumps(value)
        case int() | Decimal() | Fraction():
            text = number_text(value)
            return json.dumps(text) if "/" in text else text
        case Mapping():
            items = (f"{_key(key)}: {json_line(item)}" for key, item in value.items())
            return "{" + ", ".join(items) + "}"
        case list() | tuple():
            return "[" + ", ".join(json_line(item) for item in value) + "]"
        case _:
            raise TypeError(f"not JSON-able: {type(value).__name__}")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError("not JSON-able: a key that is not text")
    return json.dumps(key)
