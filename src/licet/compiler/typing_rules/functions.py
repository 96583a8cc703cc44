"""Calls: facts, tables, defines, the functions of the language and the safe views."""

from __future__ import annotations

from licet.policy_lang import ast
from licet.policy_lang.familiar import said

from .. import ir
from ..builtins import BUILTINS, OPERATORS
from ..gathering import Entry
from ..names import suggestion
from ..tables import Table
from ..types import (
    INT,
    STRING,
    DateType,
    DurationType,
    Field,
    IntType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Type,
)
from .agreement import accepts, is_number, join
from .boundaries import is_boundary, is_pattern
from .changes import infer_change_call
from .context import Context, Scope, Typed
from .defines import infer_define
from .documents import document_argument, infer_quantity
from .flexible import is_flexible
from .optionals import required
from .shaping import ENTRIES, ITEMS
from .texts import as_text


def infer_call(
    context: Context, node: ast.Call, scope: Scope, expected: Type | None
) -> Typed | None:
    """`name(arguments)`."""
    if node.name in scope.variables:
        context.error(
            "LIC114",
            f"`{node.name}` is a variable and takes no arguments",
            node.span,
            scope,
            "choose another name for one of the two",
        )
        return None
    index = context.declared.index
    declared = index.candidates("value", node.name, scope.unit)
    plain = all(isinstance(entry.declaration, ast.ValueDecl) for entry in declared)
    if declared and not (plain and node.name in index.functions):
        entry = index.find("value", node.name, scope.unit, node.span)
        return None if entry is None else _declared(context, entry, node, scope, expected)
    match node.name:
        case "changed" | "added" | "removed":
            return infer_change_call(context, node, scope)
        case "length":
            return _length(context, node, scope)
        case "first" | "last" | "distinct" | "adjacent" | "flatten":
            return _of_list(context, node, scope, expected)
        case "min" | "max":
            return _pick(context, node, scope)
        case "quantity" if len(node.arguments) == 1:
            return infer_quantity(context, node, scope)
        case _ if node.name in BUILTINS and node.name not in OPERATORS:
            return _builtin_call(context, node, scope)
        case _:
            pass
    for argument in node.arguments:
        if not is_flexible(context, argument, scope):
            context.infer(argument, scope)
    known = (*index.functions, *index.names("value", scope.unit))
    context.error(
        "LIC101",
        f"unknown function `{node.name}`",
        node.span,
        scope,
        said(node.name)
        or suggestion(node.name, known, "declare it with `fact`, `define` or `table`"),
    )
    return None


def _declared(
    context: Context, entry: Entry, node: ast.Call, scope: Scope, expected: Type | None
) -> Typed | None:
    match entry.declaration:
        case ast.DefineDecl():
            return infer_define(context, entry, node.arguments, node.span, scope, expected)
        case ast.FactDecl():
            signature = context.declared.fact(entry)
            if signature is None:
                return None
            names = tuple(name for name, _ in signature.params)
            types = tuple(type_ for _, type_ in signature.params)
            if not context.roots:
                context.error(
                    "LIC132",
                    f"the fact `{entry.name}` cannot be read here",
                    node.span,
                    scope,
                    "facts are read in rules, and in defines that rules use",
                )
                return None
            keys = _arguments(context, node, names, types, scope)
            if keys is None:
                return None
            fact = ir.Fact(signature.name, keys, signature.result)
            return Typed(fact)
        case ast.TableDecl():
            table = context.declared.table(entry)
            if table is None:
                return None
            names = tuple(str(type_) for type_ in table.params)
            keys = _arguments(context, node, names, table.params, scope)
            if keys is None or not _inside(context, table, keys, node, scope):
                return None
            return Typed(_read(table, keys))
        case _:
            context.error(
                "LIC114",
                f"`{entry.name}` takes no arguments",
                node.span,
                scope,
                f"write `{entry.name}`",
            )
            return None


def _arguments(
    context: Context,
    node: ast.Call,
    names: tuple[str, ...],
    types: tuple[Type, ...],
    scope: Scope,
) -> tuple[ir.Expr, ...] | None:
    """The typed arguments of a call whose parameters have declared types."""
    if len(node.arguments) != len(types):
        many = f"{len(types)} argument{'' if len(types) == 1 else 's'}"
        context.error(
            "LIC114",
            f"`{node.name}` takes {many}, not {len(node.arguments)}",
            node.span,
            scope,
            f"write `{node.name}({', '.join(names)})`",
        )
        return None
    found: list[ir.Expr] = []
    for argument, type_ in zip(node.arguments, types, strict=True):
        if isinstance(type_, JsonType):
            document = document_argument(context, argument, node.name, scope)
            if document is not None:
                found.append(document)
            continue
        typed = required(context, argument, scope, type_)
        if typed is None:
            continue
        if isinstance(type_, StringType) and (label := as_text(typed.expr)) is not None:
            found.append(label)
            continue
        if not accepts(type_, typed.type):
            context.mismatch(
                f"`{type_}`",
                typed.type,
                argument.span,
                scope,
                f"`{node.name}` is declared with ({', '.join(map(str, types))})",
            )
            continue
        found.append(typed.expr)
    return tuple(found) if len(found) == len(types) else None


def _inside(
    context: Context, table: Table, keys: tuple[ir.Expr, ...], node: ast.Call, scope: Scope
) -> bool:
    """Whether every value of the keys is one that the table has rows for."""
    for place, (key, type_) in enumerate(zip(keys, table.params, strict=True)):
        if not isinstance(type_, IntType) or place in table.open_columns:
            continue
        assert type_.low is not None
        assert type_.high is not None
        given = key.type
        low = given.low if isinstance(given, IntType) else None
        high = given.high if isinstance(given, IntType) else None
        if isinstance(key, ir.Const) and isinstance(key.value, int):
            low = high = key.value
        if low is None or high is None or low < type_.low or high > type_.high:
            context.error(
                "LIC111",
                f"this number may be outside `{type_}`, for which `{table.name}` has rows",
                node.arguments[place].span,
                scope,
                "add rows with `_` for all other numbers, or a range to the number's type",
            )
            return False
    return True


def _read(table: Table, keys: tuple[ir.Expr, ...]) -> ir.Expr:
    if all(isinstance(key, ir.Const) for key in keys):
        values = [key.value for key in keys if isinstance(key, ir.Const)]
        for row, value in table.rows:
            if all(k is None or k == v for k, v in zip(row, values, strict=True)):
                return ir.Const(value, table.result)
    return ir.TableRead(table.name, keys, table.rows, table.result, table.places)


def _one(context: Context, node: ast.Call, scope: Scope) -> bool:
    if len(node.arguments) == 1:
        return True
    context.error(
        "LIC114",
        f"`{node.name}` takes 1 argument, not {len(node.arguments)}",
        node.span,
        scope,
        f"write `{node.name}(…)` with one",
    )
    return False


def _length(context: Context, node: ast.Call, scope: Scope) -> Typed | None:
    if not _one(context, node, scope):
        return None
    typed = required(context, node.arguments[0], scope, wanted=(STRING, ITEMS, ENTRIES))
    if typed is None:
        return None
    if not isinstance(typed.type, StringType | ListType | MapType):
        context.mismatch(
            "text, a list or a map",
            typed.type,
            node.arguments[0].span,
            scope,
            "`length` counts characters, elements or keys",
        )
        return None
    if isinstance(typed.expr, ir.Const) and isinstance(typed.expr.value, str | tuple | dict):
        return Typed(ir.Const(len(typed.expr.value), INT))
    return Typed(ir.Length(typed.expr, IntType(0)))


def _of_list(context: Context, node: ast.Call, scope: Scope, expected: Type | None) -> Typed | None:
    if not _one(context, node, scope):
        return None
    wanted = expected if isinstance(expected, ListType) and node.name == "distinct" else None
    typed = required(context, node.arguments[0], scope, wanted, (wanted or ITEMS,))
    if typed is None:
        return None
    if not isinstance(typed.type, ListType):
        context.mismatch(
            "a list", typed.type, node.arguments[0].span, scope, f"`{node.name}` takes a list"
        )
        return None
    element = typed.type.element
    match node.name:
        case "first":
            return Typed(ir.End("first", typed.expr, OptionalType.of(element)))
        case "last":
            return Typed(ir.End("last", typed.expr, OptionalType.of(element)))
        case "flatten" if isinstance(element, ListType):
            return Typed(ir.Flatten(typed.expr, ListType(element.element)))
        case "flatten":
            context.mismatch(
                "a list of lists",
                typed.type,
                node.arguments[0].span,
                scope,
                "write `flatten([x.parts for x in …])`",
            )
            return None
        case "distinct":
            return Typed(ir.Distinct(typed.expr, ListType(element)))
        case _:
            pair = RecordType("", (Field("first", element), Field("second", element)))
            return Typed(ir.Adjacent(typed.expr, ListType(pair)))


def _pick(context: Context, node: ast.Call, scope: Scope) -> Typed | None:
    found = [required(context, argument, scope) for argument in node.arguments]
    operands = [typed.expr for typed in found if typed is not None]
    if len(operands) < len(found):
        return None
    if len(operands) < 2:
        context.error(
            "LIC114",
            f"`{node.name}` compares at least two values",
            node.span,
            scope,
            f"for a list write `{node.name}(x in …: x)`",
        )
        return None
    type_: Type = operands[0].type
    for operand, argument in zip(operands, node.arguments, strict=True):
        size = is_number(operand.type) or isinstance(
            operand.type, DateType | TimeType | DurationType
        )
        joined = join(type_, operand.type) if size else None
        if joined is None:
            context.mismatch(
                "a number, date, time or duration" if not size else f"`{type_}`",
                operand.type,
                argument.span,
                scope,
                f"`{node.name}` picks one of several values of one type",
            )
            return None
        type_ = joined
    return Typed(ir.Pick(node.name, tuple(operands), type_))  # type: ignore[arg-type]


def _builtin_call(context: Context, node: ast.Call, scope: Scope) -> Typed | None:
    function = BUILTINS[node.name]
    types = function.params
    hidden: tuple[ir.Expr, ...] = ()
    if node.name == "time":  # the policy's zone, for text without an offset
        types = types[:1]
        hidden = (ir.Const(context.declared.zone, STRING),)
    names = tuple(str(type_) for type_ in types)
    arguments = _arguments(context, node, names, types, scope)
    if arguments is None:
        return None
    if node.name == "cidr_overlaps" and not is_boundary(
        context, node.name, arguments[1], node.arguments[1].span, scope
    ):
        return None
    if node.name == "search" and not is_pattern(
        context, arguments[1], node.arguments[1].span, scope
    ):
        return None
    return Typed(ir.Builtin(node.name, arguments + hidden, function.result))


def builtin(name: str, arguments: tuple[ir.Expr, ...]) -> Typed:
    """A function that an operator stands for."""
    return Typed(ir.Builtin(name, arguments, BUILTINS[name].result))
