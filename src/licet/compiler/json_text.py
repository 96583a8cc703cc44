"""Values as JSON text that loses nothing and that any terminal may show.

Numbers are written as their exact decimal; everything outside printable ASCII is an escape of
JSON's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from json.encoder import encode_basestring_ascii as _quoted

from .exact_json import number_text


def json_line(value: object) -> str:
    """One line of JSON; keys keep their order. A rational without a decimal is the text `n/d`.

    Raises TypeError for what is not JSON-able: None, bool, int, Decimal, Fraction, str, and lists,
    tuples and str-keyed mappings of these are.
    """
    parts: list[str] = []
    _write(value, parts.append)
    return "".join(parts)


def _write(value: object, put: Callable[[str], object]) -> None:
    # By type first: an isinstance of an abstract class costs more than all the rest.
    kind = type(value)
    if kind is str:
        put(_quoted(value))  # type: ignore[arg-type]
    elif kind is dict:
        _write_mapping(value, put)  # type: ignore[arg-type]
    elif kind is list or kind is tuple:
        _write_items(value, put)  # type: ignore[arg-type]
    elif value is None:
        put("null")
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif kind is int:
        put(str(value))
    elif isinstance(value, str):
        put(_quoted(value))
    elif isinstance(value, int | Decimal | Fraction):
        text = number_text(value)
        put(_quoted(text) if "/" in text else text)
    elif isinstance(value, Mapping):
        _write_mapping(value, put)
    elif isinstance(value, list | tuple):
        _write_items(value, put)
    else:
        raise TypeError(f"not JSON-able: {kind.__name__}")


def _write_mapping(value: Mapping[object, object], put: Callable[[str], object]) -> None:
    before = "{"
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError("not JSON-able: a key that is not text")
        put(f"{before}{_quoted(key)}: ")
        _write(item, put)
        before = ", "
    put("}" if before == ", " else "{}")


def _write_items(value: list[object] | tuple[object, ...], put: Callable[[str], object]) -> None:
    before = "["
    for item in value:
        put(before)
        _write(item, put)
        before = ", "
    put("]" if before == ", " else "[]")
