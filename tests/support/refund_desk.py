"""A small desk in typed IR, of which each test writes the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from licet.compiler import ir
from licet.compiler.clock import Clock, clock
from licet.compiler.encoding import ToolEncoder
from licet.compiler.types import (
    BOOL,
    DATE,
    INT,
    STRING,
    DecimalType,
    EnumType,
    Field,
    IntType,
    ListType,
    OptionalType,
    RecordType,
    Type,
    Value,
)
from licet.compiler.world import World
from licet.policy_lang import Source, Span

MONEY = DecimalType(Fraction(0), Fraction(100_000), step=Fraction(1, 100))
RATE = DecimalType()
CABIN = EnumType("Cabin", ("basic", "economy", "business", "first"))
ROLE = EnumType("Role", ("support", "manager"))
BAG = RecordType("Bag", (Field("weight", IntType(0, 100)), Field("big", BOOL)))
ARGS = RecordType(
    "Args",
    (
        Field("order_id", STRING),
        Field("amount", MONEY),
        Field("rate", RATE),
        Field("count", IntType(0, None)),
        Field("cabin", CABIN),
        Field("rush", BOOL),
        Field("day", DATE),
        Field("seat_id", INT),
        Field("tip", OptionalType(MONEY)),
        Field("note", OptionalType(STRING)),
        Field("bags", ListType(BAG)),
    ),
)
PRINCIPAL = RecordType("", (Field("role", ROLE), Field("team", OptionalType(STRING))))
CONTEXT = RecordType("", (Field("confirmed", BOOL), Field("risk", IntType(0, 100))))
SESSION = RecordType("", (Field("bags", ListType(BAG)),))
ORDER = RecordType("Order", (Field("owner", STRING), Field("total", MONEY)))
FACTS = {
    "order": ir.FactSignature("order", (("id", STRING),), OptionalType(ORDER)),
    "blocked": ir.FactSignature("blocked", (("owner", STRING),), BOOL),
}
SPAN = Span(Source("<desk>", "rule"), 0, 4)


def _get(root: ir.RootName, kind: RecordType, names: tuple[str, ...]) -> ir.Expr:
    expr: ir.Expr = ir.Root(root, kind)
    for name in names:
        assert isinstance(expr.type, RecordType)
        field = expr.type.field(name)
        assert field is not None
        expr = ir.GetField(expr, name, field.type)
    return expr


def arg(*names: str) -> ir.Expr:
    return _get("args", ARGS, names)


def context(*names: str) -> ir.Expr:
    return _get("context", CONTEXT, names)


def principal(*names: str) -> ir.Expr:
    return _get("principal", PRINCIPAL, names)


def session(*names: str) -> ir.Expr:
    return _get("session", SESSION, names)


def field(record: ir.Expr, name: str) -> ir.Expr:
    assert isinstance(record.type, RecordType)
    found = record.type.field(name)
    assert found is not None
    return ir.GetField(record, name, found.type)


def order(key: ir.Expr) -> ir.Fact:
    return ir.Fact("order", (key,), FACTS["order"].result)


def blocked(key: ir.Expr) -> ir.Fact:
    return ir.Fact("blocked", (key,), BOOL)


def more(left: ir.Expr, right: ir.Expr) -> ir.Expr:
    """`left > right`."""
    return ir.Less(right, left, strict=True)


def label(kind: EnumType, name: str) -> ir.Const:
    return ir.Const(name, kind)


def let(name: str, value: ir.Expr, slot: int = 90) -> ir.Let:
    kind: Type = value.type
    inner = kind.inner if isinstance(kind, OptionalType) else kind
    return ir.Let(ir.Var(slot, name, inner), value, SPAN)


def permit(condition: ir.Expr | None = None, name: str = "permitted") -> ir.Rule:
    return ir.Rule("permit", name, (), condition or ir.Const(True, BOOL), None, SPAN)


def forbid(condition: ir.Expr, *lets: ir.Let, name: str = "forbidden") -> ir.Rule:
    return ir.Rule("forbid", name, lets, condition, None, SPAN)


def escalate(condition: ir.Expr, *lets: ir.Let, name: str = "asked") -> ir.Rule:
    approver = ir.Const(True, BOOL)
    return ir.Rule("escalate", name, lets, condition, None, SPAN, approver)


@dataclass(frozen=True)
class Desk:
    """Rules with an encoder for them."""

    rules: ir.ToolRules
    encoder: ToolEncoder
    clock: Clock


def desk(*rules: ir.Rule) -> Desk:
    """A desk where everything is permitted but what the rules say."""
    if not any(rule.kind == "permit" for rule in rules):
        rules = (permit(), *rules)
    ordered = ir.ToolRules(
        "desk.refund",
        tuple(rule for rule in rules if rule.kind == "permit"),
        tuple(rule for rule in rules if rule.kind == "forbid"),
        tuple(rule for rule in rules if rule.kind == "escalate"),
    )
    encoder = ToolEncoder(ordered, FACTS, ARGS, PRINCIPAL, CONTEXT, SESSION, "UTC")
    return Desk(ordered, encoder, clock("UTC"))


def world(
    facts: Mapping[str, Mapping[tuple[Value, ...], Value]] | None = None,
    *,
    role: Value = "support",
    team: Value = None,
    confirmed: Value = True,
    risk: Value = 0,
    seen: Value = (),
    now: int = 0,
    **args: Value,
) -> World:
    """A complete world; `args` replace single arguments, `seen` is `session.bags`."""
    usual: dict[str, Value] = {
        "order_id": "R1",
        "amount": 100,
        "rate": 1,
        "count": 1,
        "cabin": "economy",
        "rush": False,
        "day": 20_000,
        "seat_id": 7,
        "tip": None,
        "note": None,
        "bags": (),
    }
    return World(
        "desk.refund",
        {**usual, **args},
        {"role": role, "team": team},
        {"confirmed": confirmed, "risk": risk},
        {"bags": seen},
        now,
        facts or {},
    )


def bag(weight: Value = 10, *, big: Value = False) -> dict[str, Value]:
    return {"weight": weight, "big": big}
