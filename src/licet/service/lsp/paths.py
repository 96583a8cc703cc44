"""The types of paths in a rule, as an editor needs them: while half of the rule is not there yet.

The compiler's own type checker wants whole rules. This reads paths alone (`args.flights`,
`r.cabin`) from a program's types, and says nothing where it is not sure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from licet.compiler.program import Program
from licet.compiler.types import (
    BOOL,
    STRING,
    TIME,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
)
from licet.policy_lang import ast


def tools_of(program: Program, patterns: Sequence[ast.ToolPattern], groups: Groups) -> list[str]:
    """The qualified names of the tools that an `on` means, as far as they are known."""
    from fnmatch import fnmatchcase

    found: dict[str, None] = {}
    for pattern in patterns:
        if pattern.text in groups:
            found.update(dict.fromkeys(tools_of(program, groups[pattern.text], {})))
        elif pattern.text == "any" and not pattern.quoted:
            found.update(dict.fromkeys(program.catalog.qualified))
        elif pattern.is_glob:
            names = {
                tool.qualified: None
                for tool in program.catalog
                if fnmatchcase(tool.qualified, pattern.text) or fnmatchcase(tool.name, pattern.text)
            }
            found.update(names)
        else:
            found.update(dict.fromkeys(t.qualified for t in program.catalog.find(pattern.text)))
    return list(found)


Groups = Mapping[str, Sequence[ast.ToolPattern]]


def root_type(
    program: Program, name: str, tools: Sequence[str], lets: Mapping[str, ast.Expr]
) -> Type | None:
    """The type of a path's first word; arguments are those that all tools have."""
    match name:
        case "args":
            records = [program.catalog.qualified[tool].params for tool in tools]
            if not records:
                return None
            first, *others = records
            common = tuple(f for f in first.fields if all(r.field(f.name) for r in others))
            return RecordType(first.name, common)
        case "principal" | "context" | "session":
            found: RecordType = getattr(program, name)
            return found
        case "now":
            return TIME
        case _ if name in lets:
            without = {other: value for other, value in lets.items() if other != name}
            return bare(type_of(program, lets[name], tools, without))
        case _ if name in program.params or name in program.unset_params:
            return program.unset_params.get(name)
        case _:
            return None


def type_of(
    program: Program, node: ast.Expr, tools: Sequence[str], lets: Mapping[str, ast.Expr]
) -> Type | None:
    """The type of a path, a look-up of a fact, or a default; None for anything else."""
    match node:
        case ast.Name(name=name):
            return root_type(program, name, tools, lets)
        case ast.Member(target=ast.Name(name="tool"), name=name):
            return STRING if name in ("name", "source") else BOOL
        case ast.Member(target=target, name=name):
            return field_type(type_of(program, target, tools, lets), name)
        case ast.Index(target=target):
            inner = bare(type_of(program, target, tools, lets))
            return inner.value if isinstance(inner, MapType) else None
        case ast.Call(name="first" | "last" | "distinct" as name, arguments=(of,)):
            inner = bare(type_of(program, of, tools, lets))
            if isinstance(inner, ListType):
                return inner if name == "distinct" else inner.element
            return None
        case ast.Call(name=name):
            signature = program.facts.get(name)
            return None if signature is None else signature.result
        case ast.Binary(op="??", left=left):
            return bare(type_of(program, left, tools, lets))
        case _:
            return None


def field_type(of: Type | None, name: str) -> Type | None:
    """The type of a field, an optional record seen through; a Time's parts have theirs."""
    inner = bare(of)
    if isinstance(inner, RecordType) and (field := inner.field(name)) is not None:
        return field.type
    return None


def bare(type_: Type | None) -> Type | None:
    """A type without its `?`."""
    return type_.inner if isinstance(type_, OptionalType) else type_


def element(type_: Type | None) -> Type | None:
    """What a list or a map holds."""
    inner = bare(type_)
    if isinstance(inner, ListType):
        return inner.element
    return inner.value if isinstance(inner, MapType) else None
