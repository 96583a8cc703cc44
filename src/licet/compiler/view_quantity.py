"""`quantity(s)`: an amount as Kubernetes writes it, exactly.

Grammar (docs/views.md) as in Kubernetes' own `resource.Quantity`, whose reader is the one that
counts: a decimal number, then a binary or decimal suffix, or an exponent.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from .exact_json import MAX_DIGITS

_LONGEST: Final = MAX_DIGITS + 8
_QUANTITY: Final = re.compile(
    r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?[0-9]{1,2}))?"
)
_UNITS: Final = {
    **{suffix: Fraction(10) ** (3 * i) for i, suffix in enumerate(("n", "u", "m"), start=-3)},
    **{suffix: Fraction(10) ** (3 * i) for i, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Fraction(1024) ** i for i, suffix in enumerate("KMGTPE", start=1)},
}


def quantity(text: str) -> int | Fraction | None:
    """The number that a quantity stands for: "500m" is 1/2, "2Gi" is 2147483648."""
    if len(text) > _LONGEST:
        return None
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, suffix, exponent = match.groups()
    if sum(map(str.isdigit, number)) > MAX_DIGITS:
        return None
    value = Fraction(Decimal(number))
    if suffix is not None:
        value *= _UNITS[suffix]
    elif exponent is not None:
        value *= Fraction(10) ** int(exponent)
    return value.numerator if value.denominator == 1 else value
