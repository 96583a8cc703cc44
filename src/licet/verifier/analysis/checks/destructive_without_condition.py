"""# LIC415 destructive-without-condition

A tool that is marked destructive is permitted without any condition, and no other rule on it says no.

## Wrong

```licet
tool wipe(id: String) destructive
permit wipes on wipe
```

## Right

```licet
context { confirmed: Bool }
tool wipe(id: String) destructive
permit wipes on wipe when context.confirmed
```

## Why

What cannot be undone is worth at least one question: who, how much, was it confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.compiler import ir
from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC415"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        rule = written.rule
        free = isinstance(rule.condition, ir.Const) and rule.condition.value is True
        if rule.kind != "permit" or not free or rule.lets:
            continue
        bare = [
            tool
            for tool, _, _ in written.on
            if policy.program.catalog.qualified[tool].destructive
            and len(policy.program.rules[tool].permits) == len(policy.program.rules[tool].rules)
        ]
        if bare:
            more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
            yield finding(
                CODE,
                f"`{rule.name}` permits every call of the destructive `{bare[0]}`{more}",
                rule.span,
                Severity.warning,
                help="say when it may be called, or add a forbid for what must never happen",
            )
