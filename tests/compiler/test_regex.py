import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compiler.regex import (
    ANY,
    Chars,
    Concat,
    Empty,
    RegexError,
    Repeat,
    Union,
    from_glob,
    matcher,
    parse,
    show,
)


def char(text: str) -> Chars:
    return Chars(((ord(text), ord(text)),))


@pytest.mark.parametrize(
    ("pattern", "tree"),
    [
        ("", Empty()),
        ("a", char("a")),
        ("ab", Concat((char("a"), char("b")))),
        ("a|", Union((char("a"), Empty()))),
        (".", ANY),
        (r"\d{3}", Repeat(Chars(((48, 57),)), 3, 3)),
        ("(?:a){2,}", Repeat(char("a"), 2, None)),
        ("a{0}", Empty()),
        ("[a-cb-d]", Chars(((97, 100),))),
        (r"[^\u{0}-\u{40}]", Chars(((0x41, 0x10FFFF),))),
        (r"\/\.", Concat((char("/"), char(".")))),
    ],
)
def test_parse(pattern: str, tree: object) -> None:
    assert parse(pattern) == tree


@pytest.mark.parametrize(
    ("pattern", "message", "offset"),
    [
        ("^a", "anchors are not needed: a match is always of the whole text", 0),
        ("a$", "anchors are not needed: a match is always of the whole text", 1),
        ("a*?", "lazy quantifiers are not part of the language", 2),
        ("a++", "possessive quantifiers are not part of the language", 2),
        ("(?=a)", "look-ahead is not part of the language", 0),
        ("(?<!a)", "look-behind is not part of the language", 0),
        ("(?i)a", "flags are not part of the language", 0),
        ("(?P<n>a)", "groups have no names: write `(…)`", 0),
        (r"(a)\1", "back-references are not part of the language", 3),
        (r"\ba", "word boundaries are not part of the language", 0),
        (r"\p{L}", "unicode properties are not part of the language", 0),
        (r"\x41", "a code point is written `\\u{41}`", 0),
        (r"\u{D800}", "this is not a character of any text", 2),
        ("[[:alpha:]]", "write `\\[` for a bracket inside a class", 1),
        ("[]", "a character class is not empty; write `\\]` for a bracket", 1),
        (r"[^\d\D]", "no character is in this class", 0),
        ("[z-a]", "this range ends below its start", 2),
        ("(a", "this group has no end", 0),
        ("a)", "this parenthesis closes no group", 1),
        ("a{2,1}", "a repetition ends below its start", 1),
        ("a{1001}", "a repetition counts to at most 1,000", 1),
        ("(a{100}){100}", "repetitions inside one another count to at most 1,000 together", 0),
        ("(" * 60 + ")" * 60, "groups nest deeper than 50", 50),
        ("a" * 20_001, "a pattern has at most 20,000 characters", 20_000),
        ("a" * 10_001, "written out, this has over 10,000 characters", 0),
    ],
)
def test_refused(pattern: str, message: str, offset: int) -> None:
    with pytest.raises(RegexError) as caught:
        parse(pattern)
    assert (caught.value.message, caught.value.offset) == (message, offset)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a", "ab", False),
        ("a|ab", "ab", True),
        (".", "\n", True),
        (".", "\U0001f600", True),
        (r"\d", "٣", False),
        (r"\w", "é", False),
        (r"\s", "\u00a0", False),
        (r"[^a]", "\n", True),
        ("a", "a\n", False),
        (".*", "a\ud800", False),
        (r"\u{1F600}", "\U0001f600", True),
        ("()", "", True),
    ],
)
def test_matches(pattern: str, text: str, expected: bool) -> None:
    assert matcher(pattern)(text) is expected


@pytest.mark.parametrize("pattern", ["(a?){500}a{500}", "(.*)*=", "(a|a)*b", "([ab]*a[ab]{900})"])
def test_hostile_patterns_take_linear_time(pattern: str) -> None:
    matcher(pattern)("a" * 100_000)


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_glob_star_is_any_text_and_the_rest_itself(start: str, middle: str, end: str) -> None:
    glob = start.replace("*", "") + "*" + end.replace("*", "")
    text = start.replace("*", "") + middle + end.replace("*", "")
    assert matcher(from_glob(glob))(text)


REGEXES = st.recursive(
    st.sampled_from([".", "a", "[^b-d]", r"\d", r"\.", "é", r"\u{a}", r"[\-\]x]"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,}"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@given(REGEXES)
def test_what_is_shown_parses_to_the_same_tree(pattern: str) -> None:
    tree = parse(pattern)
    assert parse(show(tree)) == tree
