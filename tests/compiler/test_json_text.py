"""JSON that loses nothing and holds nothing that a terminal would obey."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compiler.json_text import JsonText, json_line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0.1"), "0.1"),
        (Decimal("9007199254740993.00000000000000000001"), "9007199254740993.00000000000000000001"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.00"), "0"),
        (10**30, str(10**30)),
        (Fraction(1, 8), "0.125"),
        (Fraction(1, 3), '"1/3"'),
        (True, "true"),
        (None, "null"),
        ([JsonText('{"a":"é\x7f\U0001f600\\n"}')], '[{"a":"\\u00e9\\u007f\\ud83d\\ude00\\n"}]'),
        ({"b": (1, "é\x7f\u202e"), "a": {}}, '{"b": [1, "\\u00e9\\u007f\\u202e"], "a": {}}'),
    ],
)
def test_a_value_and_its_text(value, text):
    assert json_line(value) == text


@pytest.mark.parametrize("value", [1.5, b"x", {1: 2}, object(), {"a": {3}}])
def test_what_is_not_json_is_our_mistake(value):
    with pytest.raises(TypeError, match="not JSON-able"):
        json_line(value)


NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=6)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_reading_gives_back_what_was_written_on_one_printable_line(value):
    text = json_line(value)
    assert text.isprintable()
    assert text.isascii()
    assert json.loads(text, parse_float=Decimal) == value
