"""Verdicts on worlds with unknown parts: proved for every world, or two worlds, or not known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from licet import Guard
from licet.compiler import ir
from licet.compiler.evaluation import judge
from licet.compiler.types import STRING
from licet.compiler.world import UNKNOWN, World
from licet.verifier.settling import Settlement, settle
from licet.verifier.solving import SolverPool
from support.ir_building import equal, n, s
from support.refund_desk import (
    BAG,
    Desk,
    arg,
    bag,
    blocked,
    context,
    desk,
    escalate,
    field,
    forbid,
    let,
    more,
    order,
    permit,
    principal,
    session,
    world,
)


@pytest.fixture(scope="module")
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as made:
        yield made


def settled(pool: SolverPool, at: Desk, given: World, seconds: float = 20) -> Settlement:
    return settle(at.encoder, at.rules, given, at.clock, pool, seconds)


def outcomes(at: Desk, found: Settlement) -> tuple[str, str]:
    """What the reference evaluator says of the two worlds shown."""
    assert found.fine is not None
    assert found.broken is not None
    fine = judge(at.rules, found.fine, at.clock).outcome
    return fine, judge(at.rules, found.broken, at.clock).outcome


EITHER = ir.Or((more(context("risk"), n(50)), ir.Less(context("risk"), n(50), strict=False)))


def session_bag(over: int) -> ir.Expr:
    var = ir.Var(3, "b", BAG)
    return ir.Quantifier("any", var, session("bags"), more(field(var, "weight"), n(over)))


def test_every_world_allows(pool: SolverPool) -> None:
    at = desk(permit(EITHER))
    assert settled(pool, at, world(risk=UNKNOWN)) == Settlement("allow")


def test_every_world_allows_because_of_a_type(pool: SolverPool) -> None:
    at = desk(forbid(more(context("risk"), n(100))))
    assert settled(pool, at, world(risk=UNKNOWN)) == Settlement("allow")


def test_every_world_denies_by_one_rule(pool: SolverPool) -> None:
    at = desk(forbid(EITHER), forbid(context("confirmed"), name="confirmed"))
    found = settled(pool, at, world(risk=UNKNOWN, confirmed=UNKNOWN))
    assert (found.outcome, found.one_of) == ("deny", ())
    assert found.states((None, None, None)) == ("applies", "applies", None)


def test_every_world_denies_by_one_of_two_rules(pool: SolverPool) -> None:
    yes = forbid(context("confirmed"), name="yes")
    no = forbid(ir.Not(context("confirmed")), name="no")
    found = settled(pool, desk(yes, no), world(confirmed=UNKNOWN))
    assert (found.outcome, found.one_of) == ("deny", ("yes", "no"))
    assert found.states((None, None, None))[1:] == (None, None)


def test_no_world_permits(pool: SolverPool) -> None:
    at = desk(permit(more(context("risk"), n(100))))
    found = settled(pool, at, world(risk=UNKNOWN))
    assert (found.outcome, found.one_of) == ("deny", ())
    assert found.states((None,)) == ("not",)


def test_every_world_escalates_to_the_same(pool: SolverPool) -> None:
    at = desk(escalate(EITHER), escalate(arg("rush"), name="rushed"))
    found = settled(pool, at, world(risk=UNKNOWN))
    assert found.outcome == "escalate"
    assert found.states((None, None, None))[1:] == ("applies", "not")


def test_every_world_escalates_to_somebody_else(pool: SolverPool) -> None:
    yes = escalate(context("confirmed"), name="yes")
    no = escalate(ir.Not(context("confirmed")), name="no")
    at = desk(yes, no)
    found = settled(pool, at, world(confirmed=UNKNOWN))
    assert (found.outcome, found.settle) == ("undetermined", ("context.confirmed",))
    assert outcomes(at, found) == ("escalate", "escalate")


def test_mixed_shows_two_worlds_and_what_would_settle_it(pool: SolverPool) -> None:
    at = desk(forbid(more(arg("amount"), context("risk"))))
    found = settled(pool, at, world(amount=50, risk=UNKNOWN, confirmed=UNKNOWN))
    assert (found.outcome, found.settle) == ("undetermined", ("context.risk",))
    assert outcomes(at, found) == ("allow", "deny")


def test_what_both_worlds_rest_on_settles(pool: SolverPool) -> None:
    both = ir.And((context("confirmed"), more(context("risk"), n(50))))
    at = desk(forbid(both))
    found = settled(pool, at, world(risk=UNKNOWN, confirmed=UNKNOWN, role=UNKNOWN))
    assert found.outcome == "undetermined"
    assert set(found.settle) == {"context.confirmed", "context.risk"}
    assert outcomes(at, found) == ("allow", "deny")


def test_a_fact_that_was_not_supplied(pool: SolverPool) -> None:
    found_order = let("o", order(arg("order_id")))
    at = desk(forbid(more(arg("amount"), field(found_order.var, "total")), found_order))
    found = settled(pool, at, world())
    assert (found.outcome, found.settle) == ("undetermined", ('order("R1")',))
    assert outcomes(at, found) == ("allow", "deny")


def test_a_fact_of_a_fact(pool: SolverPool) -> None:
    found_order = let("o", order(arg("order_id")))
    at = desk(forbid(blocked(field(found_order.var, "owner")), found_order))
    found = settled(pool, at, world())
    assert found.outcome == "undetermined"
    assert outcomes(at, found) == ("allow", "deny")


def test_equal_keys_have_equal_values(pool: SolverPool) -> None:
    team = ir.Coalesce(principal("team"), s("u"), STRING)
    same = equal(blocked(team), blocked(s("u")))
    at = desk(forbid(ir.And((equal(team, s("u")), ir.Not(same)))))
    assert settled(pool, at, world(team=UNKNOWN)) == Settlement("allow")


def test_a_list_of_unknown_length(pool: SolverPool) -> None:
    at = desk(forbid(session_bag(32)))
    found = settled(pool, at, world(seen=UNKNOWN))
    assert (found.outcome, found.settle) == ("undetermined", ("session.bags",))
    assert outcomes(at, found) == ("allow", "deny")


def test_nothing_is_proved_from_short_lists(pool: SolverPool) -> None:
    # Only a list longer than any that is tried breaks the rule: that is not an allow.
    at = desk(forbid(more(ir.Length(session("bags")), n(1_000))))
    found = settled(pool, at, world(seen=UNKNOWN))
    assert found.outcome in ("solver_unknown", "undetermined")


def test_what_holds_for_every_list_is_proved(pool: SolverPool) -> None:
    heavy = let("heavy", session_bag(32))
    at = desk(forbid(ir.Not(ir.Or((heavy.var, ir.Not(heavy.var)))), heavy))
    assert settled(pool, at, world(seen=UNKNOWN)) == Settlement("allow")


def test_a_builtin_of_something_unknown_is_any_value(pool: SolverPool) -> None:
    lowered = ir.Builtin("lower", (ir.Coalesce(principal("team"), s(""), STRING),), STRING)
    at = desk(forbid(equal(lowered, s("blocked"))))
    found = settled(pool, at, world(team=UNKNOWN))
    assert found.outcome in ("undetermined", "solver_unknown")
    if found.outcome == "undetermined":
        assert outcomes(at, found) == ("allow", "deny")


def test_no_time_is_never_an_allow(pool: SolverPool) -> None:
    found = settled(pool, desk(permit(EITHER)), world(risk=UNKNOWN), seconds=0)
    assert found.outcome == "solver_unknown"


def test_no_solver_is_never_an_allow() -> None:
    closed = SolverPool(1)
    closed.close()
    found = settled(closed, desk(permit(EITHER)), world(risk=UNKNOWN))
    said = "the pool of solvers is closed"
    assert found == Settlement("solver_unknown", said, settle=("context.risk",))


def test_known_values_outside_their_types_are_never_a_vacuous_allow(pool: SolverPool) -> None:
    # A bag of 200 kg slipped through: whatever is said, it is not allow.
    at = desk(forbid(ir.And((session_bag(32), more(context("risk"), n(100))))))
    found = settled(pool, at, world(seen=(bag(200),), risk=UNKNOWN))
    assert found.outcome in ("fault", "allow")
    if found.outcome == "allow":
        assert judge(at.rules, world(seen=(bag(200),)), at.clock).outcome == "allow"


def test_a_missing_optional_is_one_of_the_worlds(pool: SolverPool) -> None:
    at = desk(forbid(ir.Present(principal("team"))))
    found = settled(pool, at, world(team=UNKNOWN))
    assert (found.outcome, found.settle) == ("undetermined", ("principal.team",))
    assert outcomes(at, found) == ("allow", "deny")


@pytest.mark.parametrize("hole", [{"$unknown": True}, {"n": {"$unknown": True}}])
def test_what_is_unknown_in_a_list_of_a_document_is_named(
    tmp_path: Path, hole: dict[str, object]
) -> None:
    """Also where the worlds that a solver finds have no such element."""
    policy = tmp_path / "policy.licet"
    policy.write_text(
        "context { doc: Json }\ntool send(n: Int)\npermit all on send\n"
        "forbid odd on send when any(x in context.doc.items ?? []: (x.n ?? 0) == args.n)\n"
    )
    items = [{"n": 1}] * 5 + [hole]
    with Guard.load(policy, seconds=20) as guard:
        verdict = guard.check(
            {"tool": "send", "args": {"n": 7}, "context": {"doc": {"items": items}}}
        )
    assert verdict.kind == "undetermined"
    assert [text.startswith("context.doc.items[5]") for text in verdict.settle] == [True]
