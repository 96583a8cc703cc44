"""# LIC411 rule-always-applies

The condition of the rule is true of every call, on each of its tools. That is proved.

## Wrong

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit refunds on refund when args.amount >= 0
forbid none on refund when args.reason == ""
```

## Right

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit refunds on refund when args.amount >= 1
forbid none on refund when args.reason == ""
```

## Why

A condition that decides nothing looks like a check and is none. Say what was meant, or leave the condition out.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC411"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        rule = written.rule
        if rule.limit is not None:
            continue  # LIC430 says it of limits
        if written.on and all(known.always for _, _, known in written.on):
            yield finding(
                CODE,
                f"`{rule.name}` always applies: its condition is true of every call",
                rule.span,
                Severity.warning,
                help="leave the condition out, or write the one that was meant",
            )
