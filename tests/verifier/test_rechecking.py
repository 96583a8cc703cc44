"""Deciding a call on what it brings alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from licet import Guard

POLICY = """
principal { id: String }
fact order(id: String) -> { total: Int in 0 .. 1_000 }
tool refund(order: String, amount: Int in 0 .. 1_000)
permit small on refund when args.amount <= order(args.order).total
"""
CALL: dict[str, Any] = {
    "tool": "refund",
    "args": {"order": "R1", "amount": 50},
    "principal": {"id": "a"},
}


def test_no_resolver_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "refund.licet"
    path.write_text(POLICY, "utf-8")
    asked: list[str] = []
    with Guard.load(path) as guard:

        @guard.fact
        def order(id: str) -> dict[str, int]:
            asked.append(id)
            return {"total": 100}

        assert guard.check(CALL).allowed
        assert asked == ["R1"]
        assert guard.recheck(CALL).kind == "undetermined"
        brought = {**CALL, "facts": {"order": [{"key": ["R1"], "value": {"total": 40}}]}}
        assert guard.recheck(brought).outcome == "deny"
        assert asked == ["R1"]
