"""# LIC429 nobody-can-approve

Nobody fits the condition on who may agree to an escalated call.

## Wrong

```licet
enum Role { support, manager }
principal { id: String, role: Role }
tool refund(amount: Decimal)
permit refunds on refund
escalate large on refund when args.amount > 500 to approver.role == manager and approver.role == support
```

## Right

```licet
enum Role { support, manager }
principal { id: String, role: Role }
tool refund(amount: Decimal)
permit refunds on refund
escalate large on refund when args.amount > 500 to approver.role == manager
```

## Why

Such a call waits for ever. If it must never happen, a forbid tells the agent at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.compiler import ir
from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC429"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        rule = written.rule
        if rule.approver is None or not _impossible(rule.approver):
            continue
        yield finding(
            CODE,
            f"nobody can agree to `{rule.name}`: no approver fits its condition",
            rule.span,
            Severity.error,
            help="say who may, or forbid the call",
        )


def _impossible(condition: ir.Expr) -> bool:
    """Whether it asks one place for two different values, or is plainly false."""
    if isinstance(condition, ir.Const):
        return condition.value is False
    parts = condition.operands if isinstance(condition, ir.And) else (condition,)
    asked: dict[str, object] = {}
    for part in parts:
        if isinstance(part, ir.Const) and part.value is False:
            return True
        if isinstance(part, ir.Equal) and isinstance(part.right, ir.Const):
            place = repr(part.left)
            if asked.setdefault(place, part.right.value) != part.right.value:
                return True
    return False
