"""# LIC421 default-opens

Where a value is absent, the default after `??` makes a permit apply, or keeps a forbid from applying because a fact does not exist.

## Wrong

```licet
principal { team: String? }
tool refund(amount: Decimal) destructive
permit by_team on refund when (principal.team ?? "finance") == "finance"
```

## Right

```licet
principal { team: String? }
tool refund(amount: Decimal) destructive
permit by_team on refund when (principal.team ?? "") == "finance"
```

## Why

Whoever has no team passes as if of the right one. A default should lead to the refusal; a `let` does so by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from licet.compiler import ir
from licet.compiler.walking import walk
from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC421"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        rule = written.rule
        if rule.kind == "escalate":
            continue
        wanted = rule.kind == "permit"
        for tool, position, _ in written.on:
            condition = policy.program.rules[tool].rules[position].condition
            if any(_opens(part, wanted) for part in _parts(condition, positive=True)):
                then = "makes it apply" if wanted else "keeps it from applying"
                yield finding(
                    CODE,
                    f"in `{rule.name}`, the default of something absent {then}",
                    rule.span,
                    Severity.warning,
                    help="choose a default that refuses, or bind the value with `let`",
                )
                break


def _parts(condition: ir.Expr, *, positive: bool) -> Iterator[tuple[ir.Expr, bool]]:
    """The parts that have to hold, and whether as they stand; what may fail alone is left out."""
    match condition:
        case ir.And(operands) if positive:
            for operand in operands:
                yield from _parts(operand, positive=positive)
        case ir.Or(operands) if not positive:
            for operand in operands:
                yield from _parts(operand, positive=positive)
        case ir.Not(operand):
            yield from _parts(operand, positive=not positive)
        case _:
            yield condition, positive


def _opens(part: tuple[ir.Expr, bool], permit: bool) -> bool:
    """Whether a part of a permit is true, or of a forbid false, where a value is absent."""
    expr, positive = part
    absent = _where_absent(expr)
    if absent is None or (absent == positive) != permit:
        return False
    return permit or any(isinstance(n, ir.Fact) for n in walk(expr))


def _where_absent(expr: ir.Expr) -> bool | None:
    match expr:
        case ir.Coalesce(_, ir.Const(bool() as value)):
            return value
        case ir.Equal(ir.Coalesce(_, ir.Const(value)), ir.Const(other)) | ir.Equal(
            ir.Const(other), ir.Coalesce(_, ir.Const(value))
        ):
            return value == other
        case ir.Less(
            ir.Coalesce(_, ir.Const(int() | Fraction() as low)),
            ir.Const(int() | Fraction() as high),
            strict,
        ) | ir.Less(
            ir.Const(int() | Fraction() as low),
            ir.Coalesce(_, ir.Const(int() | Fraction() as high)),
            strict,
        ):
            return low < high or (low == high and not strict)
        case _:
            return None
