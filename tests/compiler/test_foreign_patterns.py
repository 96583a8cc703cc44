"""Foreign patterns mean here what they mean where they come from."""

import re
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compiler.foreign_patterns import anywhere, whole

#: Patterns as AWS and OpenAPI descriptions write them, and that Python reads alike.
SHARED = [
    "[a-z]+",
    "^[a-z]+$",
    "^(?!aws:)[a-z:]+$",
    "(?!__)[a-z_][a-z0-9_]*",
    "(?=.{1,5}$)[a-z]+(-[a-z]+)*",
    "(?=^.{2,4}$)[a-b]*",
    "(((?!-)[a-z0-9-]{0,3}[a-z0-9])[.])+",
    "^(?! )[a-c ]*(?<! )$",
    "[a-c]{1,3}(?<!-b)(?<!ab)",
    "a(?!b)[a-c]",
    "^$|^a+$",
    ".*(^ab$)|(^c$)",
    "(^a|b$)",
    "a|^b",
    r"(\bab\b|[0-9]+)",
    r"a\b-b",
    r"\Aa+\Z",
    "(?i)a[bc]",
    "(?s)a.b",
    "a.b",
    "(?:a|b){2,3}?",
    "[a-b-c]",
    "[ab^-]+",
    "(a?){0,2}",
    r"[\w.-]+",
    r"\d{2}-\D",
    "[^a-c]+",
    "(a(b|$))*",
]
TEXTS = st.text("abcAB-.: _0\n", max_size=6)


@pytest.mark.parametrize("pattern", SHARED)
@given(text=TEXTS)
def test_whole_texts_match_as_python_says(pattern: str, text: str) -> None:
    found = whole(pattern)
    assert found is not None
    expected = re.fullmatch(pattern.replace(r"\Z", "(?!.|\n)"), text, re.ASCII) is not None
    expected = expected and not (text.endswith("\n") and "$" in pattern)  # `$` is the very end
    assert found.takes(text) == expected or (not found.exact and found.takes(text))


@pytest.mark.parametrize(
    "pattern",
    ["(?:(?!ab)[a-c])*", "((25[0-5]|[0-9])[.]?\\b){4}", "x(?=a+)a*b|(?!c)d", "^(?!.*--)a|b$"],
)
def test_what_cannot_be_said_is_wider_and_says_so(pattern: str) -> None:
    found = whole(pattern)
    assert found is not None
    assert not found.exact


@pytest.mark.parametrize(
    "pattern", ["(", "a)", "[", "*a", r"(.)\1", "[z-a]", r"\p{Nothing}", r"a\bb", "a^b", r"\Qab\E+"]
)
def test_what_cannot_be_read_or_matches_nothing_is_none(pattern: str) -> None:
    assert whole(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Größe 1", "a\tb"),
        (r"\P{C}+", "a b", "a\u0007"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "😀\n", "\u0000"),
        (r"[\p{Print}&&[^|:/]]+", "ab", "a|b"),
        (r"\p{Alpha}\p{Digit}", "a1", "ä1"),
        (r"\Qa.b\E", "a.b", "aab"),
        ("[[:alpha:]]+", "ab", "1"),
        (".{1,65535}", "a" * 65_535, ""),
        ("s3://.{1,2043}", "s3://" + "a" * 2_043, "s3://" + "a" * 2_044),
        (r"arn:aws:kinesis:\d{1}+:a", "arn:aws:kinesis:1:a", "arn:aws:kinesis::a"),
    ],
)
def test_dialects(pattern: str, good: str, bad: str) -> None:
    found = whole(pattern)
    assert found is not None
    assert (found.takes(good), found.takes(bad), found.exact) == (True, False, True)


@given(text=TEXTS)
def test_json_schema_finds_a_pattern_anywhere(text: str) -> None:
    for pattern in ("a", "^a", "b$", "^(?!a)", "[ab]{2}", "(?<!a)b$"):
        found = anywhere(pattern)
        assert found is not None
        assert found.exact
        expected = re.search(pattern.replace("$", r"\Z"), text) is not None
        assert found.takes(text) == expected, pattern


@pytest.mark.parametrize(
    ("pattern", "text", "found_in"),
    [
        ("^[A-Z]{3}$", "ABC", True),
        ("^[A-Z]{3}$", "ABCD", False),
        ("^a|b$", "xb", True),
        ("^(?<year>\\d{4})$", "2026", True),
        ("^a.b$", "a\u2028b", False),
        ("^\\u0041$", "A", True),
        ("^\\-$", "-", True),
        ("^[[:alpha:]]+$", "ab", True),
        ("^[[:alpha:]]+$", ":", False),
    ],
)
def test_the_dialect_of_json_schema(pattern: str, text: str, found_in: bool) -> None:
    found = anywhere(pattern)
    assert found is not None
    assert (found.takes(text), found.exact) == (found_in, True)


@pytest.mark.parametrize("pattern", ["[a-c&&[^b]]", "[]a]", "[^]a]"])
def test_what_dialects_read_differently_is_none(pattern: str) -> None:
    assert anywhere(pattern) is None


def test_long_patterns_are_bounded() -> None:
    assert whole("a" * 20_001) is None
    assert whole("(" * 60 + "a" + ")" * 60) is None
    assert whole("|".join(f"(^{c}|{c}$)" for c in ascii_letters * 2)) is None
