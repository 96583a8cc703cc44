"""Answers as JSON: what is written by the standard library is what would be written without it."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import pytest

from licet.compiler.json_text import json_line
from licet.service.doors import Json


@pytest.mark.parametrize(
    "content",
    [
        {"allowed": True, "verdicts": [{"id": 'a"é\u2028\ud800', "n": -7, "none": None}, [], {}]},
        {"amount": Decimal("5.10"), "after": "it"},
        {"third": Fraction(1, 3), "ten": 10**30},
        {"tuple": (1, "a"), "mapping": MappingProxyType({"a": (Decimal(1),)})},
    ],
)
def test_both_ways_of_writing_agree(content: object) -> None:
    assert Json(content).body == json_line(content).encode()


@pytest.mark.parametrize("content", [{"x": object()}, {"x": math.nan}, [b"x"]])
def test_what_is_no_json_is_no_answer(content: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Json(content)
