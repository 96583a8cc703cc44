"""# LIC422 pending-prerequisite

A rule asks whether an earlier call was made, and not whether it succeeded.

## Wrong

```licet
tool verify(id: String)
tool refund(id: String, amount: Decimal) destructive
permit verifies on verify
permit refunds on refund
forbid unverified on refund unless any(c in calls(verify): c.args.id == args.id)
```

## Right

```licet
tool verify(id: String)
tool refund(id: String, amount: Decimal) destructive
permit verifies on verify
permit refunds on refund
forbid unverified on refund unless any(c in calls(verify): c.outcome == ok and c.args.id == args.id)
```

## Why

Pending and failed calls are part of the history. A verification that failed, or that has not come back yet, would count as one.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.policy_lang import Severity, ast

from ..linted import Finding, Linted
from ..syntax import nodes
from .reporting import finding

CODE = "LIC422"


def find(policy: Linted) -> Iterator[Finding]:
    for declaration in policy.declarations():
        if not isinstance(declaration, ast.RuleDecl):
            continue
        helpful = {"permit": declaration.when, "forbid": declaration.unless}
        condition = helpful.get(declaration.kind)
        if condition is None:
            continue
        for node in nodes(condition):
            if not isinstance(node, ast.Comprehension) or node.kind not in ("any", "count"):
                continue
            reads = any(isinstance(n, ast.HistoryCalls) for n in nodes(node.generator))
            asks = any(isinstance(n, ast.Member) and n.name == "outcome" for n in nodes(node.body))
            if reads and not asks:
                yield finding(
                    CODE,
                    f"`{declaration.name}` is content with a call that is pending or has failed",
                    node.span,
                    Severity.warning,
                    help=f"add `{node.generator.names[0]}.outcome == ok and`",
                )
