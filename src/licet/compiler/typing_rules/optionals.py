"""Absence: narrowed paths, chains over optionals, `has`, `??`, and what must be handled first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from licet.policy_lang import Span, ast

from .. import ir
from ..folding import TRUE, some
from ..types import (
    BOOL,
    JSON,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
)
from .agreement import accepts, join, widened
from .context import Context, Scope, Typed
from .narrowing import key, present
from .shaping import ENTRIES, way_to


def narrowed(expr: ir.Expr, scope: Scope) -> ir.Expr:
    """The expression, unwrapped where the flow has shown that it is present. A part of a document
    that is there is there as any type: where it is of another one, reading it refuses."""
    if isinstance(expr.type, OptionalType) and scope.known:
        path = expr.document if isinstance(expr, ir.JsonAs) else expr
        if key(expr) in scope.known or key(path) in scope.known:
            return ir.Unwrap(expr, expr.type.inner)
    return expr


def chained(
    context: Context, target: ir.Expr, build: Callable[[ir.Expr], ir.Expr | None]
) -> ir.Expr | None:
    """`build` over the value of a target that may be absent."""
    if not isinstance(target.type, OptionalType):
        return build(target)
    if isinstance(target, ir.WhenPresent) and not isinstance(target.body.type, OptionalType):
        optional, var, inner = target.optional, target.var, build(target.body)
    else:
        optional = target
        var = context.variable("", target.type.inner)
        inner = build(var)
    if inner is None:
        return None
    return ir.WhenPresent(optional, var, inner, OptionalType.of(inner.type))


def required(
    context: Context,
    node: ast.Expr,
    scope: Scope,
    expected: Type | None = None,
    wanted: Sequence[Type] = (),
) -> Typed | None:
    """The typed expression if its value is certain to be there; else an error.

    `expected` is what its literals are typed by, `wanted` what a part of a document may become.
    """
    typed = context.infer(node, scope, expected)
    if expected is not None and not wanted:
        wanted = (expected,)
    return None if typed is None else handled(context, typed, node.span, scope, wanted)


def handled(
    context: Context, typed: Typed, span: Span, scope: Scope, wanted: Sequence[Type] = ()
) -> Typed | None:
    """The value if it can be neither absent nor of unknown shape; else an error."""
    if isinstance(typed.type, JsonType) or (
        isinstance(typed.type, OptionalType) and isinstance(typed.type.inner, JsonType)
    ):
        context.error(
            "LIC115",
            "the shape of this part of a document is not known",
            span,
            scope,
            way_to(*wanted),
        )
        return None
    if isinstance(typed.type, OptionalType) and context.absence_refuses:
        context.bare.append(ir.Unwrap(typed.expr, typed.type.inner))
        return Typed(context.bare[-1])
    if isinstance(typed.type, OptionalType):
        way = "`?? []`" if isinstance(typed.type.inner, ListType) else "`?? default`"
        context.error(
            "LIC112",
            f"this may be absent (`{typed.type}`)",
            span,
            scope,
            f"say what holds then: {way}, `has …` before it, or `let` in the rule",
        )
        return None
    return typed


def infer_has(context: Context, node: ast.Has, scope: Scope) -> Typed | None:
    """`has PATH`: true where it is present; what it was read through is then present too."""
    typed = context.infer(node.path, scope)
    if typed is None:
        return None
    expr = typed.expr
    if isinstance(expr.type, JsonType):
        expr = ir.JsonPath(expr, (), OptionalType(JSON))
    if not isinstance(expr.type, OptionalType):
        return Typed(TRUE)
    return Typed(ir.Present(expr, BOOL), when_true=present(expr))


def infer_coalesce(
    context: Context, node: ast.Binary, scope: Scope, expected: Type | None
) -> Typed | None:
    """`path ?? default`."""
    left = context.infer(node.left, scope, expected)
    if left is None:
        # What an empty list would hold is not known either: the first error says enough.
        if not (isinstance(node.right, ast.ListLiteral) and not node.right.items):
            context.infer(node.right, scope, expected)
        return None
    inner = left.type.inner if isinstance(left.type, OptionalType) else left.type
    if isinstance(inner, JsonType):
        return _coalesce_document(context, left.expr, node, scope, expected)
    right = context.infer(node.right, scope, inner)
    if right is None:
        return None
    right_inner = right.type.inner if isinstance(right.type, OptionalType) else right.type
    if isinstance(right_inner, JsonType):
        handled(context, right, node.right.span, scope, (inner,))
        return None
    joined = join(inner, right_inner)
    if joined is None:
        context.mismatch(
            f"`{inner}`",
            right_inner,
            node.right.span,
            scope,
            "the default has the type of what it stands for",
        )
        return None
    if not isinstance(left.type, OptionalType):
        return left
    if isinstance(right.type, OptionalType):
        optional = OptionalType.of(joined)
        return Typed(ir.Coalesce(left.expr, right.expr, optional))
    return Typed(ir.Coalesce(left.expr, right.expr, joined))


def _coalesce_document(
    context: Context, document: ir.Expr, node: ast.Binary, scope: Scope, expected: Type | None
) -> Typed | None:
    wanted = expected.inner if isinstance(expected, OptionalType) else expected
    if isinstance(node.right, ast.ListLiteral) and not node.right.items:
        expected = expected if isinstance(wanted, ListType) else ListType(JSON)
    if isinstance(node.right, ast.RecordLiteral) and not node.right.fields:
        expected = expected if isinstance(wanted, MapType | RecordType) else ENTRIES
    right = context.infer(node.right, scope, expected)
    if right is None:
        return None
    if not isinstance(document.type, OptionalType):
        document = ir.JsonPath(document, (), OptionalType(JSON))
    inner = right.type.inner if isinstance(right.type, OptionalType) else right.type
    if isinstance(inner, JsonType):
        right_document = some(right.expr, OptionalType(JSON))
        return Typed(ir.Coalesce(document, right_document, OptionalType(JSON)))
    target = expected if expected is not None and accepts(expected, inner) else inner
    target = widened(target.inner if isinstance(target, OptionalType) else target)
    read = ir.JsonAs(document, OptionalType.of(target))
    result = OptionalType.of(target) if isinstance(right.type, OptionalType) else target
    return Typed(ir.Coalesce(read, right.expr, result))
