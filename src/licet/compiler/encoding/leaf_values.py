"""Run-time values as a solver's: of the sort of the leaf that they stand at."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

from ..types import Value
from .binding import checked_text
from .failures import EncodingFault
from .places import Variable
from .rules import Encoding
from .terms import Term


def leaf_term(e: Encoding, variable: Variable, raw: bool | int | Fraction | str) -> Term:
    """A value of a leaf's sort as a term."""
    match variable.sort:
        case "Bool":
            return e.terms.boolean(bool(raw))
        case "String":
            return e.terms.text(str(raw))
        case sort:
            return e.terms.number(cast(Fraction, raw), sort)


def encoded(variable: Variable, value: Value, code_of: object) -> bool | int | Fraction | str:
    """A run-time value as one of the variable's sort. Raises EncodingError."""
    match variable.codec:
        case "bool" if isinstance(value, bool):
            return value
        case "int" if isinstance(value, int) and not isinstance(value, bool):
            return value
        case "scaled" | "real" if isinstance(value, int | Fraction):
            scaled = Fraction(value) * (variable.scale or 1)
            if variable.codec == "real":
                return Fraction(value)
            if scaled.denominator == 1:
                return scaled.numerator
        case "enum" if value in variable.labels:
            return variable.labels.index(value)
        case "code" if isinstance(value, str):
            return cast(int, code_of(value))  # type: ignore[operator]
        case "seq" if isinstance(value, str):
            return checked_text(value)
    raise EncodingFault(f"a value that is none of {variable.type}")
