"""# LIC416 moot-bound

Another permit permits all that this one permits, and more: what this one asks for is not asked. The message shows a call.

## Wrong

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit small on refund when args.amount <= 100
permit usual on refund when args.amount <= 500
```

## Right

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit small on refund when args.amount <= 100
permit usual on refund when args.amount <= 500 and principal.role == manager
```

## Why

Permits add up: the widest one decides. A bound in one of them bounds nothing if another has none.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.policy_lang import Note, Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC416"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        rule = written.rule
        alive = [(tool, known) for tool, _, known in written.on if not known.never]
        if not alive or not all(known.implied for _, known in alive):
            continue
        if rule.name in policy.marks:
            continue
        tool, known = next(((t, k) for t, k in alive if k.moot is not None), (None, None))
        if tool is None or known is None or known.moot is None:
            continue
        other = policy.program.rules[tool].rules[known.moot]
        yield finding(
            CODE,
            f"`{rule.name}` bounds nothing: `{other.name}` permits all that it does, and more",
            rule.span,
            Severity.warning,
            (
                Note(f"`{other.name}` is here", other.span),
                Note(f"it permits {known.example}"),
            ),
            help="make the wider permit a forbid of what it must not permit, or leave this one out",
        )
