"""What gets in: names, types and origins, each refusal with its kind, path and way out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import Decimal

import pytest

from licet import Action, ActionError, Guard
from support.shop import args, refund, shop


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    with shop(tmp_path_factory.mktemp("shop")) as made:
        yield made


def deep(levels: int) -> object:
    value: object = "x"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        pytest.param({"amount": 100}, "args.order_id", id="missing"),
        pytest.param(args(order_id=None), "args.order_id", id="null for required"),
        pytest.param(args(amuont=5), "args.amuont", id="unknown"),
        pytest.param(args(**{"": 5}), None, id="empty name"),
        pytest.param(args(amount="700"), "args.amount", id="text for a number"),
        pytest.param(args(amount=True), "args.amount", id="true for 1"),
        pytest.param(args(amount=math.nan), "args.amount", id="NaN"),
        pytest.param(args(amount=math.inf), "args.amount", id="infinity"),
        pytest.param(args(amount=-math.inf), "args.amount", id="minus infinity"),
        pytest.param(args(amount=Decimal("1e400")), "args.amount", id="1e400"),
        pytest.param(args(amount=Decimal("1e-400")), "args.amount", id="1e-400"),
        pytest.param(args(amount=Decimal("1e999999999")), "args.amount", id="an exponent bomb"),
        pytest.param(args(amount=10**5000), "args.amount", id="a digit bomb"),
        pytest.param(args(amount=-1), "args.amount", id="below the range"),
        pytest.param(args(amount=10_000.01), "args.amount", id="above the range"),
        pytest.param(args(amount=0.001), "args.amount", id="off the step"),
        pytest.param(
            args(amount=Decimal("499.99999999999999999")), "args.amount", id="not binary64"
        ),
        pytest.param(args(amount={}), "args.amount", id="object for a number"),
        pytest.param(args(amount=[1]), "args.amount", id="list for a number"),
        pytest.param(args(amount=1 + 0j), "args.amount", id="complex"),
        pytest.param(args(amount=object()), "args.amount", id="an odd object"),
        pytest.param(args(order_id=7), "args.order_id", id="number for text"),
        pytest.param(args(order_id="\ud800"), "args.order_id", id="lone surrogate"),
        pytest.param(args(order_id="x" * 10_000_000), "args.order_id", id="10 MB"),
        pytest.param(args(order_id=deep(10_000)), "args.order_id", id="10,000 levels"),
        pytest.param([], "args", id="not an object"),
        pytest.param("refund", "args", id="text for arguments"),
        pytest.param({1: 2}, None, id="keys that are no text"),
    ],
)
def test_bad_arguments_are_refused(guard: Guard, arguments: object, path: str | None) -> None:
    verdict = guard.check(refund(args=arguments))
    assert (verdict.outcome, verdict.kind) == ("deny", "bad_argument")
    assert len(verdict.message) < 2_000
    if path is not None:
        assert path in {v.path for v in verdict.violations}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"principal": {"id": "a1", "role": "boss"}}, id="no such label"),
        pytest.param({"principal": {"id": "a1", "role": "manager", "rank": 1}}, id="unknown field"),
        pytest.param({"principal": {"id": 7, "role": "manager"}}, id="wrong type"),
        pytest.param({"context": {"risk": 2}}, id="out of range"),
        pytest.param({"context": {"risk": math.nan}}, id="NaN"),
        pytest.param({"now": "yesterday"}, id="no time"),
        pytest.param({"now": 5}, id="a number for the time"),
        pytest.param({"facts": {"ordr": []}}, id="no such fact"),
        pytest.param({"facts": {"order": 5}}, id="facts that are no list"),
        pytest.param(
            {"facts": {"order": [{"key": "R1", "value": None}]}}, id="key that is no list"
        ),
        pytest.param({"facts": {"order": [{"key": [1], "value": None}]}}, id="key of a wrong type"),
        pytest.param(
            {"facts": {"order": [{"key": ["R1"], "value": {"owner": "u1", "total": "9"}}]}},
            id="fact of a wrong type",
        ),
        pytest.param(
            {
                "facts": {
                    "order": [
                        {"key": ["R1"], "value": None},
                        {"key": ["R1"], "value": {"owner": "u1", "total": 9}},
                    ]
                }
            },
            id="equal keys with two values",
        ),
    ],
)
def test_what_the_host_says_is_checked_too(guard: Guard, changes: dict[str, object]) -> None:
    verdict = guard.check(refund(**changes))
    assert (verdict.outcome, verdict.kind) == ("deny", "fault")


@pytest.mark.parametrize("missing", ["principal", "context", "facts"])
def test_what_the_host_leaves_out_is_unknown(guard: Guard, missing: str) -> None:
    call = refund(args=args(amount=600))
    call["facts"]["order"][0]["value"]["total"] = 1_000  # type: ignore[index]
    assert guard.check(call).allowed
    del call[missing]
    verdict = guard.check(call)
    assert (verdict.outcome, verdict.kind) == ("deny", "undetermined")


def test_what_is_unknown_and_does_not_matter(guard: Guard) -> None:
    """A small refund is allowed whoever asks: every role may have one."""
    call = refund()
    del call["principal"]
    assert guard.check(call).allowed


def test_an_unknown_tool_gets_the_nearest(guard: Guard) -> None:
    verdict = guard.check(refund(tool="refnud"))
    assert (verdict.outcome, verdict.kind) == ("deny", "unknown_tool")
    assert "`refund`" in verdict.message


@pytest.mark.parametrize(
    "tool", ["", " refund", "refund\n", "REFUND", "x" * 1_000_000, "refund\x1b[2J"]
)
def test_nearly_a_tool_is_no_tool(guard: Guard, tool: str) -> None:
    verdict = guard.check(refund(tool=tool))
    assert verdict.outcome == "deny"
    assert verdict.kind in ("unknown_tool", "bad_argument")
    assert len(verdict.message) < 500
    assert "\x1b" not in verdict.message


def test_an_unknown_field_of_the_call_is_refused(guard: Guard) -> None:
    assert guard.check(refund(princpal={})).kind == "bad_argument"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"tool": "refund", "tool": "lookup", "args": {}}',
        '{"tool": "refund", "args": {"amount": 1, "amount": 2}}',
        '{"tool": "refund", "args": {"amount": NaN}}',
        '{"tool": "refund", "args": {"amount": Infinity}}',
        '{"tool": "refund", "args": {"amount": 1e400}}',
        '{"tool": "refund", "args": ' + "[" * 10_000 + "]" * 10_000 + "}",
        '{"tool": 5, "args": {}}',
    ],
)
def test_json_that_is_no_call(text: str) -> None:
    with pytest.raises(ActionError) as caught:
        Action.from_json(text)
    assert len(str(caught.value)) < 500


def test_exact_numbers_from_json(guard: Guard) -> None:
    """A price with cents is exact in a call's JSON: 499.99 is on the step of a cent."""
    call = json.dumps(refund(args=args(amount=200))).replace("200}", "199.99}", 1)
    assert guard.check(Action.from_json(call)).allowed
