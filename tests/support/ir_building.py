"""Short ways to write typed expressions by hand, for tables of cases."""

from __future__ import annotations

from fractions import Fraction

from licet.compiler import ir
from licet.compiler.clock import Clock, clock
from licet.compiler.types import (
    BOOL,
    DECIMAL,
    INT,
    JSON,
    STRING,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
    Value,
)
from licet.compiler.world import World

UTC = clock("UTC")
NEW_YORK: Clock = clock("America/New_York")

TRUE, FALSE = ir.Const(True, BOOL), ir.Const(False, BOOL)
#: Refuses (wrong type) where it is evaluated, as nothing else does.
REFUSES = ir.Coalesce(
    ir.JsonAs(ir.Const("text", OptionalType(JSON)), OptionalType(BOOL)), FALSE, BOOL
)


def n(value: int | str) -> ir.Const:
    """An Int, or a Decimal as text such as "2.5" or "1/3"."""
    if isinstance(value, int):
        return ir.Const(value, INT)
    return ir.Const(Fraction(value), DECIMAL)


def s(text: str) -> ir.Const:
    return ir.Const(text, STRING)


def of(kind: Type, value: Value) -> ir.Const:
    return ir.Const(value, kind)


def ints(*values: int) -> ir.Const:
    return ir.Const(values, ListType(INT))


def texts(*values: str) -> ir.Const:
    return ir.Const(values, ListType(STRING))


def absent(kind: Type) -> ir.Const:
    return ir.Const(None, OptionalType(kind))


def some(expr: ir.Expr) -> ir.Some:
    return ir.Some(expr, OptionalType.of(expr.type))


def maybe(value: int | None) -> ir.Const:
    """An `Int?`."""
    return ir.Const(value, OptionalType(INT))


def counts(**entries: int) -> ir.Const:
    """A map from texts to integers."""
    return ir.Const(entries, MapType(STRING, INT))


def var(slot: int, kind: Type = INT) -> ir.Var:
    return ir.Var(slot, f"v{slot}", kind)


def record(**types: Type) -> RecordType:
    return RecordType("", tuple(Field(name, kind) for name, kind in types.items()))


def arg(name: str, kind: Type) -> ir.GetField:
    """`args.NAME`."""
    return ir.GetField(ir.Root("args", record(**{name: kind})), name, kind)


def context(name: str, kind: Type) -> ir.GetField:
    """`context.NAME`."""
    return ir.GetField(ir.Root("context", record(**{name: kind})), name, kind)


def equal(left: ir.Expr, right: ir.Expr) -> ir.Equal:
    return ir.Equal(left, right)


def less(left: ir.Expr, right: ir.Expr) -> ir.Less:
    return ir.Less(left, right, strict=True)


def any_of(bound: ir.Var, listed: ir.Expr, body: ir.Expr) -> ir.Quantifier:
    return ir.Quantifier("any", bound, listed, body)


def all_of(bound: ir.Var, listed: ir.Expr, body: ir.Expr) -> ir.Quantifier:
    return ir.Quantifier("all", bound, listed, body)


def world(**args: Value) -> World:
    """A world with these arguments and nothing else."""
    return World("desk.do", args)
