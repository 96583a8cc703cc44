"""# LIC427 escalation-unreachable

No call to which the escalation applies is allowed, on any of its tools: nobody is ever asked. That is proved.

## Wrong

```licet
principal { id: String }
tool refund(amount: Decimal in 0 .. 10_000)
permit refunds on refund when args.amount <= 500
escalate large on refund when args.amount > 500 to approver.id != principal.id
```

## Right

```licet
principal { id: String }
tool refund(amount: Decimal in 0 .. 10_000)
permit refunds on refund when args.amount <= 5_000
escalate large on refund when args.amount > 500 to approver.id != principal.id
```

## Why

An escalation asks about calls that would be allowed otherwise. It does not allow anything by itself: a permit has to.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC427"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        alive = [known for _, _, known in written.on if not known.never]
        if written.rule.kind == "escalate" and alive and all(k.unreachable for k in alive):
            yield finding(
                CODE,
                f"`{written.rule.name}` asks nobody: no call that it is about is allowed",
                written.rule.span,
                Severity.error,
                help="permit such calls, so that somebody can be asked; or leave it out",
            )
