"""# LIC428 impossible-order

Tools need each other to have been called before: none of them can ever be the first.

## Wrong

```licet
tool a(id: String)
tool b(id: String)
permit all on a, b
forbid a_first on a unless any(c in calls(b): c.outcome == ok)
forbid b_first on b unless any(c in calls(a): c.outcome == ok)
```

## Right

```licet
tool a(id: String)
tool b(id: String)
permit all on a, b
forbid b_first on b unless any(c in calls(a): c.outcome == ok)
```

## Why

Each rule alone makes sense, and together they refuse every call.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from licet.policy_lang import Note, Severity, ast

from ..linted import Finding, Linted
from ..syntax import matching
from .reporting import finding

CODE = "LIC428"


def find(policy: Linted) -> Iterator[Finding]:
    needs: dict[str, dict[str, ast.RuleDecl]] = {}
    tools = [tool.qualified for tool in policy.program.catalog]
    for declaration in policy.declarations():
        if not isinstance(declaration, ast.RuleDecl) or declaration.kind != "forbid":
            continue
        before = _needed(declaration.unless, tools)
        for tool in matching(declaration.on, tools):
            for other in before:
                needs.setdefault(tool, {}).setdefault(other, declaration)
    told: set[frozenset[str]] = set()
    for tool in needs:
        circle = _circle(tool, needs)
        if circle and frozenset(circle) not in told:
            told.add(frozenset(circle))
            rules = [needs[a][b] for a, b in pairwise([*circle, circle[0]])]
            shown = " before ".join(f"`{name}`" for name in reversed([*circle, circle[0]]))
            yield finding(
                CODE,
                f"no order of calls fits: {shown}",
                rules[0].span,
                Severity.error,
                tuple(Note(f"`{rule.name}` is here", rule.span) for rule in rules[1:]),
                help="let one of the tools be called first",
            )


def _needed(condition: ast.Expr | None, tools: list[str]) -> set[str]:
    """The one tool of which a call must have been made, for each such call that is needed."""
    match condition:
        case ast.Binary("and", left, right):
            return _needed(left, tools) | _needed(right, tools)
        case ast.Comprehension("any", ast.Generator(_, ast.HistoryCalls(patterns))):
            found = matching(patterns, tools)
            return set(found) if len(found) == 1 else set()
        case _:
            return set()


def _circle(start: str, needs: dict[str, dict[str, ast.RuleDecl]]) -> list[str]:
    """The tools on a way from a tool back to itself; nothing if there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for other in needs.get(way[-1], {}):
            if other == start:
                return way
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []
