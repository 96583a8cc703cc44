"""A small policy with every kind of origin, for tests of the verifier."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from licet import Guard

SHOP = """
policy "shop"
enum Role { support, manager }
principal { id: String, role: Role, on_behalf_of: String? }
context { risk: Decimal in 0 .. 1 step 0.01 }
session { prompt: String? }
fact order(id: String) -> { owner: String, total: Decimal in 0 .. 100_000 step 0.01 }?
fact blocked(owner: String) -> Bool

tool refund(order_id: String, amount: Decimal in 0 .. 10_000 step 0.01, note: String?) destructive
tool lookup(order_id: String) read_only
tool close_shop(reason: String) destructive

permit reads on any when tool.read_only
permit refunds on refund
forbid too_much on refund
  let o = order(args.order_id)
  when args.amount > o.total
  message "At most {o.total} can be refunded on {args.order_id}."
forbid support_small on refund
  when principal.role == support and args.amount > 500
  message "Support refunds at most 500."
forbid risky on refund when context.risk > 0.8
forbid blocked_owner on refund
  let o = order(args.order_id)
  when blocked(o.owner)
  message "The owner {o.owner} is blocked."
"""

SHOWN = SHOP + "shown order, principal.role, context.risk, blocked\n"


def shop(folder: Path, text: str = SHOP, **options: object) -> Guard:
    """A guard on a policy's text, with time enough for a busy machine."""
    policy = folder / "shop.licet"
    policy.write_text(text, "utf-8")
    return Guard.load(policy, **{"seconds": 20.0, **options})  # type: ignore[arg-type]


def refund(**changes: object) -> dict[str, object]:
    """An allowed refund, as JSON; `changes` replace whole parts."""
    call: dict[str, object] = {
        "tool": "refund",
        "args": {"order_id": "R1", "amount": 100},
        "principal": {"id": "a1", "role": "manager"},
        "context": {"risk": 0.1},
        "facts": {
            "order": [{"key": ["R1"], "value": {"owner": "u1", "total": 200}}],
            "blocked": [{"key": ["u1"], "value": False}],
        },
        "now": "2026-11-22T15:00:00Z",
    }
    return {**call, **changes}


def args(**changes: object) -> Mapping[str, object]:
    return {"order_id": "R1", "amount": 100, **changes}
