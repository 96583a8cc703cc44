"""What a batch holds is read from its arguments, or the batch is refused."""

from __future__ import annotations

import pytest

from licet.compiler.types import JSON, STRING, EnumType, Field, ListType, OptionalType, RecordType
from licet.verifier.batches import InnerCall, UnreadableBatchError, inner_calls

PARAMS = RecordType(
    "",
    (
        Field("calls", ListType(JSON)),
        Field("mode", OptionalType(EnumType("", ("serial", "parallel")))),
        Field("note", OptionalType(STRING)),
    ),
)


def test_every_spelling_of_a_call() -> None:
    args = {
        "calls": [
            {"tool": "a", "args": {"x": 1}},
            {"name": "b", "arguments": {}},
            {"recipient_name": "c", "parameters": {}},
            {"tool_name": "d", "input": {}},
        ],
        "mode": "parallel",
        "retries": 2,
        "note": None,
    }
    assert inner_calls(args, PARAMS) == (
        InnerCall("a", {"x": 1}, "calls[0].args"),
        InnerCall("b", {}, "calls[1].arguments"),
        InnerCall("c", {}, "calls[2].parameters"),
        InnerCall("d", {}, "calls[3].input"),
    )


def test_arguments_that_are_one_call() -> None:
    args = {"name": "a", "arguments": {"x": 1}}
    assert inner_calls(args, PARAMS) == (InnerCall("a", {"x": 1}, "arguments"),)


@pytest.mark.parametrize(
    ("args", "reason", "path"),
    [
        ({}, "one list of calls", ""),
        ({"a": [], "b": []}, "one list of calls", ""),
        ({"calls": ["rm -rf /"]}, "an entry of a batch", "calls[0]"),
        ({"calls": [{"tool": "a"}]}, "an entry of a batch", "calls[0]"),
        ({"calls": [{"tool": "a", "args": "{}"}]}, "an entry of a batch", "calls[0]"),
        ({"calls": [{"tool": "a", "args": {}, "then": 1}]}, "an entry of a batch", "calls[0]"),
        ({"calls": [{"tool": "a", "name": "b"}]}, "an entry of a batch", "calls[0]"),
        ({"calls": [{"tool": "a", "args": {}}] * 101}, "over 100 calls", "calls"),
        ({"calls": [], "note": "drop_all()"}, "could hold a call", "note"),
        ({"calls": [], "after": {"tool": "a", "args": {}}}, "could hold a call", "after"),
        ({"tool": "a", "args": {}, "then": "b"}, "one list of calls", ""),
    ],
)
def test_what_is_unclear_is_refused(args: dict[str, object], reason: str, path: str) -> None:
    with pytest.raises(UnreadableBatchError, match=reason) as caught:
        inner_calls(args, PARAMS)
    assert caught.value.path == path
