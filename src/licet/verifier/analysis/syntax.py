"""Walking what was written: nodes of a syntax tree, and the tools that a pattern may mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields

from licet.compiler.program import Program
from licet.policy_lang import ast


def nodes(node: ast.Node) -> Iterator[ast.Node]:
    """The node and all nodes inside it, in the order written."""
    waiting: list[object] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting.extend(reversed(part))
        elif isinstance(part, ast.Node):
            yield part
            kind = type(part)
            if kind not in _last_first:
                names = [f.name for f in fields(part) if f.name != "span"]
                _last_first[kind] = tuple(reversed(names))
            waiting.extend([getattr(part, name) for name in _last_first[kind]])


def read_by(program: Program, start: ast.Node) -> set[str]:
    """The names that a part of a policy mentions, itself or by what those names declare."""
    declared: dict[str, list[ast.Declaration]] = {}
    for file in program.files.values():
        for declaration in file.declarations:
            if name := getattr(declaration, "name", None):
                declared.setdefault(name, []).append(declaration)
    found: set[str] = set()
    waiting: list[ast.Node] = [start]
    while waiting:
        for node in nodes(waiting.pop()):
            match node:
                case ast.Name(name) | ast.Call(name) | ast.Member(_, name) | ast.NamedType(name):
                    if name not in found:
                        found.add(name)
                        waiting += declared.get(name.rpartition(".")[2], ())
                case _:
                    pass
    return found


#: By class, the names of its fields: dataclasses are slow to say them.
_last_first: dict[type, tuple[str, ...]] = {}


def matching(patterns: Sequence[ast.ToolPattern], tools: Sequence[str]) -> list[str]:
    """The qualified names that tools or globs mean; groups are left out."""
    found: list[str] = []
    for pattern in patterns:
        everything = pattern.text == "any" and not pattern.quoted
        glob = re.compile(
            ".*"
            if everything
            else ".*".join(map(re.escape, pattern.text.split("*")))
            if pattern.is_glob
            else re.escape(pattern.text),
            re.DOTALL,
        )
        for tool in tools:
            if glob.fullmatch(tool) or glob.fullmatch(tool.rpartition(".")[2]):
                found.append(tool)
    return list(dict.fromkeys(found))


def wide_patterns(program: Program) -> Iterator[ast.ToolPattern]:
    """The globs, and `any`, in what decides: groups and rules of every kind, each text once."""
    seen: set[str] = set()
    for file in program.files.values():
        for declaration in file.declarations:
            if isinstance(declaration, ast.TestDecl | ast.ProveDecl):
                continue
            for node in nodes(declaration):
                if (
                    isinstance(node, ast.ToolPattern)
                    and (node.is_glob or (node.text == "any" and not node.quoted))
                    and node.text not in seen
                ):
                    seen.add(node.text)
                    yield node
