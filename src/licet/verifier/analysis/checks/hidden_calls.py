"""# LIC425 hidden-calls

A permit on a tool whose argument is itself a program (`command`, `code`, `query`, `sql`, `script`), compared as a text; or whose `calls` are calls that nobody judges, as the tool is not declared `dispatch`.

## Wrong

```licet
tool shell(command: String) destructive
permit lists on shell when args.command startswith "ls "
```

## Right

```licet
enum Command { list_files, show_disk }
tool shell(command: Command) destructive
permit lists on shell when args.command == list_files
```

## Why

`ls ; rm -r /` starts with `ls `. What a program does is not told by its text: give the agent tools with arguments, or name the whole programs that are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator

from licet.compiler import ir
from licet.compiler.types import Field, OptionalType, StringType
from licet.compiler.walking import walk
from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

NAMES = frozenset(("cmd", "code", "command", "query", "script", "shell", "sql", "statement"))

#: What a tool that makes calls of its own calls them.
_CALLS = "calls"

CODE = "LIC425"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        rule = written.rule
        if rule.kind != "permit":
            continue
        for tool, position, _ in written.on:
            told = policy.program.catalog.qualified[tool]
            hiding = [f.name for f in told.params.fields if _hides(f)]
            own = policy.program.rules[tool].rules[position]
            if told.read_only or (isinstance(own.condition, ir.Const) and not own.condition.value):
                continue
            if _CALLS in (f.name.lower() for f in told.params.fields) and not told.dispatch:
                yield finding(
                    CODE,
                    f"`{rule.name}` permits `{tool}`, whose `{_CALLS}` are judged by no rule",
                    rule.span,
                    Severity.warning,
                    help="declare the tool `dispatch`, so that every call in it is judged",
                )
                break
            if hiding and not _named(own, hiding):
                yield finding(
                    CODE,
                    f"`{rule.name}` permits `{tool}`, whose `{hiding[0]}` may hold any program",
                    rule.span,
                    Severity.warning,
                    help='compare it with whole programs: `in ["…", …]`, or use smaller tools',
                )
                break


def _hides(field: Field) -> bool:
    kind = field.type.inner if isinstance(field.type, OptionalType) else field.type
    return isinstance(kind, StringType) and field.name.lower() in NAMES


def _named(rule: ir.Rule, fields: list[str]) -> bool:
    """Whether the rule compares one of the fields with whole texts."""
    return any(
        isinstance(node, ir.Equal | ir.Contains)
        and any(isinstance(n, ir.GetField) and n.name in fields for n in walk(node))
        for node in walk(rule.condition)
    )
