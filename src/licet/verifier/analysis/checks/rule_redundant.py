"""# LIC412 rule-redundant

Other rules of its kind do all that this one does: without it every call comes out the same. That is proved.

## Wrong

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit refunds on refund
forbid large on refund when args.amount > 500
forbid larger on refund when args.amount > 900
```

## Right

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit refunds on refund
forbid large on refund when args.amount > 500
forbid vague on refund when args.reason == ""
```

## Why

The next person changes one of the two and wonders why nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.policy_lang import Note, Severity, Span

from ..linted import Finding, Linted
from .reporting import finding, names

CODE = "LIC412"


def find(policy: Linted) -> Iterator[Finding]:
    reported: set[str] = set()
    for written in reversed(policy.written):
        rule = written.rule
        alive = [(tool, known) for tool, _, known in written.on if not known.never]
        if not alive or not all(known.implied and known.moot is None for _, known in alive):
            continue
        others = {
            other.name: other.span
            for tool, known in alive
            for position in known.implied
            for other in [policy.program.rules[tool].rules[position]]
        }
        if reported & others.keys():
            continue  # with those gone, this one is needed
        if rule.kind == "permit" and rule.name in policy.marks:
            continue  # it changes what is remembered
        reported.add(rule.name)
        yield finding(
            CODE,
            f"`{rule.name}` changes nothing: {names(others)} {did(others, rule.kind)} it already",
            rule.span,
            Severity.warning,
            tuple(Note(f"`{name}` is here", span) for name, span in others.items()),
            help="leave it out, or change what it is meant to add",
        )


def did(others: dict[str, Span], kind: str) -> str:
    verb = {"permit": "permit", "forbid": "forbid"}.get(kind, "escalate")
    return f"{verb}s" if len(others) == 1 else verb
