"""What admission lets in can be remembered and redeemed: the record of a call is larger and deeper
than its arguments, and was held to the bounds of what comes in."""

from __future__ import annotations

from pathlib import Path

import pytest

from licet import Guard

POLICY = """
principal { id: String }
tool put(document: Json)
permit puts on put
"""


def nested(depth: int) -> object:
    document: object = {}
    for _ in range(depth - 1):
        document = {"a": document}
    return document


@pytest.mark.parametrize("document", [nested(63), ["x" * 90_000] * 50], ids=["deep", "long"])
def test_a_call_at_the_bounds_is_redeemed(tmp_path: Path, document: object) -> None:
    policy = tmp_path / "policy.licet"
    policy.write_text(POLICY, "utf-8")
    args = {"document": document}
    with Guard.load(policy) as guard:
        call = {"tool": "put", "args": args, "principal": {"id": "a"}, "id": "1"}
        verdict = guard.check(call)
        assert verdict.allowed, verdict.message
        assert guard.check(call).ticket == verdict.ticket
        with guard.redeem(verdict.ticket, args) as running:
            assert running.args == args
        assert not guard.check(call).allowed
