"""Answers as JSON: what orjson writes says what would be written without it."""

from __future__ import annotations

import math
import sys
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compiler.exact_json import decode
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
def test_what_it_cannot_say_is_written_without_it(content: object) -> None:
    assert Json(content).body == json_line(content).encode()


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.decimals(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_both_ways_of_writing_agree(content: object) -> None:
    body = Json(content).body
    assert body.isascii()
    assert decode(body, max_size=len(body)) == decode(json_line(content), max_size=sys.maxsize)


def test_what_is_no_number_is_nothing() -> None:
    assert Json({"x": math.nan}).body == b'{"x":null}'


@pytest.mark.parametrize("content", [{"x": object()}, [b"x"], {1: 2}, {"x": date(2026, 1, 1)}])
def test_what_is_no_json_is_no_answer(content: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Json(content)
