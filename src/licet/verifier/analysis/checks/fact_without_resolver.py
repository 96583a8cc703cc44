"""# LIC420 fact-without-resolver

A rule reads a fact that the project does not say how to look up: `resolvers` in the `[lint]` table of `licet.toml` names those that the host can. Without that line nothing is said.

## Wrong

```licet
fact vip(id: String) -> Bool
tool refund(id: String) destructive
permit refunds on refund when vip(args.id)
```

## Right

```licet
context { vip: Bool }
tool refund(id: String) destructive
permit refunds on refund when context.vip
```

## Why

A fact that nobody supplies is unknown, and what depends on it is refused: every call would be, and only in production.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.compiler import ir
from licet.compiler.walking import walk
from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC420"


def find(policy: Linted) -> Iterator[Finding]:
    if policy.resolvers is None:
        return
    told: set[str] = set()
    for written in policy.written:
        for tool, position, _ in written.on:
            rule = policy.program.rules[tool].rules[position]
            for body in (*(let.value for let in rule.lets), rule.condition):
                for node in walk(body):
                    if isinstance(node, ir.Fact) and node.name not in policy.resolvers | told:
                        told.add(node.name)
                        yield finding(
                            CODE,
                            f"`{rule.name}` reads `{node.name}`, which has no resolver",
                            rule.span,
                            Severity.error,
                            help="write the resolver and add it to `resolvers`, or use a context",
                        )
