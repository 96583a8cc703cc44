"""JSON Patch and JSON Merge Patch: the RFCs' own examples, exact values, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compiler.patching import merged, patched
from licet.compiler.types import JSON, Value
from licet.compiler.values import conforms

TENTH: Value = {"a": Fraction(1, 10)}


def op(name: str, path: str, **rest: Value) -> Value:
    return {"op": name, "path": path, **rest}


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        # RFC 6902, appendix A
        ({"foo": "bar"}, (op("add", "/baz", value="qux"),), {"baz": "qux", "foo": "bar"}),
        (
            {"foo": ("bar", "baz")},
            (op("add", "/foo/1", value="qux"),),
            {"foo": ("bar", "qux", "baz")},
        ),
        ({"baz": "qux", "foo": "bar"}, (op("remove", "/baz"),), {"foo": "bar"}),
        ({"foo": ("bar", "qux", "baz")}, (op("remove", "/foo/1"),), {"foo": ("bar", "baz")}),
        ({"baz": "qux"}, (op("replace", "/baz", value="boo"),), {"baz": "boo"}),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            ({"op": "move", "from": "/foo/waldo", "path": "/qux/thud"},),
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),
        (
            {"foo": ("all", "grass", "cows", "eat")},
            ({"op": "move", "from": "/foo/1", "path": "/foo/3"},),
            {"foo": ("all", "cows", "eat", "grass")},
        ),
        (
            {"baz": "qux", "foo": ("a", 2, "c")},
            (op("test", "/baz", value="qux"), op("test", "/foo/1", value=2)),
            {"baz": "qux", "foo": ("a", 2, "c")},
        ),
        ({"baz": "qux"}, (op("test", "/baz", value="bar"),), None),
        (
            {"foo": "bar"},
            (op("add", "/child", value={"grandchild": {}}),),
            {"child": {"grandchild": {}}, "foo": "bar"},
        ),
        ({"foo": "bar"}, (op("add", "/baz", value="qux", xyz=123),), {"baz": "qux", "foo": "bar"}),
        ({"foo": "bar"}, (op("add", "/baz/bat", value="qux"),), None),
        ({"/": 9, "~1": 10}, (op("test", "/~01", value=10),), {"/": 9, "~1": 10}),
        ({"/": 9, "~1": 10}, (op("test", "/~01", value="10"),), None),
        (
            {"foo": ("bar",)},
            (op("add", "/foo/-", value=("abc", "def")),),
            {"foo": ("bar", ("abc", "def"))},
        ),
        # whole documents
        (None, (op("add", "", value={"a": 1}),), {"a": 1}),
        ({"a": 1}, (op("replace", "", value=(1,)),), (1,)),
        ({"a": 1}, ({"op": "copy", "from": "", "path": "/b"},), {"a": 1, "b": {"a": 1}}),
        ({"a": 1}, (), {"a": 1}),
        # exact
        ({"a": True}, (op("test", "/a", value=1),), None),
        (
            {"a": Fraction(1, 10)},
            (op("test", "/a", value=Fraction(1, 10)),),
            {"a": Fraction(1, 10)},
        ),
        ({"a": 2**53 + 1}, (op("test", "/a", value=2**53),), None),
        # malformed
        ({}, {"op": "add"}, None),
        ({}, None, None),
        ({}, ("add",), None),
        ({}, (op("jump", "/a"),), None),
        ({}, (op("add", "/a"),), None),
        ({}, (op("add", "a", value=1),), None),
        ({}, (op("add", "/~2", value=1),), None),
        ({}, ({"op": "add", "path": 1, "value": 1},), None),
        ({"a": (1, 2)}, (op("add", "/a/3", value=1),), None),
        ({"a": (1, 2)}, (op("add", "/a/01", value=1),), None),
        ({"a": (1, 2)}, (op("remove", "/a/-"),), None),
        ({"a": (1, 2)}, (op("remove", "/a/-1"),), None),
        ({"a": {"b": 1}}, ({"op": "move", "from": "/a", "path": "/a/b"},), None),
        ({"a": 1}, (op("add", "/a/b", value=1),), None),
    ],
)
def test_json_patch(document: Value, patch: Value, result: Value) -> None:
    assert patched(document, patch) == result
    assert conforms(patched(document, patch), JSON)


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [  # RFC 7386, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ("b",)}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ("b",)}, {"a": ("b",)}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": ({"b": "c"},)}, {"a": (1,)}, {"a": (1,)}),
        (("a", "b"), ("c", "d"), ("c", "d")),
        ({"a": "b"}, ("c",), ("c",)),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"a": 1, "e": None}),
        ((1, 2), {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(document: Value, patch: Value, result: Value) -> None:
    assert merged(document, patch) == result


@pytest.mark.parametrize(
    "patch",
    [
        tuple({"op": "copy", "from": "", "path": f"/{i}"} for i in range(60)),
        tuple({"op": "copy", "from": "/a", "path": "/a/-"} for _ in range(40)),
        tuple({"op": "test", "path": "", "value": {}} for _ in range(10_000)),
        (
            {"op": "add", "path": "/b", "value": ()},
            *({"op": "move", "from": "/b", "path": "/b" + "/0" * i + "/-"} for i in range(90)),
        ),
    ],
    ids=["doubling", "nesting", "comparing", "moving"],
)
def test_bombs_give_nothing(patch: tuple[Value, ...]) -> None:
    """Without the caps these would not end."""
    assert patched({"a": tuple(range(5_000))}, patch) is None


def test_a_patch_leaves_its_operands_alone() -> None:
    document = {"a": {"b": 1}}
    value = {"c": 2}
    patch = (op("add", "/d", value=value), op("add", "/d/e", value=3), op("remove", "/a/b"))
    assert patched(document, patch) == {"a": {}, "d": {"c": 2, "e": 3}}
    assert (document, value) == ({"a": {"b": 1}}, {"c": 2})


_documents = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a"]),
    lambda inner: (
        st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=6,
)
_pointers = st.lists(st.sampled_from(["a", "b", "0", "1", "-"]), max_size=3).map(
    lambda steps: "".join("/" + step for step in steps)
)
_operations = st.builds(
    lambda name, path, source, value: {"op": name, "path": path, "from": source, "value": value},
    st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
    _pointers,
    _pointers,
    _documents,
)


@given(_documents, st.lists(_operations, max_size=4).map(tuple))
def test_every_patch_gives_a_document_or_nothing(document: Value, patch: Value) -> None:
    result = patched(document, patch)
    assert conforms(_sorted(result), JSON)
    assert result == patched(document, patch)


def _sorted(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return tuple(map(_sorted, value)) if isinstance(value, tuple) else value
