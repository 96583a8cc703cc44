"""List and record literals, and everything with a generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from licet.policy_lang import ast

from .. import ir
from ..folding import list_of, record_of, some
from ..types import (
    DECIMAL,
    DURATION,
    INT,
    WEEKDAY,
    DateType,
    DurationType,
    EnumType,
    Field,
    IntType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    TimeType,
    Type,
)
from ..walking import walk
from .agreement import POISON, accepts, is_number, join
from .context import Context, Scope, Typed
from .documents import held
from .flexible import is_flexible
from .history import Fold, look_up_fold, only_folds
from .narrowing import NOTHING
from .operators import condition
from .optionals import required
from .shaping import ENTRIES, ITEMS


def infer_list_literal(
    context: Context, node: ast.ListLiteral, scope: Scope, expected: Type | None
) -> Typed | None:
    """`[a, b]`: elements of one type, which the surroundings may say."""
    wanted = expected.inner if isinstance(expected, OptionalType) else expected
    element = wanted.element if isinstance(wanted, ListType) else None
    if not node.items:
        if element is None:
            context.error(
                "LIC130",
                "the type of an empty list is not known here",
                node.span,
                scope,
                "use it where a list is expected, or ask for `length(…) == 0`",
            )
            return None
        return Typed(ir.Const((), ListType(element)))
    if element is None:
        first = next((i for i in node.items if not is_flexible(context, i, scope)), node.items[0])
        found = held(context, first, scope)
        if found is None:
            return None
        element = found.type
    items: list[ir.Expr] = []
    joined: Type | None = None
    for item in node.items:
        typed = held(context, item, scope, element)
        if typed is None:
            continue
        both = typed.type if joined is None else join(joined, typed.type)
        if both is None:
            context.error(
                "LIC111",
                f"a list holds values of one type, not `{joined}` and `{typed.type}`",
                item.span,
                scope,
                "write text in quotes and numbers without",
            )
            return None
        joined = both
        items.append(typed.expr)
    if len(items) < len(node.items) or joined is None:
        return None
    return Typed(list_of(items, ListType(joined)))


def infer_record_literal(
    context: Context, node: ast.RecordLiteral, scope: Scope, expected: Type | None
) -> Typed | None:
    """`{ a: 1 }`: a record or a map, as the surroundings say; else a record of its own fields."""
    wanted = expected.inner if isinstance(expected, OptionalType) else expected
    seen: set[str] = set()
    for name, value in node.fields:
        if name in seen:
            context.error(
                "LIC102", f"`{name}` is given twice", value.span, scope, "keep one of the two"
            )
        seen.add(name)
    if isinstance(wanted, MapType):
        return _map_literal(context, node, wanted, scope)
    if isinstance(wanted, RecordType):
        return _record_literal(context, node, wanted, scope)
    fields: list[tuple[str, ir.Expr]] = []
    for name, value in node.fields:
        typed = required(context, value, scope)
        if typed is not None:
            fields.append((name, typed.expr))
    if len(fields) < len(node.fields):
        return None
    record = RecordType("", tuple(Field(name, value.type) for name, value in fields))
    return Typed(record_of(fields, record))


def _record_literal(
    context: Context, node: ast.RecordLiteral, record: RecordType, scope: Scope
) -> Typed | None:
    given = dict(node.fields)
    failed = False
    for name, value in node.fields:
        if record.field(name) is None:
            context.unknown(
                "LIC109",
                f"field of `{record}`:",
                name,
                tuple(f.name for f in record.fields),
                value.span,
                scope,
                "it has no fields",
            )
            failed = True
    fields: list[tuple[str, ir.Expr]] = []
    for field in record.fields:
        if field.name not in given:
            if isinstance(field.type, OptionalType):
                fields.append((field.name, ir.Const(None, field.type)))
                continue
            context.error(
                "LIC111",
                f"the field `{field.name}` is missing",
                node.span,
                scope,
                f"give `{field.name}: …` of type `{field.type}`",
            )
            failed = True
            continue
        value = given[field.name]
        typed = context.infer(value, scope, field.type)
        if typed is None:
            failed = True
            continue
        if not accepts(field.type, typed.type):
            context.mismatch(
                f"`{field.type}`",
                typed.type,
                value.span,
                scope,
                f"`{field.name}` is declared so",
            )
            failed = True
            continue
        expr = typed.expr
        if isinstance(field.type, OptionalType):
            expr = some(expr, field.type)
        fields.append((field.name, expr))
    if failed:
        return None
    shape = RecordType(record.name, tuple(Field(name, value.type) for name, value in fields))
    return Typed(record_of(fields, shape))


def _map_literal(
    context: Context, node: ast.RecordLiteral, wanted: MapType, scope: Scope
) -> Typed | None:
    values: dict[str, object] = {}
    joined: Type = wanted.value
    failed = False
    for name, value in node.fields:
        if isinstance(wanted.key, EnumType) and name not in wanted.key.labels:
            context.unknown(
                "LIC110",
                f"label of `{wanted.key}`",
                name,
                wanted.key.labels,
                value.span,
                scope,
                "use one of the declared labels",
            )
            failed = True
        typed = context.infer(value, scope, wanted.value)
        if typed is None:
            failed = True
            continue
        if not accepts(wanted.value, typed.type):
            context.mismatch(
                f"`{wanted.value}`", typed.type, value.span, scope, "maps hold values of one type"
            )
            failed = True
            continue
        if not isinstance(typed.expr, ir.Const):
            context.error(
                "LIC119",
                "a map's values are constants",
                value.span,
                scope,
                "write the value itself, or use a record",
            )
            failed = True
            continue
        joined = join(joined, typed.type) or joined
        values[name] = typed.expr.value
    if failed:
        return None
    return Typed(ir.Const(dict(sorted(values.items())), MapType(wanted.key, joined)))


# --- generators --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Loop:
    var: ir.Var
    source: ir.Expr
    inside: Scope


def _loop(context: Context, generator: ast.Generator, scope: Scope, *, folds: bool) -> _Loop | None:
    """The list that is gone through, its variable, and the scope in which the body stands.

    `folds`: it becomes one value, so that it may go through earlier calls.
    """
    names = generator.names
    for name in names:
        if name in scope.variables:
            context.error(
                "LIC103",
                f"`{name}` already has a meaning here",
                generator.span,
                scope,
                "give the variable another name",
            )
            return None
        if not is_free(context, name, generator, scope):
            return None
    if len(set(names)) < len(names):
        context.error(
            "LIC102",
            f"`{names[0]}` is named twice",
            generator.span,
            scope,
            "give the two variables different names",
        )
        return None
    context.in_fold = folds
    source = required(
        context, generator.source, scope, wanted=(ITEMS if len(names) == 1 else ENTRIES,)
    )
    context.in_fold = False
    if source is None:
        return None
    if not _is_calls(context, source.expr) and any(
        _is_calls(context, part) for part in walk(source.expr)
    ):
        only_folds(context, generator.source, scope)
        return None
    match source.type:
        case ListType(element=element) if len(names) == 1:
            var = context.variable(names[0], element)
            return _Loop(var, source.expr, scope.binding({names[0]: var}))
        case ListType(element=RecordType() as pair) if isinstance(source.expr, ir.Adjacent):
            return _pairs(context, source.expr, pair, generator, scope)
        case MapType(key=key, value=value) if len(names) == 2:
            pair = RecordType("", (Field("key", key), Field("value", value)))
            return _pairs(context, ir.Entries(source.expr, ListType(pair)), pair, generator, scope)
        case MapType():
            message = "a map is gone through by key and value"
            help = f"write `{names[0]}, value in …`"
        case ListType():
            message = "a list has one variable"
            help = f"write `{names[0]} in …`; two names are for maps and `adjacent(…)`"
        case _:
            message = f"a list or a map is wanted here, not `{source.type}`"
            help = "comprehensions go through lists and maps"
    context.error("LIC127", message, generator.span, scope, help)
    return None


def _is_calls(context: Context, expr: ir.Expr) -> bool:
    return isinstance(expr, ir.Var) and expr.slot in context.sources


def _pairs(
    context: Context, source: ir.Expr, pair: RecordType, generator: ast.Generator, scope: Scope
) -> _Loop:
    first, second = generator.names
    var = context.variable(f"{first}, {second}", pair)
    a, b = pair.fields
    return _Loop(
        var,
        source,
        scope.binding(
            {
                first: ir.GetField(var, a.name, a.type),
                second: ir.GetField(var, b.name, b.type),
            }
        ),
    )


def is_free(context: Context, name: str, node: ast.Generator | ast.Let, scope: Scope) -> bool:
    """Whether a new variable hides no root, declaration or function; else an error."""
    index = context.declared.index
    if name in context.roots:
        what = "a word of the language"
    elif index.candidates("value", name, scope.unit):
        what = "declared by the policy"
    elif enums := [enum for enum in context.declared.enums_with(name) if enum is not WEEKDAY]:
        what = f"a label of `{enums[0]}`"
    else:
        return True
    context.error(
        "LIC103", f"`{name}` is {what}", node.span, scope, "give the variable another name"
    )
    return False


def infer_comprehension(context: Context, node: ast.Comprehension, scope: Scope) -> Typed | None:
    """`all any count sum min max` over a generator."""
    loop = _loop(context, node.generator, scope, folds=True)
    if loop is None:
        for name in node.generator.names:  # reported: a message that names it need not be, too
            context.witnesses.setdefault(name, (False, ir.Var(0, name, POISON)))
        return None
    folded = _folded(context, node, loop, scope)
    if folded is None or not _is_calls(context, loop.source):
        return folded
    return look_up_fold(context, node, cast(Fold, folded.expr), scope)


def _folded(context: Context, node: ast.Comprehension, loop: _Loop, scope: Scope) -> Typed | None:
    if node.kind in ("all", "any", "count"):
        if node.kind != "count" and not _is_calls(context, loop.source):
            _witness(context, node.generator, loop, scope)
        body = condition(context, node.body, loop.inside)
        if body is None:
            return None
        if node.kind == "count":
            return Typed(ir.Count(loop.var, loop.source, body.expr, INT))
        return Typed(ir.Quantifier(node.kind, loop.var, loop.source, body.expr))
    body = required(context, node.body, loop.inside)
    if body is None:
        return None
    if node.kind == "sum":
        if not (is_number(body.type) or isinstance(body.type, DurationType)):
            context.mismatch(
                "a number", body.type, node.body.span, scope, "`sum` adds numbers or durations"
            )
            return None
        total: Type = DECIMAL
        if isinstance(body.type, IntType | DurationType):
            total = INT if isinstance(body.type, IntType) else DURATION
        return Typed(ir.Sum(loop.var, loop.source, body.expr, total))
    if not (is_number(body.type) or isinstance(body.type, DateType | TimeType | DurationType)):
        context.mismatch(
            "a number, date, time or duration",
            body.type,
            node.body.span,
            scope,
            f"`{node.kind}` picks one of several sizes",
        )
        return None
    return Typed(
        ir.Extremum(node.kind, loop.var, loop.source, body.expr, OptionalType.of(body.type))  # type: ignore[arg-type]
    )


def _witness(context: Context, generator: ast.Generator, loop: _Loop, scope: Scope) -> None:
    """Remember the variables for the holes of a message: the rule's own before a define's."""
    own = not scope.trail
    for name in generator.names:
        binding = loop.inside.variables[name]
        assert not hasattr(binding, "node")
        known = context.witnesses.get(name)
        if known is None or (own and not known[0]):
            context.witnesses[name] = (own, binding)


def infer_list_comprehension(
    context: Context, node: ast.ListComprehension, scope: Scope
) -> Typed | None:
    """`[element for x in xs if condition]`."""
    loop = _loop(context, node.generator, scope, folds=False)
    if loop is None:
        return None
    test = None if node.condition is None else condition(context, node.condition, loop.inside)
    inside = loop.inside.knowing(NOTHING if test is None else test.when_true)
    element = held(context, node.element, inside)
    if element is None or (node.condition is not None and test is None):
        return None
    return Typed(
        ir.ListComp(
            loop.var,
            loop.source,
            None if test is None else test.expr,
            element.expr,
            ListType(element.type),
        )
    )
