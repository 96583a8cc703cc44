"""# LIC424 all-over-empty

A permit rests on `all` over a list that may be empty, of which everything is true.

## Wrong

```licet
record Item { checked: Bool }
tool ship(items: List<Item>) destructive
permit ships on ship when all(i in args.items: i.checked)
```

## Right

```licet
record Item { checked: Bool }
tool ship(items: List<Item>) destructive
permit ships on ship when length(args.items) > 0 and all(i in args.items: i.checked)
```

## Why

A model that sends an empty list is permitted without any item having been checked.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.compiler import ir
from licet.compiler.types import ListType
from licet.compiler.walking import walk
from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC424"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        rule = written.rule
        if rule.kind != "permit":
            continue
        for tool, position, _ in written.on:
            condition = policy.program.rules[tool].rules[position].condition
            parts = condition.operands if isinstance(condition, ir.And) else (condition,)
            bare = [p for p in parts if isinstance(p, ir.Quantifier) and p.op == "all"]
            if any(_may_be_empty(part, parts) for part in bare):
                yield finding(
                    CODE,
                    f"`{rule.name}` permits the empty list: `all` is true of it",
                    rule.span,
                    Severity.warning,
                    help="add `length(…) > 0 and`",
                )
                break


def _may_be_empty(part: ir.Quantifier, parts: tuple[ir.Expr, ...]) -> bool:
    kind = part.list.type
    if isinstance(kind, ListType) and kind.min_length > 0:
        return False
    return not any(
        isinstance(node, ir.Length) and node.operand == part.list
        for other in parts
        for node in walk(other)
    )
