"""YAML read exactly, and refused wherever two readers would differ or it would never end."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.adapters.manifests import ManifestError, documents

LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
)
DEEP_LAUGHS = "a0: &a0 [ha]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 80))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: -7", {"a": -7}),
        ("a: +7", {"a": 7}),
        ("a: 0.10", {"a": Decimal("0.10")}),
        ("a: 499.99999999999999999", {"a": Decimal("499.99999999999999999")}),
        ("a: 9007199254740993", {"a": 9007199254740993}),
        ("a: true\nb: False", {"a": True, "b": False}),
        ("a: ~\nb: null\nc:", {"a": None, "b": None, "c": None}),
        ("a: 'yes'\nb: \"010\"\nc: !!str 12:30", {"a": "yes", "b": "010", "c": "12:30"}),
        ("a: nginx:1.25\nb: 500m\nc: 1.2.3", {"a": "nginx:1.25", "b": "500m", "c": "1.2.3"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("- a\n- [b, {c: d}]", ["a", ["b", {"c": "d"}]]),
        ('{"a": [1, 2.5, null, "x"]}', {"a": [1, Decimal("2.5"), None, "x"]}),
        ("base: &b {x: 1}\nother: *b", {"base": {"x": 1}, "other": {"x": 1}}),
        ("a: &t text\nb: *t", {"a": "text", "b": "text"}),
        ("é: 😀", {"é": "😀"}),
    ],
)
def test_values(text: str, value: object) -> None:
    (found,) = documents(text)
    assert found == value
    assert repr(found) == repr(value)


def test_streams() -> None:
    assert documents("") == ()
    assert documents("---\na: 1\n---\n---\nb: 2\n...\n") == ({"a": 1}, {"b": 2})
    with pytest.raises(ManifestError, match="refers to nothing above it"):
        documents("a: &x 1\n---\nb: *x\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3", "line 3, column 1: the key `a` stands twice here"),
        ('{"a": 1, "a": 1}', "stands twice"),
        ("x: {b: {c: 1, c: 2}}", "stands twice"),
        ("a: &x [*x]", "refers to what it is part of"),
        ("a: &x {b: {c: *x}}", "refers to what it is part of"),
        ("a: *nothing", "refers to nothing above it"),
        (LAUGHS, "more than 100,000 values"),
        (DEEP_LAUGHS, "nests deeper than 64"),
        ("[" * 70 + "]" * 70, "nests deeper than 64"),
        ("[" * 200_000, "nest"),
        ("{a: " * 100_000, "nest"),
        ("- x\n" * 100_001, "more than 100,000 values"),
        ("x" * 4_000_001, "longer than 4,000,000 characters"),
        ("<<: {a: 1}", "write the keys out"),
        ("a: !!python/object/apply:os.system [ls]", "the tag"),
        ("a: !!binary aGk=", "the tag"),
        ("a: !secret x", "the tag"),
        ("1: a", "a key is text"),
        ("true: a", "a key is text"),
        ("? [a]\n: b", "a key is text"),
        ("? {a: b}\n: c", "a key is text"),
        (f"a: {'9' * 101}", "over 100 digits"),
        ("a: [1, 2", "line 2, column 1"),
        ("a: b: c", "line 1"),
        ("a:\n\t- b", "line 2"),
        ("a: \x01", "unacceptable character"),
        (b"a: \xff", "unacceptable character"),
    ],
)
def test_what_is_refused(text: str | bytes, says: str) -> None:
    with pytest.raises(ManifestError, match=says.replace("(", r"\(")):
        documents(text)


@pytest.mark.parametrize(
    "word",
    [
        *("yes", "No", "ON", "off", "y", "N", "010", "0o17", "0x1F", "0b11", "1_000", "12:30"),
        *("1e3", "1.5e-3", ".inf", "-.INF", ".nan", "2024-01-01", "2024-01-01T10:00:00Z", "="),
    ],
)
def test_words_that_readers_take_for_different_things(word: str) -> None:
    with pytest.raises(ManifestError, match="different readers"):
        documents(f"a: {word}")
    assert documents(f"a: '{word}'") == ({"a": word},)


_texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=9)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | _texts,
    lambda inner: st.lists(inner) | st.dictionaries(_texts, inner),
    max_leaves=10,
)


@given(_values)
def test_json_is_read_as_what_it_is(value: object) -> None:
    written = json.dumps(value, ensure_ascii=False)
    assert documents(written) == (() if value is None else (value,))


@given(st.text(max_size=60))
def test_any_text_gives_documents_or_an_error(text: str) -> None:
    with suppress(ManifestError):
        documents(text)


def test_without_the_library() -> None:
    code = (
        "import sys; sys.modules['yaml'] = None\n"
        "from licet.adapters.manifests import documents\n"
        "try:\n    documents('a: 1')\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "YAML needs PyYAML: pip install 'licet[yaml]'\n"
