"""`in`, `not in`, `contains`, `subset`, `under` and the text operators."""

from __future__ import annotations

from licet.policy_lang import ast

from .. import ir
from ..builtins import BUILTINS
from ..folding import FALSE, TRUE, negation
from ..types import (
    BOOL,
    STRING,
    EnumType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
)
from .agreement import accepts, join
from .boundaries import is_boundary
from .context import Context, Scope, Typed
from .documents import held, is_document
from .flexible import is_flexible
from .functions import builtin
from .narrowing import NOTHING, present
from .optionals import handled, required
from .shaping import ENTRIES, ITEMS
from .texts import infer_like, infer_text_test


def infer_word_comparison(context: Context, node: ast.WordComparison, scope: Scope) -> Typed | None:
    """`left OP right` for the operators that are words."""
    match node.op:
        case "in":
            return _contains(context, node.left, node.right, node, scope)
        case "not in":
            inside = _contains(context, node.left, node.right, node, scope)
            if inside is None:
                return None
            return Typed(negation(inside.expr), inside.when_false, inside.when_true)
        case "contains":
            if is_flexible(context, node.left, scope):
                return infer_text_test(context, node, scope)
            left = required(context, node.left, scope, wanted=(STRING, ListType(STRING)))
            if left is None:
                context.infer(node.right, scope)
                return None
            if isinstance(left.type, ListType):
                return _contains(context, node.right, node.left, node, scope)
            return infer_text_test(context, node, scope)
        case "startswith" | "endswith":
            return infer_text_test(context, node, scope)
        case "like":
            return infer_like(context, node, scope)
        case "subset":
            return _subset(context, node, scope)
        case "under":
            return _under(context, node, scope)


def _contains(
    context: Context, item_node: ast.Expr, list_node: ast.Expr, node: ast.Expr, scope: Scope
) -> Typed | None:
    if isinstance(list_node, ast.Call) and list_node.name == "cidr":
        return _in_network(context, item_node, list_node, scope)
    if not is_flexible(context, item_node, scope):
        item = held(context, item_node, scope)
        wanted = None if item is None or _says_its_type(list_node) else ListType(item.type)
        if item is None and is_flexible(context, list_node, scope):
            return None
        collection = required(context, list_node, scope, wanted, (wanted or ITEMS, ENTRIES))
    else:
        collection = required(context, list_node, scope, wanted=(ListType(STRING), ENTRIES))
        item = None
        if collection is not None and isinstance(collection.type, ListType | MapType):
            of = collection.type
            inner = of.element if isinstance(of, ListType) else of.key
            item = required(context, item_node, scope, inner)
    if collection is None:
        return None
    match collection.type:
        case ListType(element=element):
            pass
        case MapType(key=element):
            pass
        case StringType():
            context.error(
                "LIC111",
                "`in` looks into lists and maps, not into text",
                node.span,
                scope,
                "write `text contains part`",
            )
            return None
        case _:
            context.mismatch(
                "a list or a map",
                collection.type,
                list_node.span,
                scope,
                "write the values in brackets: `[a, b]`",
            )
            return None
    if item is None:
        return None
    if is_document(item.type) and not is_document(element):
        handled(context, item, item_node.span, scope, (element,))
        return None
    if join(element, item.type) is None or isinstance(element, OptionalType):
        different = isinstance(element, EnumType) and isinstance(item.type, EnumType)
        context.error(
            "LIC126" if different else "LIC111",
            f"a `{item.type}` is never in a `{collection.type}`",
            node.span,
            scope,
            "look for a value of the elements' type",
        )
        return None
    facts = NOTHING
    if isinstance(collection.type, MapType):
        facts = present(
            ir.Lookup(collection.expr, item.expr, OptionalType.of(collection.type.value))
        )
    a, b = item.expr, collection.expr
    if isinstance(a, ir.Const) and isinstance(b, ir.Const) and isinstance(b.value, tuple | dict):
        return Typed(TRUE if a.value in b.value else FALSE)
    return Typed(ir.Contains(a, b, BOOL), when_true=facts)


def _says_its_type(node: ast.Expr) -> bool:
    """Whether a list is written of texts, numbers or truths: a part of a document is then read as
    one before it is looked for, so that one of another type refuses, as everywhere."""
    return isinstance(node, ast.ListLiteral) and any(
        isinstance(item, ast.BoolLiteral | ast.NumberLiteral | ast.StringLiteral)
        for item in node.items
    )


def _in_network(
    context: Context, item_node: ast.Expr, network: ast.Call, scope: Scope
) -> Typed | None:
    """`ip(s) in cidr("10.0.0.0/8")`: false where the text is no network."""
    view = context.infer(network, scope)
    item = required(context, item_node, scope)
    if view is None or item is None:
        return None
    function = _under_function(item.type)
    if function not in ("ip_within", "cidr_within") or not isinstance(view.expr, ir.Builtin):
        context.mismatch(
            "an address", item.type, item_node.span, scope, 'write `ip(…) in cidr("10.0.0.0/8")`'
        )
        return None
    outer = view.expr.arguments[0]
    if not is_boundary(context, function, outer, network.span, scope):
        return None
    return builtin(function, (item.expr, outer))


def _subset(context: Context, node: ast.WordComparison, scope: Scope) -> Typed | None:
    if is_flexible(context, node.left, scope):
        right = required(context, node.right, scope)
        left = None if right is None else required(context, node.left, scope, right.type)
    else:
        left = required(context, node.left, scope, wanted=(ListType(STRING),))
        right = required(context, node.right, scope, None if left is None else left.type)
    if left is None or right is None:
        return None
    for typed, operand in ((left, node.left), (right, node.right)):
        if not isinstance(typed.type, ListType):
            context.mismatch(
                "a list", typed.type, operand.span, scope, "`subset` compares two lists"
            )
            return None
    if join(left.type, right.type) is None:
        context.error(
            "LIC111",
            f"`{left.type}` and `{right.type}` have no elements in common",
            node.span,
            scope,
            "compare lists of one type",
        )
        return None
    return Typed(ir.Subset(left.expr, right.expr))


def _under(context: Context, node: ast.WordComparison, scope: Scope) -> Typed | None:
    left = required(context, node.left, scope)
    right = required(context, node.right, scope)
    if left is None or right is None:
        return None
    function = _under_function(left.type)
    if function is None or not isinstance(right.type, StringType):
        context.mismatch(
            "a path" if function is None else "text",
            left.type if function is None else right.type,
            node.span,
            scope,
            'write `path(args.file) under "/data"`, `url(args.link).path under "/api"` '
            'or `ip(args.host) under "10.0.0.0/8"`',
        )
        return None
    if not is_boundary(context, function, right.expr, node.right.span, scope):
        return None
    return builtin(function, (left.expr, right.expr))


def _under_function(type_: Type) -> str | None:
    if isinstance(type_, RecordType):
        for name in ("path_under", "ip_within", "cidr_within"):
            if accepts(BUILTINS[name].params[0], type_):
                return name
    return None
