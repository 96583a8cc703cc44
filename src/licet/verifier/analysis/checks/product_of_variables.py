"""# LIC419 product-of-variables

Two values that vary are multiplied. The solver may not be able to decide what follows, and then refuses or leaves a proof open.

## Wrong

```licet
tool order(count: Int in 0 .. 100, price: Decimal in 0 .. 1_000 step 0.01)
permit orders on order when args.count * args.price <= 500
```

## Right

```licet
param price: Decimal = 9.99
tool order(count: Int in 0 .. 100)
permit orders on order when args.count * price <= 500
```

## Why

A call whose values are all known is decided in any case: this is about proofs, lint, diff and calls with unknown facts. Where the product is needed, keep its factors small.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.compiler import ir
from licet.compiler.walking import walk
from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC419"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        for tool, position, _ in written.on:
            rule = policy.program.rules[tool].rules[position]
            bodies = (*(let.value for let in rule.lets), rule.condition)
            if any(_product(node) for body in bodies for node in walk(body)):
                yield finding(
                    CODE,
                    f"`{rule.name}` multiplies two values that vary",
                    rule.span,
                    Severity.info,
                    help="proofs about it may stay open; use a table or a constant if they do",
                )
                break


def _product(node: ir.Expr) -> bool:
    return (
        isinstance(node, ir.Arithmetic)
        and node.op == "*"
        and not isinstance(node.left, ir.Const)
        and not isinstance(node.right, ir.Const)
    )
