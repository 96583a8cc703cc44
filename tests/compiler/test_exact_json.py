from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compiler.exact_json import JsonError, canonical, decode


@pytest.mark.parametrize(
    ("text", "message", "path"),
    [
        ('{"a":1,"a":2}', "the key `a` stands twice in one object", ()),
        ('{"x":[0,{"b":1,"b":1}]}', "the key `b` stands twice in one object", ("x", 1)),
        ("[NaN]", "`NaN` is not a number of JSON", (0,)),
        ("-Infinity", "`-Infinity` is not a number of JSON", ()),
        ('{"x":1e400}', "a number has over 100 digits or a huge exponent", ("x",)),
        ("1e99999999999999999999", "a number has over 100 digits or a huge exponent", ()),
        ("1" * 101, "a number has over 100 digits", ()),
        ('["\\ud800"]', "a text has half of a surrogate pair", (0,)),
        ('{"\\ud800":1}', "a key has half of a surrogate pair", ()),
        ("\ufeff1", "the text starts with a byte order mark", ()),
        (b"\xff", "byte 0 is not UTF-8", ()),
        ("[" * 100_000, "the value nests deeper than 64", ()),
        ('{"a":' * 100_000, "the value nests deeper than 64", ()),
        # what stands in strings closes nothing, however it is escaped
        ('["]]}}",' * 65 + "1" + "]" * 65, "the value nests deeper than 64", ()),
        ('["\\"]",' * 65 + "1" + "]" * 65, "the value nests deeper than 64", ()),
        ('["\\\\",' * 65 + "1" + "]" * 65, "the value nests deeper than 64", ()),
        ("[1,]", "expecting value, at line 1 column 4", ()),
        ("1 2", "extra data, at line 1 column 3", ()),
        ('"' + "a" * 10_000_000 + '"', "the text is longer than 4,000,000 characters", ()),
        ('{"a":{"b":1,"b":NaN}}', "the key `b` stands twice in one object", ("a",)),
    ],
)
def test_refused(text: str | bytes, message: str, path: tuple[object, ...]) -> None:
    with pytest.raises(JsonError) as caught:
        decode(text)
    assert (caught.value.message, caught.value.path) == (message, path)


def test_a_bad_number_under_a_duplicate_key_is_not_lost() -> None:
    with pytest.raises(JsonError):
        decode('{"a":NaN,"a":1}')


def test_numbers_are_exact() -> None:
    assert decode("[1, 1.10, 1e2, -0]") == [1, Decimal("1.10"), Decimal("1e2"), 0]
    assert decode("9007199254740993") == 9007199254740993


def test_brackets_in_text_do_not_nest() -> None:
    assert decode('["' + "[" * 100 + '\\"]"]') == ["[" * 100 + '"]']
    assert decode('["\\\\", ' + '{"[": "{"}, ' * 100 + "1]")[-1] == 1


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (500, 500.0),
        (500, Decimal("5e2")),
        (Decimal("0.10"), 0.1),
        (0, -0.0),
        (Fraction(1, 4), Decimal("0.25")),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([1], (1,)),
    ],
)
def test_equal_values_have_one_spelling(left: object, right: object) -> None:
    assert canonical(left) == canonical(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (9007199254740992, 9007199254740993),
        (500, Decimal("500.00000000000001")),
        (1, True),
        (1, "1"),
        (Fraction(1, 3), Decimal("0.3333333333333333")),
        ([[1], 2], [1, [2]]),
        ({"a": None}, {}),
    ],
)
def test_different_values_differ(left: object, right: object) -> None:
    assert canonical(left) != canonical(right)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1: 2}, object(), 1e300])
def test_not_canonical(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(JSON_VALUES)
def test_the_canonical_form_decodes_to_the_value(value: object) -> None:
    spelled = canonical(value)
    assert canonical(decode(spelled)) == spelled
    assert decode(spelled) == value
