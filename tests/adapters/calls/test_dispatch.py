"""Batches are unwrapped into their calls."""

import pytest

from licet.adapters.calls.dispatch import unwrapped
from licet.adapters.calls.reading import UnreadableCallError, WrittenCall


def is_batch(name: str) -> bool:
    return name == "batch"


def test_every_spelling_of_a_call() -> None:
    args = {
        "calls": [
            {"tool": "a", "args": {"x": 1}},
            {"name": "b", "arguments": {}},
            {"recipient_name": "c", "parameters": {}},
            {"tool_name": "d", "input": {}},
        ],
        "parallel": True,
    }
    assert unwrapped(args, is_batch) == (
        WrittenCall("a", {"x": 1}),
        *(WrittenCall(name, {}) for name in "bcd"),
    )


def test_batches_in_batches() -> None:
    inner = {"calls": [{"tool": "a", "args": {}}]}
    assert unwrapped({"calls": [{"tool": "batch", "args": inner}]}, is_batch) == (
        WrittenCall("batch", inner),
        WrittenCall("a", {}),
    )


def nested(depth: int) -> dict[str, object]:
    args: dict[str, object] = {"calls": []}
    for _ in range(depth):
        args = {"calls": [{"tool": "batch", "args": args}]}
    return args


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ({}, "one list of calls"),
        ({"a": [], "b": []}, "one list of calls"),
        ({"calls": ["rm -rf /"]}, "an entry of a batch"),
        ({"calls": [{"tool": "a"}]}, "an entry of a batch"),
        ({"calls": [{"tool": "a", "args": "{}"}]}, "an entry of a batch"),
        ({"calls": [{"tool": "a", "args": {}, "then": 1}]}, "an entry of a batch"),
        ({"calls": [{"tool": "a", "name": "b"}]}, "an entry of a batch"),
        ({"calls": [{"tool": "a", "args": {}}] * 101}, "over 100 calls"),
        (nested(9), "batches in batches"),
    ],
)
def test_what_is_unclear_is_refused(args: dict[str, object], reason: str) -> None:
    with pytest.raises(UnreadableCallError, match=reason):
        unwrapped(args, is_batch)
