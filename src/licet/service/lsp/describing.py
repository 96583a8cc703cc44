"""What a name is: how it is declared, its type, and what the catalog says of a tool.

Text of catalogs and policies is shown inside code fences that it cannot end, so that a hostile
description is read as text and never as Markdown.
"""

from __future__ import annotations

import re

from licet.compiler.catalog import Tool
from licet.policy_lang import ast
from licet.policy_lang.rendering import visible

from .completing import path_type
from .names import Occurrence
from .policies import Policy

#: Longer texts are cut.
_MOST = 2_000

_WORD = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")


def describe(policy: Policy, found: Occurrence | None, text: str, offset: int) -> str | None:
    """Markdown about the name at an offset; None where there is nothing to say."""
    if found is not None:
        known = _symbol(policy, found)
        if known is not None:
            return known
    return _path(policy, text, offset)


def _symbol(policy: Policy, found: Occurrence) -> str | None:
    symbol = found.symbol
    if symbol.kind in ("tool", "group") and policy.program is not None:
        tools = policy.program.catalog.find(symbol.name)
        if len(tools) == 1:
            return _tool(tools[0])
    if symbol.kind == "local":
        return None
    for tree in policy.files.values():
        for declaration in tree.declarations:
            if getattr(declaration, "name", None) == symbol.name and _fits(declaration, symbol):
                return fence(declaration.span.text, "licet")
            labels = declaration.labels if isinstance(declaration, ast.EnumDecl) else ()
            if symbol.kind == "value" and symbol.name in labels:
                return fence(declaration.span.text, "licet")
    return None


def _fits(declaration: ast.Declaration, symbol: object) -> bool:
    kinds = {
        "type": (ast.EnumDecl, ast.RecordDecl),
        "value": (ast.ValueDecl, ast.TableDecl, ast.FactDecl, ast.DefineDecl),
        "group": (ast.GroupDecl,),
        "rule": (ast.RuleDecl, ast.LimitDecl, ast.ProveDecl),
        "tool": (ast.ToolDecl,),
        "test": (ast.TestDecl,),
    }
    return isinstance(declaration, kinds.get(getattr(symbol, "kind", ""), ()))


def _tool(tool: Tool) -> str:
    hints = [
        word
        for word, holds in (
            ("read_only", tool.read_only),
            ("destructive", tool.destructive),
            *((f'tags "{tag}"', True) for tag in tool.tags),
        )
        if holds
    ]
    fields = [f"  {field.name}: {field.type}" for field in tool.params.fields]
    body = "(\n" + ",\n".join(fields) + "\n)" if fields else "()"
    shown = fence(f"tool {tool.qualified}{body} {' '.join(hints)}".rstrip(), "licet")
    if tool.description:
        shown += "\n\nwhat its catalog says:\n\n" + fence(tool.description, "text")
    return shown


def _path(policy: Policy, text: str, offset: int) -> str | None:
    """The type of the path that an offset stands in, up to the word there."""
    for match in _WORD.finditer(text, max(0, text.rfind("\n", 0, offset))):
        if match.start() > offset:
            break
        if match.start() <= offset <= match.end():
            dot = text.find(".", offset, match.end())
            path = text[match.start() : match.end() if dot < 0 else dot]
            kind = path_type(policy, text, match.end(), path)
            return None if kind is None else fence(f"{path}: {kind}", "licet")
    return None


def fence(text: str, language: str) -> str:
    """A code block that its text cannot end."""
    shown = "\n".join(visible(line) for line in text[:_MOST].splitlines())
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{shown}\n{marks}"
