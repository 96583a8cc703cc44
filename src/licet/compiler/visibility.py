"""Pass 7: what the model's view may show, and which arguments a repair may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from licet.policy_lang import ast

from . import ir
from .catalog import Tool
from .declarations import SCOPES, Declarations
from .gathering import Unit
from .history import Index
from .names import suggestion
from .types import (
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
)
from .walking import walk

Path = tuple[str, ...]


def shown_paths(declared: Declarations) -> frozenset[Path]:
    """Paths such as ("principal", "role") or ("reservation",) that are declared `shown`."""
    found: set[Path] = set()
    for unit, declaration in declared.index.gathered.declarations():
        if isinstance(declaration, ast.ShownDecl):
            for node in declaration.paths:
                path = _shown(declared, node, unit)
                if path is not None:
                    found.add(path)
    return frozenset(found)


def _shown(declared: Declarations, node: ast.Expr, unit: Unit) -> Path | None:
    steps: list[str] = []
    inner = node
    while isinstance(inner, ast.Member):
        steps.insert(0, inner.name)
        inner = inner.target
    if not isinstance(inner, ast.Name):
        declared.reporter.error(
            "LIC132",
            "a path is wanted here",
            node.span,
            "write `shown principal.role`, `shown context` or the name of a fact",
        )
        return None
    root = inner.name
    type_: Type
    if not steps and (spent := _limit(declared, root, unit)) is not None:
        return (spent,)
    if root in SCOPES:
        type_ = declared.scope_record(root)
    else:
        entry = declared.index.find("value", root, unit, node.span)
        if entry is None or not isinstance(entry.declaration, ast.FactDecl):
            facts = [
                e.name
                for e in declared.index.entries("value")
                if isinstance(e.declaration, ast.FactDecl)
            ]
            limits = [
                e.name
                for e in declared.index.entries("rule")
                if isinstance(e.declaration, ast.LimitDecl)
            ]
            declared.reporter.error(
                "LIC101",
                f"unknown fact, limit or scope `{root}`",
                node.span,
                suggestion(root, (*SCOPES, *facts, *limits), "declare it first"),
            )
            return None
        signature = declared.fact(entry)
        if signature is None:
            return None
        root, type_ = signature.name, signature.result
    end = _leads(declared, type_, tuple(steps), node)
    return None if end is None else (root, *steps)


def _limit(declared: Declarations, name: str, unit: Unit) -> str | None:
    """What a limit has come to, as rules look it up; None: there is no such limit."""
    for entry in declared.index.candidates("rule", name, unit):
        if isinstance(entry.declaration, ast.LimitDecl):
            return f"{declared.index.label('rule', entry)}.spent"
    return None


def own_history(history: Mapping[str, Index]) -> frozenset[Path]:
    """The folds that say nothing but what an agent has done itself, which it knows anyway."""
    return frozenset((name,) for name, index in history.items() if _is_own(index))


def _is_own(index: Index) -> bool:
    if index.reach != "session" or index.call is None or index.reference is None:
        return False
    slot = index.call.slot
    read = {
        node.name
        for node in walk(index.reference)
        if isinstance(node, ir.GetField)
        and isinstance(node.record, ir.Var)
        and node.record.slot == slot
    }
    return read <= {"tool", "args", "outcome", "at"}


def _leads(declared: Declarations, type_: Type, steps: Path, node: ast.Node) -> Type | None:
    """Where a path into a type ends, through optionals, lists and maps; else None and an error."""
    for step in steps:
        while isinstance(type_, OptionalType | ListType | MapType):
            type_ = (
                type_.inner
                if isinstance(type_, OptionalType)
                else type_.element
                if isinstance(type_, ListType)
                else type_.value
            )
        fields = type_.fields if isinstance(type_, RecordType) else ()
        field = next((f for f in fields if f.name == step), None)
        if field is None:
            declared.reporter.error(
                "LIC109",
                f"unknown field of `{type_}`: `{step}`",
                node.span,
                suggestion(step, (f.name for f in fields), "it has no fields"),
            )
            return None
        type_ = field.type
    return type_


def adjustable_arguments(declared: Declarations) -> dict[str, tuple[Path, ...]]:
    """The arguments that a repair may change, of each tool for which the policy says it."""
    found: dict[str, tuple[Path, ...]] = {}
    for unit, declaration in declared.index.gathered.declarations():
        if not isinstance(declaration, ast.AdjustableDecl):
            continue
        for entry in declaration.entries:
            for tool in declared.tool_sets.resolve((entry.tool,), unit):
                paths = tuple(
                    path for path in entry.arguments if _argument(declared, tool, path, entry)
                )
                found[tool.qualified] = (*found.get(tool.qualified, ()), *paths)
    return found


def _argument(declared: Declarations, tool: Tool, path: Path, entry: ast.Adjustable) -> bool:
    if path and tool.params.field(path[0]) is None:
        declared.reporter.error(
            "LIC108",
            f"`{tool.qualified}` has no argument `{path[0]}`",
            entry.span,
            suggestion(path[0], (f.name for f in tool.params.fields), "it takes no arguments"),
        )
        return False
    end = _leads(declared, tool.params, path, entry)
    if end is None:
        return False
    inner = end.inner if isinstance(end, OptionalType) else end
    if isinstance(inner, StringType | JsonType):
        declared.reporter.warning(
            "LIC135",
            f"a repair never changes `{'.'.join(path)}`, which is `{end}`",
            entry.span,
            "name numbers, truth values, enums, dates or times; without `adjustable`, all of these "
            f"may change, with `adjustable {entry.tool.text}()` nothing",
        )
    return True


def fact_signatures(declared: Declarations, shown: frozenset[Path]) -> dict[str, ir.FactSignature]:
    """Every fact by name; `shown` where the whole of it is."""
    found: dict[str, ir.FactSignature] = {}
    for entry in declared.index.entries("value"):
        if isinstance(entry.declaration, ast.FactDecl):
            signature = declared.fact(entry)
            if signature is not None:
                found[signature.name] = replace(signature, shown=(signature.name,) in shown)
    return found
