"""# LIC414 tool-not-permitted

No call of a tool is ever allowed. Where that is meant, a forbid without a condition says so, and the finding is gone.

## Wrong

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
tool look(id: String) read_only
permit refunds on refund when args.amount <= 500
```

## Right

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
tool look(id: String) read_only
permit refunds on refund when args.amount <= 500
forbid not_here on look
```

## Why

An agent that has a tool and may never use it tries, is refused, and tries again. Either a permit was forgotten, or the tool should not be offered.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from licet.compiler import ir
from licet.compiler.catalog import Tool
from licet.policy_lang import Severity, Span, ast

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC414"


def find(policy: Linted) -> Iterator[Finding]:
    for tool in policy.program.catalog:
        rules = policy.program.rules[tool.qualified]
        known = policy.surveys.get(tool.qualified)
        if known is not None and known.permitted:
            continue
        if any(isinstance(r.condition, ir.Const) and r.condition.value for r in rules.forbids):
            continue
        some = any(
            not isinstance(r.condition, ir.Const) or r.condition.value for r in rules.permits
        )
        why = "its forbids leave none of it" if some else "no rule permits it"
        first = rules.permits[0].span if rules.permits else _declared(tool, policy)
        yield finding(
            CODE,
            f"no call of `{tool.qualified}` is ever allowed: {why}",
            first,
            Severity.warning,
            help=f"permit it, or say that it is meant: `forbid NAME on {tool.name}`",
        )


def _declared(tool: Tool, policy: Linted) -> Span | None:
    """Where a tool, or the list that it stands in, is named."""
    for declaration in policy.declarations():
        match declaration:
            case ast.ToolDecl(name) if not tool.source and name == tool.name:
                return declaration.span
            case ast.UseTools(_, sources, alias):
                stems = {PurePosixPath(source.value).stem for source in sources}
                if tool.source and tool.source in {alias, *stems}:
                    return declaration.span
    return None
