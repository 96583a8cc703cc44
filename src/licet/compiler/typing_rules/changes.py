"""Before and after: what a call changes, as its tool's `change` declares.

`before` and `after` stand for the declared expressions, written out where they are used. What a
call makes of a document must be known to judge it: a rule that reads `after` needs it to exist, as
if it had a `let` for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from licet.policy_lang import Note, Span, ast

from .. import ir
from ..folding import TRUE, both, negation, some
from ..gathering import Entry
from ..resolution import SIDES
from ..types import (
    Field,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
)
from ..walking import NODES, children
from .agreement import join
from .context import Context, Scope, Typed
from .documents import entries, is_document, perhaps, whole

Side = Literal["before", "after"]

FUNCTIONS = frozenset(("changed", "added", "removed"))


def infer_side(context: Context, side: Side, span: Span, scope: Scope) -> Typed | None:
    """`before` or `after`."""
    change = _change(context, side, span, scope)
    if change is None:
        return None
    context.reads_tool = True
    if side == "before":
        return _declared(context, side, change, span, scope)
    if context.implied is None:
        context.error(
            "LIC132", "`after` means nothing here", span, scope, "it stands in rules and proofs"
        )
        return None
    if side not in context.implied:
        typed = _declared(context, side, change, span, scope)
        if typed is None:
            return None
        inner = typed.type.inner if isinstance(typed.type, OptionalType) else typed.type
        var = context.variable(side, inner)
        context.implied[side] = ir.Let(var, typed.expr, _span(change))
    return Typed(context.implied[side].var)


def _declared(
    context: Context, side: Side, change: Entry, span: Span, scope: Scope
) -> Typed | None:
    declaration = change.declaration
    assert isinstance(declaration, ast.ChangeDecl)
    context.declared.used_defines.add(change)
    mark = replace(change, name=side)
    if mark in scope.defines:
        context.error(
            "LIC105", f"`{side}` is declared by itself", span, scope, "read facts and arguments"
        )
        return None
    trail = (*scope.trail, Note(f"`{side}` is used here", span))
    inside = Scope(change.unit, trail=trail, defines=(*scope.defines, mark))
    typed = context.infer(declaration.before if side == "before" else declaration.after, inside)
    if typed is not None and side == "before" and _chosen_by_model(typed.expr):
        context.error(
            "LIC153",
            "what was there before cannot come from the arguments",
            declaration.before.span,
            scope,
            "read it from a fact that the host looks up; its keys may come from the arguments",
        )
        return None
    return typed


def _span(change: Entry) -> Span:
    assert isinstance(change.declaration, ast.ChangeDecl)
    return change.declaration.after.span


def _change(context: Context, name: str, span: Span, scope: Scope) -> Entry | None:
    tool = context.tool
    change = None if tool is None else context.declared.change(tool)
    if change is None:
        where = "here" if tool is None else f"for `{tool.qualified}`"
        context.error(
            "LIC154",
            f"`{name}` means nothing {where}",
            span,
            scope,
            "declare what the tool changes: `change on TOOL before … after …`",
        )
    return change


def _chosen_by_model(expr: ir.Expr) -> bool:
    """Whether arguments take part in a value, other than as keys of facts."""
    if isinstance(expr, ir.Root):
        return expr.name == "args"
    if isinstance(expr, ir.Fact):
        return False
    return any(_chosen_by_model(part) for part in children(expr) if isinstance(part, NODES))


# --- changed, added, removed -------------------------------------------------------------------


def infer_change_call(context: Context, node: ast.Call, scope: Scope) -> Typed | None:
    """`changed(PATH)`, `added(PATH)`, `removed(PATH)`: a path into both documents."""
    if _change(context, node.name, node.span, scope) is None:
        return None
    if len(node.arguments) != 1 or not _is_path(node.arguments[0]):
        context.error(
            "LIC155",
            f"`{node.name}` takes one path into the document",
            node.span,
            scope,
            f"write `{node.name}(spec.replicas)`, without `before.` or `after.`",
        )
        return None
    sides = [context.infer(_under(node.arguments[0], side), scope) for side in ("before", "after")]
    if sides[0] is None or sides[1] is None:
        return None
    before, after = sides[0].expr, sides[1].expr
    if node.name == "changed":
        return _changed(context, node, before, after, scope)
    old, new = (before, after) if node.name == "removed" else (after, before)
    return _missing(context, node, old, new, scope)


def _is_path(node: ast.Expr) -> bool:
    match node:
        case ast.Name(name=name):
            return name not in SIDES
        case ast.Member(target=inner) | ast.Index(target=inner) | ast.ReadAs(document=inner):
            return _is_path(inner)
        case _:
            return False


def _under(node: ast.Expr, side: str) -> ast.Expr:
    """The path as it reads from `before` or `after` on."""
    match node:
        case ast.Name():
            return ast.Member(ast.Name(side, span=node.span), node.name, span=node.span)
        case ast.Member(target=inner) | ast.Index(target=inner):
            return replace(node, target=_under(inner, side))
        case ast.ReadAs(document=inner):
            return replace(node, document=_under(inner, side))
        case _:
            return node


def _changed(
    context: Context, node: ast.Call, before: ir.Expr, after: ir.Expr, scope: Scope
) -> Typed | None:
    """Whether the two differ; one that is absent differs from every one that is there."""
    if is_document(before.type) and is_document(after.type):
        return Typed(negation(ir.Equal(whole(before), whole(after))))
    joined = _joined(context, node, before.type, after.type, scope)
    if joined is None:
        return None
    kind = OptionalType.of(joined)
    record = RecordType("", (Field("value", kind),))
    one, two = (ir.MakeRecord((("value", some(x, kind)),), record) for x in (before, after))
    return Typed(negation(ir.Equal(one, two)))


def _joined(
    context: Context, node: ast.Call, before: Type, after: Type, scope: Scope
) -> Type | None:
    joined = join(before, after)
    if joined is None or is_document(before) != is_document(after):
        context.error(
            "LIC111",
            f"`before` has a `{before}` there and `after` a `{after}`",
            node.span,
            scope,
            "declare both sides of the change with one type",
        )
        return None
    return joined


def _missing(
    context: Context, node: ast.Call, held: ir.Expr, other: ir.Expr, scope: Scope
) -> Typed | None:
    """The keys of an object or map, or the elements of a list, that the other one lacks."""
    if is_document(held.type) and is_document(other.type):
        held, other = entries(held), entries(other)
    joined = _joined(context, node, held.type, other.type, scope)
    if joined is None:
        return None
    inner = joined.inner if isinstance(joined, OptionalType) else joined
    held, other = _or_empty(held, inner), _or_empty(other, inner)
    match inner:
        case ListType(element=element):
            var = context.variable("", element)
            test = negation(ir.Contains(var, other))
            return Typed(ir.ListComp(var, held, test, var, ListType(element)))
        case MapType(key=key, value=value):
            pair = RecordType("", (Field("key", key), Field("value", value)))
            var = context.variable("", pair)
            name = ir.GetField(var, "key", key)
            parts = [_there(ir.GetField(var, "value", value))]
            parts.append(negation(_has(other, name, value)))
            source = ir.Entries(held, ListType(pair))
            return Typed(ir.ListComp(var, source, both(parts), name, ListType(key)))
        case _:
            context.mismatch(
                "an object, a map or a list",
                inner,
                node.span,
                scope,
                f"`{node.name}` compares what two collections hold; see `changed`",
            )
            return None


def _or_empty(side: ir.Expr, inner: Type) -> ir.Expr:
    if not isinstance(side.type, OptionalType):
        return side
    return ir.Coalesce(side, ir.Const({} if isinstance(inner, MapType) else (), inner), inner)


def _there(value: ir.Expr) -> ir.Expr:
    """Whether an entry's value is no null."""
    return ir.Present(perhaps(value)) if isinstance(value.type, JsonType) else TRUE


def _has(collection: ir.Expr, key: ir.Expr, value: Type) -> ir.Expr:
    """Whether a map has a key, with a value that is no null."""
    if isinstance(value, JsonType):
        return ir.Present(ir.Lookup(collection, key, OptionalType(value)))
    return ir.Contains(key, collection)
