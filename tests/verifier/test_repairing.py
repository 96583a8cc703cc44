"""The nearest allowed call: whole answers, and none where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest

from licet.compiler import ir
from licet.compiler.types import BOOL, DATE, INT, STRING, IntType, Value
from licet.compiler.world import World
from licet.verifier.adjusting import key_arguments
from licet.verifier.repairing import RepairFound, repair
from licet.verifier.solving import SolverPool
from support.ir_building import equal, n
from support.refund_desk import (
    ARGS,
    BAG,
    CABIN,
    MONEY,
    RATE,
    Desk,
    arg,
    bag,
    blocked,
    context,
    desk,
    escalate,
    field,
    forbid,
    label,
    let,
    more,
    order,
    permit,
    world,
)


@pytest.fixture(scope="module")
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as made:
        yield made


def repaired(
    pool: SolverPool,
    at: Desk,
    refused: World,
    adjustable: tuple[tuple[str, ...], ...] | None = None,
    seconds: float = 20,
) -> RepairFound | None:
    keys = key_arguments(at.rules)
    ask = pool.ask
    return repair(at.encoder, at.rules, refused, adjustable, keys, ARGS, at.clock, ask, seconds)


def changed(refused: World, *changes: tuple[object, ...], outcome: str = "allow") -> RepairFound:
    """The repair that changes whole arguments: (name, new, type) each."""
    args = dict(refused.args)
    found = []
    for name, new, kind in changes:
        found.append((("args", name), args[name], new, kind))  # type: ignore[index]
        args[name] = new  # type: ignore[index]
    return RepairFound(args, tuple(found), outcome)  # type: ignore[arg-type]


def weights(over: int) -> ir.Expr:
    """`any(b in args.bags: b.weight > over)`."""
    var = ir.Var(1, "b", BAG)
    return ir.Quantifier("any", var, arg("bags"), more(field(var, "weight"), n(over)))


def total() -> ir.Expr:
    var = ir.Var(2, "b", BAG)
    return ir.Sum(var, arg("bags"), field(var, "weight"), INT)


def test_an_amount_goes_down_to_its_limit(pool: SolverPool) -> None:
    at, refused = desk(forbid(more(arg("amount"), n(500)))), world(amount=700)
    assert repaired(pool, at, refused) == changed(refused, ("amount", 500, MONEY))


def test_a_strict_limit_leaves_room_for_one_step(pool: SolverPool) -> None:
    at = desk(forbid(ir.Less(n(500), arg("amount"), strict=False)))
    refused = world(amount=700)
    nearest = Fraction("499.99")
    assert repaired(pool, at, refused) == changed(refused, ("amount", nearest, MONEY))


def test_a_strict_limit_without_a_step_is_said(pool: SolverPool) -> None:
    at = desk(forbid(ir.Less(n(500), arg("rate"), strict=False)))
    bound = RepairFound(None, (), "allow", "args.rate < 500")
    assert repaired(pool, at, world(rate=700)) == bound
    at = desk(forbid(ir.Less(arg("rate"), n("0.5"), strict=False)))
    bound = RepairFound(None, (), "allow", "args.rate > 0.5")
    assert repaired(pool, at, world(rate=0)) == bound


def test_an_attained_limit_without_a_step(pool: SolverPool) -> None:
    at, refused = desk(forbid(more(arg("rate"), n("0.25")))), world(rate=1)
    assert repaired(pool, at, refused) == changed(refused, ("rate", Fraction(1, 4), RATE))


@pytest.mark.parametrize(("limit", "said"), [("1/3", "1/3"), ("499.99999999999999999", None)])
def test_a_limit_that_no_tool_can_be_told_is_said(
    pool: SolverPool, limit: str, said: str | None
) -> None:
    at = desk(forbid(more(arg("rate"), n(limit))))
    bound = RepairFound(None, (), "allow", f"args.rate <= {said or limit}")
    assert repaired(pool, at, world(rate=700)) == bound


def test_an_enum_moves_by_its_order(pool: SolverPool) -> None:
    economy, first = label(CABIN, "economy"), label(CABIN, "first")
    at = desk(forbid(ir.Or((equal(arg("cabin"), economy), equal(arg("cabin"), first)))))
    refused = world(cabin="economy")
    assert repaired(pool, at, refused) == changed(refused, ("cabin", "basic", CABIN))
    refused = world(cabin="first")
    assert repaired(pool, at, refused) == changed(refused, ("cabin", "business", CABIN))


def test_a_truth_value_turns(pool: SolverPool) -> None:
    at, refused = desk(forbid(arg("rush"))), world(rush=True)
    assert repaired(pool, at, refused) == changed(refused, ("rush", False, BOOL))


def test_a_date_moves_by_days(pool: SolverPool) -> None:
    at = desk(forbid(ir.Less(arg("day"), ir.Const(20_010, DATE), strict=False)))
    refused = world()
    assert repaired(pool, at, refused) == changed(refused, ("day", 20_011, DATE))


def test_one_change_is_nearer_than_two(pool: SolverPool) -> None:
    # Two small changes or one large: the fewest arguments win.
    small = ir.And((more(n(100), arg("amount")), more(n(2), arg("count"))))
    at = desk(permit(ir.Or((small, more(n(5), arg("amount"))))))
    refused = world(amount=100, count=2)
    nearest = Fraction("4.99")
    assert repaired(pool, at, refused) == changed(refused, ("amount", nearest, MONEY))


def test_of_single_changes_the_later_argument_changes(pool: SolverPool) -> None:
    at = desk(forbid(ir.And((more(arg("amount"), n(500)), arg("rush")))))
    refused = world(amount=700, rush=True)
    assert repaired(pool, at, refused) == changed(refused, ("rush", False, BOOL))


def test_two_changes_where_one_is_not_enough(pool: SolverPool) -> None:
    at = desk(forbid(more(arg("amount"), n(500))), forbid(arg("rush"), name="rushed"))
    refused = world(amount=700, rush=True)
    expected = changed(refused, ("amount", 500, MONEY), ("rush", False, BOOL))
    assert repaired(pool, at, refused) == expected


def test_a_field_of_a_list_element(pool: SolverPool) -> None:
    at = desk(forbid(weights(32)))
    refused = world(bags=(bag(10), bag(40), bag(20)))
    assert repaired(pool, at, refused) == RepairFound(
        {**refused.args, "bags": (bag(10), bag(32), bag(20))},
        ((("args", "bags", 1, "weight"), 40, 32, IntType(0, 100)),),
        "allow",
    )


def test_a_sum_over_twenty_items_takes_from_the_last(pool: SolverPool) -> None:
    at = desk(forbid(more(total(), n(390))))
    refused = world(bags=tuple(bag(20) for _ in range(20)))
    found = repaired(pool, at, refused)
    assert found is not None
    assert found.changes == ((("args", "bags", 19, "weight"), 20, 10, IntType(0, 100)),)


def test_what_is_not_reached_by_changing_is_not_repaired(pool: SolverPool) -> None:
    at = desk(forbid(more(ir.Length(arg("bags")), n(1))))
    assert repaired(pool, at, world(bags=(bag(), bag()))) is None
    at = desk(forbid(ir.Not(context("confirmed"))))
    assert repaired(pool, at, world(confirmed=False)) is None


def test_types_are_kept(pool: SolverPool) -> None:
    # No bag weighs more than 100, no count is below 0.
    at = desk(permit(more(total(), n(150))))
    assert repaired(pool, at, world(bags=(bag(),))) is None
    at = desk(permit(more(n(0), arg("count"))))
    assert repaired(pool, at, world()) is None


def test_text_and_identifiers_are_never_changed(pool: SolverPool) -> None:
    at = desk(forbid(equal(arg("order_id"), ir.Const("R1", STRING))))
    assert repaired(pool, at, world()) is None
    assert repaired(pool, at, world(), (("order_id",),)) is None
    at = desk(forbid(equal(arg("seat_id"), n(7))))
    assert repaired(pool, at, world()) is None
    refused = world()
    expected = changed(refused, ("seat_id", 6, INT))
    assert repaired(pool, at, refused, (("seat_id",),)) == expected


def test_what_is_declared_adjustable_is_all_that_changes(pool: SolverPool) -> None:
    at = desk(forbid(ir.And((more(arg("amount"), n(500)), arg("rush")))))
    refused = world(amount=700, rush=True)
    expected = changed(refused, ("amount", 500, MONEY))
    assert repaired(pool, at, refused, (("amount",),)) == expected
    assert repaired(pool, at, refused, ()) is None


def test_an_optional_number_is_neither_dropped_nor_added(pool: SolverPool) -> None:
    has = ir.Present(arg("tip"))
    value = ir.Coalesce(arg("tip"), n(0), MONEY)
    at = desk(forbid(has))
    assert repaired(pool, at, world(tip=3)) is None
    at = desk(forbid(ir.Not(has)))
    assert repaired(pool, at, world()) is None
    at, refused = desk(forbid(more(value, n(2)))), world(tip=3)
    assert repaired(pool, at, refused) == changed(refused, ("tip", 2, MONEY))


def test_facts_are_looked_up_and_kept(pool: SolverPool) -> None:
    found = let("o", order(arg("order_id")))
    at = desk(forbid(more(arg("amount"), field(found.var, "total")), found))
    refused = world({"order": {("R1",): {"owner": "u", "total": 50}}}, amount=80)
    assert repaired(pool, at, refused) == changed(refused, ("amount", 50, MONEY))
    assert repaired(pool, at, world({"order": {("R1",): None}}, amount=80)) is None


def test_a_key_of_a_fact_is_not_adjusted(pool: SolverPool) -> None:
    key = ir.If(arg("rush"), ir.Const("a", STRING), ir.Const("b", STRING), STRING)
    at = desk(forbid(blocked(key)))
    refused = world({"blocked": {("a",): True, ("b",): False}}, rush=True)
    assert repaired(pool, at, refused) is None
    assert repaired(pool, at, refused, (("rush",),)) is None


def test_what_only_needs_an_approval_is_better_than_nothing(pool: SolverPool) -> None:
    at = desk(forbid(more(arg("amount"), n(500))), escalate(context("confirmed")))
    refused = world(amount=700)
    expected = changed(refused, ("amount", 500, MONEY), outcome="escalate")
    assert repaired(pool, at, refused) == expected


def test_allowed_is_better_than_asked(pool: SolverPool) -> None:
    at = desk(forbid(more(arg("amount"), n(500))), escalate(more(arg("amount"), n(100))))
    refused = world(amount=700)
    assert repaired(pool, at, refused) == changed(refused, ("amount", 100, MONEY))


def test_without_time_there_is_no_repair(pool: SolverPool) -> None:
    at = desk(forbid(more(arg("amount"), n(500))))
    assert repaired(pool, at, world(amount=700), seconds=0) is None


def test_without_a_solver_there_is_no_repair() -> None:
    closed = SolverPool(1)
    closed.close()
    at = desk(forbid(more(arg("amount"), n(500))))
    assert repaired(closed, at, world(amount=700)) is None


@pytest.mark.parametrize("old", [Fraction("499.995"), 10**30, -(10**30)])
def test_far_and_odd_numbers(pool: SolverPool, old: Value) -> None:
    at = desk(permit(equal(arg("rate"), n(3))))
    refused = world(rate=old)
    assert repaired(pool, at, refused) == changed(refused, ("rate", 3, RATE))
