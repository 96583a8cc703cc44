"""`calls(…)`: typed as a list of earlier calls, then refused, because no engine reads it yet."""

from __future__ import annotations

from licet.policy_lang import ast

from .. import ir
from ..catalog import Tool
from ..names import alternatives
from ..types import (
    JSON,
    STRING,
    TIME,
    EnumType,
    Field,
    ListType,
    OptionalType,
    RecordType,
    Type,
)
from .agreement import join
from .context import Context, Scope, Typed
from .optionals import required

OUTCOME = EnumType("Outcome", ("pending", "ok", "error"))


def infer_calls(context: Context, node: ast.HistoryCalls, scope: Scope) -> Typed | None:
    """A list of `{ tool, args, result, outcome, at, principal, by }`, one for each call."""
    if not context.roots:
        context.error(
            "LIC132",
            "the history cannot be read here",
            node.span,
            scope,
            "it is read in rules, and in defines that rules use",
        )
        return None
    tools = context.declared.tool_sets.resolve(node.tools, scope.unit)
    if node.per is not None:
        required(context, node.per, scope)
    if not tools:
        return None
    not_supported(context, "`calls`", node, scope)
    index = context.declared.index
    labels = tuple(index.label("rule", entry) for entry in index.entries("rule"))
    record = RecordType(
        "call",
        (
            Field("tool", STRING),
            Field("args", _common(tools)),
            Field("result", OptionalType.of(_result(tools))),
            Field("outcome", OUTCOME),
            Field("at", TIME),
            Field("principal", context.declared.scope_record("principal")),
            Field("by", ListType(EnumType("rule names", labels))),
        ),
    )
    return Typed(ir.Const((), ListType(record)))


def _common(tools: tuple[Tool, ...]) -> RecordType:
    """The arguments that all of the tools have, with one type."""
    first, *others = (tool.params for tool in tools)
    fields: list[Field] = []
    for field in first.fields:
        type_: Type | None = field.type
        for other in others:
            theirs = other.field(field.name)
            type_ = None if theirs is None or type_ is None else join(type_, theirs.type)
        if type_ is not None:
            fields.append(Field(field.name, type_))
    name = "args of " + alternatives(tool.qualified for tool in tools)
    return RecordType(name.replace("`", ""), tuple(fields))


def _result(tools: tuple[Tool, ...]) -> Type:
    joined: Type | None = tools[0].result
    for tool in tools:
        joined = None if joined is None or tool.result is None else join(joined, tool.result)
    return JSON if joined is None else joined


def not_supported(context: Context, what: str, node: ast.Node, scope: Scope) -> None:
    """Refuse what is typed but not decided yet: it must not be ignored."""
    context.error(
        "LIC190",
        f"{what} is not decided by this version",
        node.span,
        scope,
        "leave it out for now; a policy with it is refused, never weakened",
    )
