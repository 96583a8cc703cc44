"""# LIC430 limit-without-effect

A limit whose bound no call can keep, or that counts nothing.

## Wrong

```licet
tool refund(amount: Decimal in 1 .. 10_000)
permit refunds on refund
limit daily on refund sum(args.amount) within day <= 0
```

## Right

```licet
tool refund(amount: Decimal in 1 .. 10_000)
permit refunds on refund
limit daily on refund sum(args.amount) within day <= 5_000
```

## Why

A bound of 0 refuses everything: a forbid says so in fewer words. A sum that is always 0 never refuses anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.policy_lang import Severity, ast

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC430"


def find(policy: Linted) -> Iterator[Finding]:
    for declaration in policy.declarations():
        if not isinstance(declaration, ast.LimitDecl):
            continue
        bound = declaration.bound
        if isinstance(bound, ast.Unary) and isinstance(bound.operand, ast.NumberLiteral):
            tight = bound.op == "-"
        else:
            zero = isinstance(bound, ast.NumberLiteral) and bound.value == 0
            one = isinstance(bound, ast.NumberLiteral) and bound.value <= 1
            counts = all(aggregate.kind == "count" for aggregate in declaration.aggregates)
            tight = zero or (counts and one and declaration.op == "<")
        if tight:
            yield finding(
                CODE,
                f"the limit `{declaration.name}` leaves no room for any call",
                bound.span,
                Severity.error,
                help="raise the bound, or write a forbid",
            )
        for aggregate in declaration.aggregates:
            amount = aggregate.amount
            if isinstance(amount, ast.NumberLiteral) and amount.value == 0:
                yield finding(
                    CODE,
                    f"the limit `{declaration.name}` adds up nothing",
                    amount.span,
                    Severity.error,
                    help="add up what the call costs",
                )
