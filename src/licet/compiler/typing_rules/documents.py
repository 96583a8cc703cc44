"""Parts of documents: read as a type, looked up by a computed key, compared, given to functions.

A part that is null and one that is missing are the same: absent.
"""

from __future__ import annotations

from dataclasses import replace

from licet.policy_lang import ast

from .. import ir
from ..builtins import BUILTINS, JSON_TYPE
from ..folding import plain
from ..types import (
    DECIMAL,
    JSON,
    STRING,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
    Value,
)
from .agreement import is_poisoned
from .context import Context, Scope, Typed
from .optionals import handled
from .shaping import ENTRIES


def is_document(type_: Type) -> bool:
    """Whether values of a type are parts of documents, of a shape that nothing has said yet."""
    return isinstance(type_.inner if isinstance(type_, OptionalType) else type_, JsonType)


def perhaps(document: ir.Expr) -> ir.Expr:
    """A `Json` or `Json?` as `Json?`, absent where it is null."""
    if isinstance(document.type, OptionalType):
        return document
    return ir.JsonPath(document, (), OptionalType(JSON))


def whole(document: ir.Expr) -> ir.Expr:
    """A `Json` or `Json?` as `Json`, null where it is absent."""
    if not isinstance(document.type, OptionalType):
        return document
    return ir.Coalesce(document, ir.Const(None, JSON), JSON)


def read_as(document: ir.Expr, target: Type) -> ir.JsonAs:
    """A `Json` or `Json?` read as a type; a value of another type refuses."""
    return ir.JsonAs(perhaps(document), OptionalType.of(opened(target)))


def opened(type_: Type) -> Type:
    """The type with its records open: a document may say more than a policy reads of it."""
    match type_:
        case RecordType(fields=fields):
            inside = tuple(replace(field, type=opened(field.type)) for field in fields)
            return replace(type_, fields=inside, open=True)
        case ListType(element=element):
            return replace(type_, element=opened(element))
        case MapType(key=key, value=value):
            return MapType(key, opened(value))
        case OptionalType(inner=inner):
            return OptionalType(opened(inner))
        case _:
            return type_


def entries(document: ir.Expr) -> ir.Expr:
    """The entries of an object; none where it is absent."""
    return ir.Coalesce(read_as(document, ENTRIES), ir.Const({}, ENTRIES), ENTRIES)


def held(
    context: Context, node: ast.Expr, scope: Scope, expected: Type | None = None
) -> Typed | None:
    """What a list holds or is asked for: a part of a document as it is, null where it is absent;
    anything else only where it exists."""
    typed = context.infer(node, scope, expected)
    if typed is not None and is_document(typed.type):
        return Typed(whole(typed.expr))
    return None if typed is None else handled(context, typed, node.span, scope)


class _NotConstant(Exception):  # noqa: N818 - control flow inside this module
    def __init__(self, node: ast.Expr) -> None:
        self.node = node


def infer_literal(context: Context, node: ast.Expr, scope: Scope) -> Typed | None:
    """A literal where a document is wanted: the document that it spells."""
    try:
        return Typed(ir.Const(_spelt(node), JSON))
    except _NotConstant as found:
        context.error(
            "LIC119",
            "a document that is written out holds constants only",
            found.node.span,
            scope,
            "write the value itself",
        )
        return None


def _spelt(node: ast.Expr) -> Value:
    match node:
        case ast.BoolLiteral(value=truth):
            return truth
        case ast.StringLiteral(value=text):
            return text
        case ast.NumberLiteral(value=number):
            return plain(number)
        case ast.Unary("-", ast.NumberLiteral(value=number)):
            return plain(-number)
        case ast.ListLiteral(items=items):
            return tuple(map(_spelt, items))
        case ast.RecordLiteral(fields=fields):
            return {name: _spelt(value) for name, value in sorted(fields, key=lambda f: f[0])}
        case _:
            raise _NotConstant(node)


def infer_read_as(context: Context, node: ast.ReadAs, scope: Scope) -> Typed | None:
    """`document as TYPE`."""
    typed = context.infer(node.document, scope)
    target = context.declared.resolved(node.type, scope.unit)
    if typed is None or is_poisoned(target):
        return None
    if not is_document(typed.type):
        context.error(
            "LIC150",
            f"only parts of documents are read as a type, and this is `{typed.type}`",
            node.span,
            scope,
            "take `as …` away",
        )
        return None
    if isinstance(target, JsonType):
        return Typed(perhaps(typed.expr))
    return Typed(read_as(typed.expr, target))


def entry(context: Context, document: ir.Expr, key: ir.Expr) -> Typed:
    """`document[key]` with a key that is computed."""
    var = context.variable("", ENTRIES)
    value = ir.Lookup(var, key, OptionalType(JSON))
    return Typed(ir.WhenPresent(read_as(document, ENTRIES), var, value, OptionalType(JSON)))


def document_argument(context: Context, node: ast.Expr, name: str, scope: Scope) -> ir.Expr | None:
    """An argument of a function that takes whole documents."""
    typed = context.infer(node, scope)
    if typed is None:
        return None
    if is_document(typed.type):
        return whole(typed.expr)
    context.mismatch(
        "a part of a document", typed.type, node.span, scope, f"`{name}` takes documents"
    )
    return None


def infer_quantity(context: Context, node: ast.Call, scope: Scope) -> Typed | None:
    """`quantity(x)` of a part of a document, which Kubernetes writes as a text or a number."""
    typed = context.infer(node.arguments[0], scope, STRING)
    if typed is None:
        return None
    number = OptionalType(DECIMAL)
    text = typed.expr
    if isinstance(text.type, StringType):
        return Typed(ir.Builtin("quantity", (text,), number))
    if isinstance(text.type, OptionalType) and isinstance(text.type.inner, StringType):
        return Typed(_quantity(context, text))
    if is_document(text.type):
        is_number = ir.Equal(
            ir.Builtin("type_of", (whole(text),), BUILTINS["type_of"].result),
            ir.Const("number", JSON_TYPE),
        )
        as_text = _quantity(context, read_as(text, STRING))
        return Typed(ir.If(is_number, read_as(text, DECIMAL), as_text, number))
    context.mismatch(
        "text or a part of a document",
        typed.type,
        node.arguments[0].span,
        scope,
        'write `quantity("500m")` or `quantity(….resources.limits.cpu)`',
    )
    return None


def _quantity(context: Context, text: ir.Expr) -> ir.Expr:
    number = OptionalType(DECIMAL)
    var = context.variable("", STRING)
    return ir.WhenPresent(text, var, ir.Builtin("quantity", (var,), number), number)
