"""# LIC419 product-of-variables

A rule multiplies two values that vary, and the solver could not decide all that lint asks about its tool.

## Wrong

```licet
tool area(a: Int, b: Int, c: Int)
permit areas on area when args.a * args.a * args.a + args.b * args.b * args.b == args.c * args.c * args.c and args.a * args.b * args.c > 1
```

## Right

```licet
tool area(a: Int in 0 .. 9, b: Int in 0 .. 9)
permit areas on area when args.a * args.b <= 40
```

## Why

A call whose values are all known is decided in any case: this is about proofs, lint, diff and calls with unknown facts. Small ranges, tables and constants keep products decidable.
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
            if not policy.surveys[tool].open:
                continue
            rule = policy.program.rules[tool].rules[position]
            bodies = (*(let.value for let in rule.lets), rule.condition)
            if any(_product(node) for body in bodies for node in walk(body)):
                yield finding(
                    CODE,
                    f"`{rule.name}` multiplies two values that vary, which was not decided",
                    rule.span,
                    Severity.warning,
                    help="bound the factors, or use a table or a constant",
                )
                break


def _product(node: ir.Expr) -> bool:
    return (
        isinstance(node, ir.Arithmetic)
        and node.op == "*"
        and not isinstance(node.left, ir.Const)
        and not isinstance(node.right, ir.Const)
    )
