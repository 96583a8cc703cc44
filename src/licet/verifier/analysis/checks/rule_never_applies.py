"""# LIC410 rule-never-applies

No call makes the rule do anything, on any of its tools: its condition cannot be true. That is proved.

## Wrong

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit refunds on refund
forbid large on refund when args.amount > 5_000 and args.amount < 500
```

## Right

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit refunds on refund
forbid large on refund when args.amount > 5_000 or args.amount < 0.05
```

## Why

Whoever reads the rule believes that it holds. Most often a bound is turned round, `and` should be `or`, or the type already excludes the value.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC410"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        if written.everywhere_dead:
            rule = written.rule
            yield finding(
                CODE,
                f"`{rule.name}` never applies: no call makes its condition true",
                rule.span,
                Severity.error,
                help="compare its bounds with each other and with the types of the arguments",
            )
