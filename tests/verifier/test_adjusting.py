"""Which arguments a repair may change, by type, name and use."""

from __future__ import annotations

import pytest

from licet.compiler import ir
from licet.compiler.types import (
    BOOL,
    DATE,
    DURATION,
    INT,
    JSON,
    STRING,
    TIME,
    DecimalType,
    EnumType,
    OptionalType,
    Type,
)
from licet.compiler.world import Path
from licet.verifier.adjusting import key_arguments, may_change
from support.refund_desk import (
    BAG,
    arg,
    blocked,
    desk,
    field,
    forbid,
    let,
    more,
    order,
)

NO_KEYS: frozenset[tuple[str, ...]] = frozenset()


@pytest.mark.parametrize(
    ("kind", "may"),
    [
        (INT, True),
        (DecimalType(), True),
        (BOOL, True),
        (EnumType("", ("a", "b")), True),
        (DATE, True),
        (TIME, True),
        (DURATION, True),
        (OptionalType(INT), True),
        (STRING, False),
        (OptionalType(STRING), False),
        (JSON, False),
    ],
)
def test_by_type(kind: Type, may: bool) -> None:
    assert may_change(("args", "amount"), kind, None, NO_KEYS) is may


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("id", False),
        ("user_id", False),
        ("userId", False),
        ("userID", False),
        ("user-id", False),
        ("ids", False),
        ("uuid", False),
        ("amount", True),
        ("paid", True),
        ("bid", True),
        ("width", True),
        ("grid", True),
        ("idle_minutes", True),
    ],
)
def test_by_name(name: str, may: bool) -> None:
    assert may_change(("args", "order", name), INT, None, NO_KEYS) is may
    assert may_change(("args", "order", name), INT, (("order", name),), NO_KEYS) is True


@pytest.mark.parametrize(
    ("path", "declared", "may"),
    [
        (("args", "amount"), (("amount",),), True),
        (("args", "amount"), (("count",),), False),
        (("args", "amount"), (), False),
        (("args", "bags", 3, "weight"), (("bags",),), True),
        (("args", "bags", 3, "weight"), (("bags", "weight"),), True),
        (("args", "bags", 3, "weight"), (("bags", "big"),), False),
    ],
)
def test_by_declaration(path: Path, declared: tuple[tuple[str, ...], ...], may: bool) -> None:
    assert may_change(path, INT, declared, NO_KEYS) is may


def test_what_is_within_a_key_is_never_changed() -> None:
    keys = frozenset({("bags", "weight")})
    assert not may_change(("args", "bags", 3, "weight"), INT, (("bags",),), keys)
    assert may_change(("args", "bags", 3, "big"), BOOL, (("bags",),), keys)


def test_arguments_that_decide_a_fact_are_found_through_variables() -> None:
    bag = ir.Var(1, "b", BAG)
    of_bag = ir.If(field(bag, "big"), arg("order_id"), ir.Const("x", STRING), STRING)
    found = let("o", order(arg("order_id")))
    renamed = let("key", arg("note"), slot=91)
    at = desk(
        forbid(ir.Quantifier("any", bag, arg("bags"), blocked(of_bag))),
        forbid(blocked(field(found.var, "owner")), found, name="owner"),
        forbid(blocked(renamed.var), renamed, name="note"),
        forbid(more(arg("amount"), arg("count")), name="amount"),
    )
    assert key_arguments(at.rules) == {("order_id",), ("bags", "big"), ("note",)}
