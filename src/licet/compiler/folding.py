"""IR nodes built so that what is constant is worked out at once.

`permit … when tool.read_only` becomes true or false for each tool. Only what is certain without
evaluating a variable part is folded, and no operand that could refuse (JsonAs) is dropped unless
evaluation would have stopped before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from . import ir
from .types import BOOL, EnumType, ListType, OptionalType, RecordType, Type, Value

TRUE = ir.Const(True, BOOL)
FALSE = ir.Const(False, BOOL)


def both(operands: Sequence[ir.Expr]) -> ir.Expr:
    """`and`: stops at the first constant false, leaves out constant trues."""
    kept: list[ir.Expr] = []
    for operand in operands:
        if isinstance(operand, ir.Const):
            if operand.value is False:
                if not kept:
                    return FALSE
                kept.append(operand)
                break
            continue
        kept.extend(operand.operands if isinstance(operand, ir.And) else (operand,))
    if not kept:
        return TRUE
    return kept[0] if len(kept) == 1 else ir.And(tuple(kept))


def either(operands: Sequence[ir.Expr]) -> ir.Expr:
    """`or`: stops at the first constant true, leaves out constant falses."""
    kept: list[ir.Expr] = []
    for operand in operands:
        if isinstance(operand, ir.Const):
            if operand.value is True:
                if not kept:
                    return TRUE
                kept.append(operand)
                break
            continue
        kept.extend(operand.operands if isinstance(operand, ir.Or) else (operand,))
    if not kept:
        return FALSE
    return kept[0] if len(kept) == 1 else ir.Or(tuple(kept))


def negation(operand: ir.Expr) -> ir.Expr:
    """`not`."""
    if isinstance(operand, ir.Const):
        return FALSE if operand.value else TRUE
    return operand.operand if isinstance(operand, ir.Not) else ir.Not(operand)


def conditional(
    condition: ir.Expr, consequence: ir.Expr, alternative: ir.Expr, type_: Type
) -> ir.Expr:
    """`if … then … else …`."""
    if isinstance(condition, ir.Const):
        return consequence if condition.value else alternative
    return ir.If(condition, consequence, alternative, type_)


def equal(left: ir.Expr, right: ir.Expr) -> ir.Expr:
    """`==` of agreeing types."""
    if isinstance(left, ir.Const) and isinstance(right, ir.Const):
        return TRUE if left.value == right.value else FALSE
    return ir.Equal(left, right)


def less(left: ir.Expr, right: ir.Expr, strict: bool) -> ir.Expr:
    """`<` or `<=` of agreeing, ordered types."""
    if isinstance(left, ir.Const) and isinstance(right, ir.Const):
        a, b = _rank(left), _rank(right)
        return TRUE if (a < b if strict else a <= b) else FALSE  # type: ignore[operator]
    return ir.Less(left, right, strict)


def _rank(const: ir.Const) -> object:
    if isinstance(const.type, EnumType) and isinstance(const.value, str):
        return const.type.labels.index(const.value)
    return const.value


def arithmetic(op: str, left: ir.Expr, right: ir.Expr, type_: Type) -> ir.Expr:
    """`+ - * / div %` on numbers (divisors are not zero)."""
    match left, right:
        case ir.Const(value=(int() | Fraction()) as a), ir.Const(value=(int() | Fraction()) as b):
            value = _computed(op, a, b)
            if value is not None:
                return ir.Const(value, type_)
        case _:
            pass
    return ir.Arithmetic(op, left, right, type_)  # type: ignore[arg-type]


def _computed(op: str, a: int | Fraction, b: int | Fraction) -> Value:
    match op:
        case "+":
            return plain(a + b)
        case "-":
            return plain(a - b)
        case "*":
            return plain(a * b)
        case "/":
            return plain(Fraction(a) / Fraction(b))
        case "div":
            return int(a // b)
        case "%":
            return plain(a % b)
        case _:
            return None


def plain(value: int | Fraction) -> int | Fraction:
    """A whole number as an int."""
    return int(value) if value.denominator == 1 else value


def negative(operand: ir.Expr, type_: Type) -> ir.Expr:
    """Unary `-`."""
    if isinstance(operand, ir.Const) and isinstance(operand.value, int | Fraction):
        return ir.Const(-operand.value, type_)
    return ir.Negate(operand, type_)


def list_of(items: Sequence[ir.Expr], type_: ListType) -> ir.Expr:
    """A list of values, constant if all are."""
    if all(isinstance(item, ir.Const) for item in items):
        return ir.Const(tuple(item.value for item in items if isinstance(item, ir.Const)), type_)
    return ir.MakeList(tuple(items), type_)


def record_of(fields: Sequence[tuple[str, ir.Expr]], type_: RecordType) -> ir.Expr:
    """A record of values, constant if all are."""
    if all(isinstance(value, ir.Const) for _, value in fields):
        return ir.Const(
            {name: value.value for name, value in fields if isinstance(value, ir.Const)}, type_
        )
    return ir.MakeRecord(tuple(fields), type_)


def concatenation(left: ir.Expr, right: ir.Expr, type_: Type) -> ir.Expr:
    """`+` on text, flattened."""
    match left, right:
        case ir.Const(value=str(a)), ir.Const(value=str(b)):
            return ir.Const(a + b, type_)
        case _:
            operands = (*_texts(left), *_texts(right))
            return ir.Concat(operands, type_)


def _texts(expr: ir.Expr) -> tuple[ir.Expr, ...]:
    return expr.operands if isinstance(expr, ir.Concat) else (expr,)


def list_concatenation(left: ir.Expr, right: ir.Expr, type_: ListType) -> ir.Expr:
    """`+` on lists, flattened."""
    match left, right:
        case ir.Const(value=tuple() as a), ir.Const(value=tuple() as b):
            return ir.Const(a + b, type_)
        case _:
            return ir.ListConcat((*_lists(left), *_lists(right)), type_)


def _lists(expr: ir.Expr) -> tuple[ir.Expr, ...]:
    return expr.operands if isinstance(expr, ir.ListConcat) else (expr,)


def some(expr: ir.Expr, type_: OptionalType) -> ir.Expr:
    """An optional of the type, whether or not the expression is one yet."""
    if isinstance(expr.type, OptionalType):
        return expr
    return ir.Const(expr.value, type_) if isinstance(expr, ir.Const) else ir.Some(expr, type_)
