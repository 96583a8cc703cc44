"""Names, `a.b` and `a[k]`: from the roots, the variables and the declarations into values."""

from __future__ import annotations

from licet.policy_lang import ast
from licet.policy_lang.familiar import meant, said

from .. import ir
from ..names import alternatives, nearest, suggestion
from ..resolution import ROOTS, SIDES
from ..types import (
    BOOL,
    DATE,
    INT,
    STRING,
    WEEKDAY,
    DateType,
    EnumType,
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
from .agreement import accepts
from .changes import infer_side
from .context import Context, Delayed, Scope, Typed
from .defines import infer_define
from .documents import entry
from .optionals import chained, handled, required

TIME_PARTS = {"hour": IntType(0, 23), "weekday": WEEKDAY, "date": DATE}
DATE_PARTS = {
    "weekday": WEEKDAY,
    "year": INT,  # a date that is computed may lie beyond the years 1 to 9999
    "month": IntType(1, 12),
    "day": IntType(1, 31),
}
TOOL_PARTS = ("name", "read_only", "destructive", "tags", "source")


def infer_name(
    context: Context, node: ast.Name, scope: Scope, expected: Type | None
) -> Typed | None:
    """A variable, root, declared value or label, in this order."""
    name = node.name
    if name in scope.variables:
        binding = scope.variables[name]
        if isinstance(binding, Delayed):
            inner = binding.scope.knowing(scope.known)
            return context.infer(binding.node, inner, expected)
        return Typed(binding)
    if name in ROOTS:
        return _root(context, node, scope)
    if context.declared.index.candidates("value", name, scope.unit):
        return declared_value(context, node, name, scope, expected)
    if name in SIDES and not _is_label(context, name, expected):
        return infer_side(context, name, node.span, scope)  # type: ignore[arg-type]
    return _label(context, node, scope, expected)


def declared_value(
    context: Context, node: ast.Name | ast.Member, name: str, scope: Scope, expected: Type | None
) -> Typed | None:
    """A param, const or define without parameters."""
    entry = context.declared.index.find("value", name, scope.unit, node.span)
    if entry is None:
        return None
    match entry.declaration:
        case ast.ValueDecl():
            value = context.declared.value(entry)
            return None if value is None else Typed(value)
        case ast.DefineDecl(params=None):
            return infer_define(context, entry, (), node.span, scope, expected)
        case ast.DefineDecl() | ast.FactDecl() | ast.TableDecl():
            context.error(
                "LIC114",
                f"`{name}` needs arguments",
                node.span,
                scope,
                f"write `{name}(…)`",
            )
        case _:
            pass
    return None


def _root(context: Context, node: ast.Name, scope: Scope) -> Typed | None:
    name = node.name
    if name not in context.roots:
        where = {
            "approver": "in the condition of `to`",
            "result": "in `settle at`",
        }.get(name, "in a rule, or in a define that a rule uses")
        context.error(
            "LIC132", f"`{name}` means nothing here", node.span, scope, f"it stands {where}"
        )
        return None
    if name == "now":
        return Typed(ir.TIME_ROOT)
    if name == "args":
        context.reads_args = True
        assert context.tool is not None
        return Typed(ir.Root("args", context.tool.params))
    if name == "result":
        return None if context.result is None else Typed(ir.Root("result", context.result))
    if name == "tool":
        context.error(
            "LIC132",
            "`tool` is no value by itself",
            node.span,
            scope,
            f"write {alternatives('tool.' + part for part in TOOL_PARTS)}",
        )
        return None
    if name == "approver":
        return Typed(ir.Root("approver", context.declared.scope_record("principal")))
    record = context.declared.scope_record(name)
    if name not in context.declared.index.scopes:
        context.error(
            "LIC101",
            f"no `{name}` is declared",
            node.span,
            scope,
            f"declare what the host knows: `{name} {{ field: Type }}`",
        )
        return None
    return Typed(ir.Root(name, record))  # type: ignore[arg-type]


def _is_label(context: Context, name: str, expected: Type | None) -> bool:
    wanted = expected.inner if isinstance(expected, OptionalType) else expected
    return bool(context.declared.enums_with(name)) or (
        isinstance(wanted, EnumType) and name in wanted.labels
    )


def _label(context: Context, node: ast.Name, scope: Scope, expected: Type | None) -> Typed | None:
    name = node.name
    wanted = expected.inner if isinstance(expected, OptionalType) else expected
    if isinstance(wanted, EnumType):
        if name in wanted.labels:
            return Typed(ir.Const(name, wanted))
        context.unknown(
            "LIC110",
            f"label of `{wanted}`",
            name,
            (*wanted.labels, *scope.variables),
            node.span,
            scope,
            "use one of the declared labels",
        )
        return None
    enums = context.declared.enums_with(name)
    if len(enums) == 1:
        return Typed(ir.Const(name, enums[0]))
    if enums:
        context.error(
            "LIC104",
            f"`{name}` is a label of several enums",
            node.span,
            scope,
            f"compare it with a value of {alternatives(str(enum) for enum in enums)}",
        )
        return None
    index = context.declared.index
    known = (
        *scope.variables,
        *sorted(context.roots),
        *index.names("value", scope.unit),
    )
    if fields := _fields_named(context, name):
        context.error(
            "LIC101",
            f"unknown name `{name}`",
            node.span,
            scope,
            f"did you mean {alternatives(fields)}?",
        )
        return None
    if name in context.declared.index.functions:
        context.error("LIC114", f"`{name}` needs arguments", node.span, scope, f"write `{name}(…)`")
        return None
    help = meant(name) or suggestion(name, known, "declare it")
    if not meant(name) and not nearest(name, known):
        help += f', or is it text: `"{name}"`?'
    context.error("LIC101", f"unknown name `{name}`", node.span, scope, help)
    return None


def _fields_named(context: Context, name: str) -> list[str]:
    """Where a bare word would be a field: `args.amount` for `amount`."""
    found: list[str] = []
    if "args" in context.roots and context.tool and context.tool.params.field(name):
        found.append(f"args.{name}")
    for root in ("principal", "context", "session"):
        if root in context.roots and context.declared.scope_record(root).field(name):
            found.append(f"{root}.{name}")
    return found


def infer_member(context: Context, node: ast.Member, scope: Scope) -> Typed | None:
    """`target.name`."""
    if isinstance(node.target, ast.Name) and node.target.name not in scope.variables:
        stem = node.target.name
        if stem == "tool" and "tool" in context.roots:
            return _tool_part(context, node, scope)
        if stem not in ROOTS and not context.declared.index.candidates("value", stem, scope.unit):
            dotted = f"{stem}.{node.name}"
            if context.declared.index.candidates("value", dotted, scope.unit):
                return declared_value(context, node, dotted, scope, None)
    target = context.infer(node.target, scope)
    if target is None:
        return None
    expr = target.expr
    inner = expr.type.inner if isinstance(expr.type, OptionalType) else expr.type
    if isinstance(inner, JsonType):
        return Typed(_step(expr, node.name))
    built = chained(context, expr, lambda value: _member(context, value, node, scope))
    return None if built is None else Typed(built)


def _step(document: ir.Expr, name: str) -> ir.JsonPath:
    optional = OptionalType(JsonType())
    if isinstance(document, ir.Unwrap) and isinstance(document.optional, ir.JsonPath):
        document = document.optional
    if isinstance(document, ir.JsonPath):
        return ir.JsonPath(document.document, (*document.steps, name), optional)
    return ir.JsonPath(document, (name,), optional)


def _member(context: Context, value: ir.Expr, node: ast.Member, scope: Scope) -> ir.Expr | None:
    match value.type:
        case RecordType() as record:
            field = record.field(node.name)
            if field is not None:
                return ir.GetField(value, field.name, field.type)
            _unknown_field(context, value, record, node, scope)
        case TimeType() if node.name in TIME_PARTS:
            return ir.ClockPart(node.name, value, TIME_PARTS[node.name])  # type: ignore[arg-type]
        case DateType() if node.name in DATE_PARTS:
            return ir.ClockPart(node.name, value, DATE_PARTS[node.name])  # type: ignore[arg-type]
        case TimeType():
            context.unknown(
                "LIC109", "part of a Time", node.name, tuple(TIME_PARTS), node.span, scope, ""
            )
        case DateType():
            context.unknown(
                "LIC109", "part of a Date", node.name, tuple(DATE_PARTS), node.span, scope, ""
            )
        case MapType():
            context.error(
                "LIC109",
                f"a `{value.type}` has no fields",
                node.span,
                scope,
                f'look up a key: `…["{node.name}"]`',
            )
        case ListType():
            context.error(
                "LIC109",
                f"a `{value.type}` has no fields",
                node.span,
                scope,
                said(node.name)
                or f"read them from an element: `any(x in …: x.{node.name} …)`, or `first(…)`",
            )
        case _:
            context.error(
                "LIC109",
                f"a `{value.type}` has no fields",
                node.span,
                scope,
                said(node.name) or f"take away `.{node.name}`",
            )
    return None


def _unknown_field(
    context: Context, value: ir.Expr, record: RecordType, node: ast.Member, scope: Scope
) -> None:
    names = tuple(field.name for field in record.fields)
    if isinstance(value, ir.Root) and value.name == "args" and context.tool is not None:
        tool = context.tool.qualified
        others = [t.qualified for t in context.others if t.params.field(node.name) is not None]
        if others:
            context.error(
                "LIC108",
                f"`{tool}` has no argument `{node.name}`",
                node.span,
                scope,
                f"{alternatives(others[:3])} has it: put the tools into separate rules",
            )
            return
        context.unknown(
            "LIC108",
            f"argument of `{tool}`:",
            node.name,
            names,
            node.span,
            scope,
            "the tool takes no arguments",
        )
        return
    what = f"field of `{value.name}`:" if isinstance(value, ir.Root) else f"field of `{record}`:"
    context.unknown("LIC109", what, node.name, names, node.span, scope, "it has no fields")


def _tool_part(context: Context, node: ast.Member, scope: Scope) -> Typed | None:
    assert context.tool is not None
    context.reads_tool = True
    tool = context.tool
    match node.name:
        case "name":
            return Typed(ir.Const(tool.name, STRING))
        case "source":
            return Typed(ir.Const(tool.source, STRING))
        case "read_only":
            return Typed(ir.Const(tool.read_only, BOOL))
        case "destructive":
            return Typed(ir.Const(tool.destructive, BOOL))
        case "tags":
            return Typed(ir.Const(tool.tags, ListType(STRING)))
        case _:
            context.unknown(
                "LIC109", "field of `tool`:", node.name, TOOL_PARTS, node.span, scope, ""
            )
            return None


def infer_index(context: Context, node: ast.Index, scope: Scope) -> Typed | None:
    """`map[key]`: absent where there is no such key."""
    target = context.infer(node.target, scope)
    if target is None:
        context.infer(node.key, scope)
        return None
    inner = target.type.inner if isinstance(target.type, OptionalType) else target.type
    if isinstance(inner, ListType):
        context.error(
            "LIC127",
            "lists are not indexed",
            node.span,
            scope,
            "use `first(…)`, `last(…)`, `adjacent(…)` or a comprehension",
        )
        return None
    if isinstance(inner, JsonType) and isinstance(node.key, ast.StringLiteral):
        return Typed(_step(target.expr, node.key.value))
    if isinstance(inner, JsonType):
        key = required(context, node.key, scope, STRING)
        if key is None or not isinstance(key.type, StringType):
            if key is not None:
                numbers = isinstance(key.type, IntType)
                help = "lists have no numbers: `any(x in … ?? []: …)`, `first(… ?? [])`"
                help = help if numbers else "keys are text"
                context.mismatch("text", key.type, node.key.span, scope, help)
            return None
        return entry(context, target.expr, key.expr)
    if not isinstance(inner, MapType):
        context.mismatch("a map", inner, node.target.span, scope, "only maps are read by `[key]`")
        return None
    typed_key = context.infer(node.key, scope, inner.key)
    if typed_key is None:
        return None
    checked = handled(context, typed_key, node.key.span, scope)
    if checked is None:
        return None
    if not accepts(inner.key, checked.type):
        context.mismatch(
            f"a key of type `{inner.key}`",
            checked.type,
            node.key.span,
            scope,
            "keys are compared with the map's own",
        )
        return None
    built = chained(
        context,
        target.expr,
        lambda value: ir.Lookup(value, checked.expr, OptionalType.of(inner.value)),
    )
    assert built is not None
    return Typed(built)
