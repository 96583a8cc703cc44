"""# LIC410 rule-never-applies

No call makes the rule do anything, on any of its tools: its condition cannot be true. That is proved.

## Wrong

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit refunds on refund
forbid large on refund when args.amount > 5_000 and args.amount < 500
```

## Right

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit refunds on refund
forbid large on refund when args.amount > 5_000 or args.amount < 0.05
```

## Why

Whoever reads the rule believes that it holds. Most often a bound is turned round, `and` should be `or`, or the type already excludes the value.

A rule that reads params is looked at with the values that they have. Where it needs others to apply, as in a policy that each deployment gives its own, this is a warning: lint it with a deployment's values (`--params FILE`).
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.compiler.ir import Rule
from licet.policy_lang import Severity, ast

from ..linted import Finding, Linted
from ..syntax import read_by
from .reporting import finding

CODE = "LIC410"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        if not written.everywhere_dead:
            continue
        rule = written.rule
        message = f"`{rule.name}` never applies: no call makes its condition true"
        if params := _params(policy, rule):
            values = "the values of " + ", ".join(f"`{name}`" for name in params)
            yield finding(
                CODE,
                f"{message}, with {values} as they are",
                rule.span,
                Severity.warning,
                help="lint it with the values that a deployment gives: `--params FILE`",
            )
        else:
            yield finding(
                CODE,
                message,
                rule.span,
                Severity.error,
                help="compare its bounds with each other and with the types of the arguments",
            )


def _params(policy: Linted, rule: Rule) -> list[str]:
    """The params on whose values it may depend that the rule never applies."""
    read: set[str] = set()
    for declaration in policy.declarations():
        if declaration.span == rule.span:
            read = read_by(policy.program, declaration)
    return [
        declaration.name
        for declaration in policy.declarations()
        if isinstance(declaration, ast.ValueDecl | ast.TableDecl)
        and declaration.is_param
        and declaration.name in read
    ]
