"""What a policy's tests decide, for a reader and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .cards import Line, short
from .terminal import Styled

if TYPE_CHECKING:
    from licet.policy_lang import Span
    from licet.verifier.coverage import Coverage


def lines(coverage: Coverage) -> Iterator[Line]:
    """How much of each kind is decided both ways, then what is not, by place."""
    yield (Styled("coverage", "bold"),)
    for name, parts in (
        ("rules", coverage.rules),
        ("conditions", coverage.conditions),
        ("table rows", coverage.rows),
    ):
        complete = sum(part.complete for part in parts)
        told = "read" if name == "table rows" else "decided both ways"
        if parts:
            style = "green" if complete == len(parts) else "yellow"
            yield f"  {name:<11}", Styled(f"{complete:,} of {len(parts):,}", style), f" {told}"
    missing = [
        *(
            (rule.span, f"{rule.kind} {rule.rule}", _rule(rule.applied, rule.passed))
            for rule in coverage.rules
            if not rule.complete
        ),
        *(
            (one.span, _text(one.span), _condition(one.was_true, one.was_false))
            for one in coverage.conditions
            if not one.complete
        ),
        *(
            (row.span, f"{row.table}({row.keys})", "never read")
            for row in coverage.rows
            if not row.complete
        ),
    ]
    for span, what, how in sorted(missing, key=lambda m: (m[0].source.name, m[0].start)):
        yield "  ", Styled(f"{how:<14}", "yellow"), f" {what}  ", Styled(str(span), "dim")


def plain(coverage: Coverage) -> dict[str, object]:
    """Every part, decided or not."""
    return {
        "complete": coverage.complete,
        "rules": [
            {
                "rule": rule.rule,
                "kind": rule.kind,
                "where": str(rule.span),
                "applied": rule.applied,
                "did_not_apply": rule.passed,
                "constant": rule.constant,
            }
            for rule in coverage.rules
        ],
        "conditions": [
            {
                "text": _text(one.span),
                "rules": list(one.rules),
                "where": str(one.span),
                "was_true": one.was_true,
                "was_false": one.was_false,
            }
            for one in coverage.conditions
        ],
        "rows": [
            {"table": row.table, "keys": row.keys, "where": str(row.span), "read": row.read}
            for row in coverage.rows
        ],
    }


def _rule(applied: bool, passed: bool) -> str:
    if not applied and not passed:
        return "never decided"
    return "always applies" if applied else "never applies"


def _condition(was_true: bool, was_false: bool) -> str:
    if not was_true and not was_false:
        return "never decided"
    return "always true" if was_true else "always false"


def _text(span: Span) -> str:
    """A condition on one line."""
    return short(" ".join(span.text.split()), 100)
