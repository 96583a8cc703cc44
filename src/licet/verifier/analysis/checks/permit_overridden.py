"""# LIC413 permit-overridden

Forbids refuse every call that the permit permits, on each of its tools. That is proved.

## Wrong

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit little on refund when args.amount < 10
permit by_manager on refund when principal.role == manager and args.amount > 900
forbid large on refund when args.amount > 500
```

## Right

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit little on refund when args.amount < 10
permit by_manager on refund when principal.role == manager and args.amount > 900
forbid large on refund when args.amount > 500 and principal.role != manager
```

## Why

A forbid wins over every permit. A permit that can never win is a promise that is not kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.policy_lang import Note, Severity, Span

from ..linted import Finding, Linted
from .reporting import finding, names

CODE = "LIC413"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        rule = written.rule
        alive = [(tool, known) for tool, _, known in written.on if not known.never]
        if rule.kind != "permit" or not alive or not all(k.overridden for _, k in alive):
            continue
        others = {
            other.name: other.span
            for tool, known in alive
            for position in known.overridden
            for other in [policy.program.rules[tool].rules[position]]
        }
        yield finding(
            CODE,
            f"`{rule.name}` permits nothing: {names(others)} forbid{plural(others)} all of it",
            rule.span,
            Severity.error,
            tuple(Note(f"`{name}` is here", span) for name, span in others.items()),
            help="narrow the forbid, or leave the permit out",
        )


def plural(others: dict[str, Span]) -> str:
    return "s" if len(others) == 1 else ""
