"""Logic, comparison, arithmetic and `if`."""

from __future__ import annotations

from licet.policy_lang import ast

from .. import ir
from ..builtins import VERSION
from ..folding import (
    arithmetic,
    both,
    concatenation,
    conditional,
    either,
    equal,
    less,
    list_concatenation,
    negation,
    negative,
    some,
)
from ..types import (
    BOOL,
    DATE,
    DAY,
    DECIMAL,
    DURATION,
    INT,
    JSON,
    STRING,
    TIME,
    BoolType,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    JsonType,
    ListType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Type,
)
from .agreement import accepts, is_number, is_ordered, join
from .context import Context, Scope, Typed
from .documents import is_document, perhaps, whole
from .flexible import is_flexible
from .narrowing import NOTHING
from .optionals import handled, infer_coalesce, required
from .shaping import ITEMS


def condition(context: Context, node: ast.Expr, scope: Scope) -> Typed | None:
    """The typed expression if it is true or false; else an error."""
    typed = required(context, node, scope, wanted=(BOOL,))
    if typed is None:
        return None
    if not isinstance(typed.type, BoolType):
        context.error(
            "LIC113",
            f"a condition is wanted here, not `{typed.type}`",
            node.span,
            scope,
            "compare it: `… == …`, `… > 0`, `length(…) > 0`",
        )
        return None
    return typed


def infer_unary(context: Context, node: ast.Unary, scope: Scope) -> Typed | None:
    """`not` and `-`."""
    if node.op == "not":
        typed = condition(context, node.operand, scope)
        if typed is None:
            return None
        return Typed(negation(typed.expr), typed.when_false, typed.when_true)
    operand = required(context, node.operand, scope, wanted=(INT, DECIMAL))
    if operand is None:
        return None
    if not (is_number(operand.type) or isinstance(operand.type, DurationType)):
        context.mismatch(
            "a number", operand.type, node.operand.span, scope, "`-` negates numbers and durations"
        )
        return None
    type_: Type = INT if isinstance(operand.type, IntType) else operand.type
    if isinstance(type_, DecimalType):
        type_ = DECIMAL
    return Typed(negative(operand.expr, type_))


def infer_binary(
    context: Context, node: ast.Binary, scope: Scope, expected: Type | None
) -> Typed | None:
    """`and or ?? + - * / div %`."""
    match node.op:
        case "and":
            return _all_of(context, node, scope)
        case "or":
            return _any_of(context, node, scope)
        case "??":
            return infer_coalesce(context, node, scope, expected)
        case _:
            _warn_of_loose_default(context, node)
            return _arithmetic(context, node, scope, expected)


def _chain(node: ast.Binary) -> list[ast.Expr]:
    """The operands of `a and b and …`: not recursive, since such chains grow long."""
    operands: list[ast.Expr] = []
    left: ast.Expr = node
    while isinstance(left, ast.Binary) and left.op == node.op:
        operands.append(left.right)
        left = left.left
    operands.append(left)
    return operands[::-1]


def _all_of(context: Context, node: ast.Binary, scope: Scope) -> Typed | None:
    """`and`: each operand sees what those before it have shown by being true."""
    parts: list[ir.Expr] = []
    operands = _chain(node)
    known, unlikely = NOTHING, None
    for operand in operands:
        typed = condition(context, operand, scope.knowing(known))
        if typed is None:
            continue
        parts.append(typed.expr)
        failing = known | typed.when_false
        unlikely = failing if unlikely is None else unlikely & failing
        known |= typed.when_true
    if len(parts) < len(operands):
        return None
    return Typed(both(parts), known, unlikely or NOTHING)


def _any_of(context: Context, node: ast.Binary, scope: Scope) -> Typed | None:
    """`or`: each operand sees what those before it have shown by being false."""
    parts: list[ir.Expr] = []
    operands = _chain(node)
    known, holding = NOTHING, None
    for operand in operands:
        typed = condition(context, operand, scope.knowing(known))
        if typed is None:
            continue
        parts.append(typed.expr)
        succeeding = known | typed.when_true
        holding = succeeding if holding is None else holding & succeeding
        known |= typed.when_false
    if len(parts) < len(operands):
        return None
    return Typed(either(parts), holding or NOTHING, known)


def _warn_of_loose_default(context: Context, node: ast.Binary) -> None:
    left = node.left
    if not (isinstance(left, ast.Binary) and left.op == "??"):
        return
    if not left.span.text.startswith("("):
        context.reporter.warning(
            "LIC140",
            f"`{node.op}` applies to the whole of `… ?? …`, not to its default",
            node.span,
            f"write `(… ?? …) {node.op} …`, or put the default into parentheses",
        )


def _arithmetic(
    context: Context, node: ast.Binary, scope: Scope, expected: Type | None
) -> Typed | None:
    wanted = expected if isinstance(expected, ListType) else None
    if isinstance(node.left, ast.ListLiteral) and not node.left.items and wanted is None:
        right = required(context, node.right, scope)
        left = None if right is None else required(context, node.left, scope, right.type)
    else:
        numbers = () if node.op == "+" else (INT, DECIMAL)
        left = required(context, node.left, scope, wanted, numbers)
        list_type = left.type if left and isinstance(left.type, ListType) else wanted
        right = required(context, node.right, scope, list_type, (left.type,) if left else numbers)
    if left is None or right is None:
        return None
    a, b = left.expr, right.expr
    match node.op, a.type, b.type:
        case "/" | "div" | "%", _, _:
            return _division(context, node, a, b, scope)
        case "+" | "-" | "*", IntType() | DecimalType(), IntType() | DecimalType():
            whole = isinstance(a.type, IntType) and isinstance(b.type, IntType)
            return Typed(arithmetic(node.op, a, b, INT if whole else DECIMAL))
        case "+", StringType(), StringType():
            return Typed(concatenation(a, b, STRING))
        case "+", ListType(), ListType():
            both_types = join(a.type, b.type)
            if isinstance(both_types, ListType):
                return Typed(list_concatenation(a, b, ListType(both_types.element)))
        case ("+", TimeType(), DurationType()) | ("+", DurationType(), TimeType()):
            return Typed(arithmetic("+", a, b, TIME))
        case "-", TimeType(), DurationType():
            return Typed(arithmetic("-", a, b, TIME))
        case "-", TimeType(), TimeType():
            return Typed(arithmetic("-", a, b, DURATION))
        case "-", DateType(), DateType():
            return Typed(arithmetic("date_difference", a, b, DURATION))
        case "+" | "-", DateType(), DurationType():
            return _shifted_date(context, node, a, b, scope)
        case "+" | "-", DurationType(), DurationType():
            return Typed(arithmetic(node.op, a, b, DURATION))
        case ("*", DurationType(), IntType()) | ("*", IntType(), DurationType()):
            return Typed(arithmetic("*", a, b, DURATION))
        case _:
            pass
    context.error(
        "LIC111",
        f"`{node.op}` is not defined for `{a.type}` and `{b.type}`",
        node.span,
        scope,
        "`+ - *` take numbers; `+` also two texts, two lists of one type, a Time and a Duration",
    )
    return None


def _division(
    context: Context, node: ast.Binary, a: ir.Expr, b: ir.Expr, scope: Scope
) -> Typed | None:
    exact = node.op == "/"
    fits = (
        is_number(a.type) and is_number(b.type)
        if exact
        else isinstance(a.type, IntType) and isinstance(b.type, IntType)
    )
    if not fits:
        context.error(
            "LIC111",
            f"`{node.op}` is not defined for `{a.type}` and `{b.type}`",
            node.span,
            scope,
            "`/` takes numbers, `div` and `%` take whole numbers",
        )
        return None
    positive = isinstance(b, ir.Const) and isinstance(b.value, int) and b.value > 0
    if not isinstance(b, ir.Const) or b.value == 0 or not (exact or positive):
        context.error(
            "LIC118",
            f"the divisor of `{node.op}` is not a constant other than zero"
            if exact
            else f"the divisor of `{node.op}` is not a positive constant",
            node.right.span,
            scope,
            "divide by a number, a const or a param that has a value; "
            "or multiply the other side of the comparison",
        )
        return None
    return Typed(arithmetic(node.op, a, b, DECIMAL if exact else INT))


def _shifted_date(
    context: Context, node: ast.Binary, date: ir.Expr, shift: ir.Expr, scope: Scope
) -> Typed | None:
    if not (
        isinstance(shift, ir.Const) and isinstance(shift.value, int) and shift.value % DAY == 0
    ):
        context.error(
            "LIC111",
            "a Date moves by whole days only",
            node.right.span,
            scope,
            "write a constant such as `7d`, or compute with a Time",
        )
        return None
    signed = shift if node.op == "+" else negative(shift, DURATION)
    return Typed(ir.Arithmetic("date_shift", date, signed, DATE))


def infer_comparison(context: Context, node: ast.Comparison, scope: Scope) -> Typed | None:
    """`a op b op c`: each neighbouring pair is compared, each operand is typed once."""
    nodes = [node.first, *(operand for _, operand in node.rest)]
    typed: list[Typed | None] = [None] * len(nodes)
    firm = [not is_flexible(context, operand, scope) for operand in nodes]
    if not any(firm):
        firm[0] = True
    for place, operand in enumerate(nodes):
        if firm[place]:
            typed[place] = context.infer(operand, scope)
    if all(t is not None and is_document(t.type) for t in typed) and all(
        op in ("==", "!=") for op, _ in node.rest
    ):
        typed = [Typed(whole(t.expr)) for t in typed if t is not None]
    else:
        wanted = _compared_with(context, nodes, typed, scope)
        if wanted is None:
            return None
        for place, found in enumerate(typed):
            if found is not None:
                typed[place] = handled(context, found, nodes[place].span, scope, wanted)
    expected = next((found.type for found in typed if found is not None), None)
    if expected is None:  # what is firm was wrong: the flexible operands have no type to find
        return None
    for place, operand in enumerate(nodes):
        if not firm[place]:
            typed[place] = required(context, operand, scope, expected)
    parts: list[ir.Expr] = []
    for place, (op, _) in enumerate(node.rest):
        left, right = typed[place], typed[place + 1]
        if left is None or right is None:
            continue
        part = compare(context, op, left.expr, right.expr, node, scope)
        if part is not None:
            parts.append(part)
            if not isinstance(part, ir.Const):
                context.written.append((nodes[place].span.to(nodes[place + 1].span), part))
    return Typed(both(parts)) if len(parts) == len(node.rest) else None


def _compared_with(
    context: Context, nodes: list[ast.Expr], typed: list[Typed | None], scope: Scope
) -> tuple[Type, ...] | None:
    """What a part of a document may become to be compared; None where an error was reported."""
    if not any(found is not None and is_document(found.type) for found in typed):
        return ()
    for found in typed:
        if found is not None and not is_document(found.type):
            return (found.type,)
    for node, found in zip(nodes, typed, strict=True):
        match node:
            case ast.StringLiteral() | ast.Name() if found is None:
                other = context.infer(node, scope)
                return None if other is None else (other.type,)
            case ast.ListLiteral():
                return (ITEMS,)
            case _:
                pass
    return ()


def compare(
    context: Context, op: str, a: ir.Expr, b: ir.Expr, node: ast.Expr, scope: Scope
) -> ir.Expr | None:
    """One comparison of two typed operands; None and an error where they do not agree."""
    if is_version(a.type) and is_version(b.type) and op not in ("==", "!="):
        return _precedence(op, a, b)
    if join(a.type, b.type) is None:
        _report_disagreement(context, a.type, b.type, node, scope)
        return None
    if op == "==":
        return equal(a, b)
    if op == "!=":
        return negation(equal(a, b))
    same_order = (
        a.type.labels == b.type.labels
        if isinstance(a.type, EnumType) and isinstance(b.type, EnumType)
        else True
    )
    if not is_ordered(a.type) or not same_order:
        context.error(
            "LIC111",
            f"`{a.type}` and `{b.type}` have no common order",
            node.span,
            scope,
            "`<` compares numbers, dates, times, durations, text, and labels of one enum",
        )
        return None
    match op:
        case "<":
            return less(a, b, strict=True)
        case "<=":
            return less(a, b, strict=False)
        case ">":
            return less(b, a, strict=True)
        case _:
            return less(b, a, strict=False)


def is_version(type_: Type) -> bool:
    return isinstance(type_, RecordType) and accepts(VERSION, type_)


def _precedence(op: str, a: ir.Expr, b: ir.Expr) -> ir.Expr:
    """The order of semantic versions."""
    first, second = (a, b) if op in ("<", ">=") else (b, a)
    before = ir.Builtin("version_before", (first, second), BOOL)
    return before if op in ("<", ">") else negation(before)


def _report_disagreement(context: Context, a: Type, b: Type, node: ast.Expr, scope: Scope) -> None:
    if isinstance(a, EnumType) and isinstance(b, EnumType):
        apart = [
            label for label in (*a.labels, *b.labels) if (label in a.labels) != (label in b.labels)
        ]
        context.error(
            "LIC126",
            f"`{a}` and `{b}` are different enums",
            node.span,
            scope,
            f"two enums are one type if their labels agree; `{apart[0]}` is in one only"
            if apart
            else "they have the same labels in another order; declare one enum and use it for both",
        )
        return
    help = "compare values of one type"
    if isinstance(a, EnumType | StringType) and isinstance(b, EnumType | StringType):
        help = "declare both with the same enum, or compare each with its label"
    elif isinstance(a, TimeType | DateType) and isinstance(b, TimeType | DateType):
        help = "compare dates: `….date` of a Time"
    elif isinstance(a, DateType | StringType) and isinstance(b, DateType | StringType):
        help = "read text with `date(…)`; dates are written without quotes: 2026-11-22"
    elif isinstance(a, TimeType | StringType) and isinstance(b, TimeType | StringType):
        help = "read text with `time(…)`; times are written without quotes: 2026-11-22T15:00Z"
    elif (is_number(a) and isinstance(b, StringType)) or (
        is_number(b) and isinstance(a, StringType)
    ):
        help = "write numbers without quotes, and read text with `int(…)` or `decimal(…)`"
    context.error("LIC111", f"`{a}` cannot be compared with `{b}`", node.span, scope, help)


def infer_conditional(
    context: Context, node: ast.Conditional, scope: Scope, expected: Type | None
) -> Typed | None:
    """`if … then … else …`."""
    test = condition(context, node.condition, scope)
    then_scope = scope if test is None else scope.knowing(test.when_true)
    else_scope = scope if test is None else scope.knowing(test.when_false)
    if expected is None and is_flexible(context, node.consequence, then_scope):
        other = context.infer(node.alternative, else_scope)
        first = context.infer(node.consequence, then_scope, other.type if other else None)
    else:
        first = context.infer(node.consequence, then_scope, expected)
        other = context.infer(
            node.alternative, else_scope, expected or (first.type if first else None)
        )
    if test is None or first is None or other is None:
        return None
    if is_document(first.type) and is_document(other.type):
        branches = perhaps(first.expr), perhaps(other.expr)
        return Typed(ir.If(test.expr, *branches, OptionalType(JSON)))
    if isinstance(first.type, JsonType) or isinstance(other.type, JsonType):
        handled(context, first, node.consequence.span, scope, (other.type,))
        handled(context, other, node.alternative.span, scope, (first.type,))
        return None
    joined = join(first.type, other.type)
    if joined is None:
        _report_disagreement(context, first.type, other.type, node, scope)
        return None
    a, b = first.expr, other.expr
    if isinstance(joined, OptionalType):
        a, b = some(a, joined), some(b, joined)
    if isinstance(joined, BoolType):
        return Typed(
            conditional(test.expr, a, b, BOOL),
            (test.when_true | first.when_true) & (test.when_false | other.when_true),
            (test.when_true | first.when_false) & (test.when_false | other.when_false),
        )
    return Typed(conditional(test.expr, a, b, joined))
