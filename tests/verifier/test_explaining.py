"""Why a call is refused: exactly the values that force it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from licet import Guard
from licet.compiler import compile_sources, ir
from licet.compiler.types import BOOL, INT, STRING, IntType, Value
from licet.compiler.world import UNKNOWN, World
from licet.policy_lang import Source
from licet.verifier.engines import Engine
from licet.verifier.explaining import Sought, _Shrinking
from licet.verifier.solving import SolverPool
from licet.verifier.solving.pool import Asked
from licet.verifier.solving.protocol import Core
from support.ir_building import equal, n, s
from support.reasons import because
from support.refund_desk import (
    BAG,
    CABIN,
    MONEY,
    ROLE,
    Desk,
    arg,
    bag,
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
    principal,
    world,
)


@pytest.fixture(scope="module")
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as made:
        yield made


def reasons(
    pool: SolverPool, at: Desk, refused: World, goal: str = "deny", seconds: float = 20
) -> dict[tuple[object, ...], Value] | None:
    found = because(
        at.encoder, at.rules, refused, goal, at.encoder.states(refused), pool, seconds, 20
    )
    return None if found is None else {path: value for path, value, _ in found}


def any_bag(over: int) -> ir.Expr:
    var = ir.Var(1, "b", BAG)
    return ir.Quantifier("any", var, arg("bags"), more(field(var, "weight"), n(over)))


def test_a_limit_is_broken_by_one_value(pool: SolverPool) -> None:
    at = desk(forbid(more(arg("amount"), n(500))))
    found = because(
        at.encoder,
        at.rules,
        world(amount=700),
        "deny",
        at.encoder.states(world(amount=700)),
        pool,
        20,
        20,
    )
    assert found == ((("args", "amount"), 700, MONEY),)


def test_two_values_together(pool: SolverPool) -> None:
    support = equal(principal("role"), label(ROLE, "support"))
    at = desk(forbid(ir.And((support, more(arg("amount"), n(500))))))
    assert reasons(pool, at, world(amount=700)) == {
        ("args", "amount"): 700,
        ("principal", "role"): "support",
    }


def test_the_first_rule_to_blame_is_the_one_explained(pool: SolverPool) -> None:
    amount = forbid(more(arg("amount"), n(500)), name="amount")
    unconfirmed = forbid(ir.Not(context("confirmed")), name="unconfirmed")
    refused = world(amount=700, confirmed=False)
    first = {("args", "amount"): 700}
    assert reasons(pool, desk(amount, unconfirmed), refused) == first
    first = {("context", "confirmed"): False}
    assert reasons(pool, desk(unconfirmed, amount), refused) == first


def test_no_permit_needs_a_reason_against_each(pool: SolverPool) -> None:
    at = desk(
        permit(arg("rush"), name="rushed"),
        permit(equal(arg("cabin"), label(CABIN, "first")), name="first"),
    )
    refused = world()
    assert reasons(pool, at, refused) == {("args", "rush"): False, ("args", "cabin"): "economy"}


def test_what_is_always_denied_needs_no_reason(pool: SolverPool) -> None:
    at = desk(permit(ir.Const(False, BOOL)))
    assert reasons(pool, at, world()) == {}


def test_one_element_of_a_list(pool: SolverPool) -> None:
    at = desk(forbid(any_bag(32)))
    refused = world(bags=(bag(10), bag(40), bag(50)))
    states = at.encoder.states(refused)
    found = because(at.encoder, at.rules, refused, "deny", states, pool, 20, 20)
    assert found == ((("args", "bags", 1, "weight"), 40, IntType(0, 100)),)


def test_a_length(pool: SolverPool) -> None:
    at = desk(forbid(more(ir.Length(arg("bags")), n(1))))
    refused = world(bags=(bag(), bag(), bag()))
    states = at.encoder.states(refused)
    found = because(at.encoder, at.rules, refused, "deny", states, pool, 20, 20)
    assert found == ((("args", "bags", "length"), 3, INT),)


def test_an_absent_value(pool: SolverPool) -> None:
    at = desk(forbid(ir.Not(ir.Present(arg("note")))))
    refused = world()
    states = at.encoder.states(refused)
    found = because(at.encoder, at.rules, refused, "deny", states, pool, 20, 20)
    assert found == ((("args", "note"), None, STRING),)
    at = desk(forbid(ir.Present(arg("note"))))
    assert reasons(pool, at, world(note="hello")) == {("args", "note"): "hello"}


def test_a_fact_with_its_key(pool: SolverPool) -> None:
    found = let("o", order(arg("order_id")))
    at = desk(forbid(more(arg("amount"), field(found.var, "total")), found))
    refused = world({"order": {("R1",): {"owner": "u", "total": 50}}}, amount=80)
    assert reasons(pool, at, refused) == {
        ("order", ("R1",), "total"): 50,
        ("args", "amount"): 80,
    }


def test_a_fact_that_does_not_exist(pool: SolverPool) -> None:
    found = let("o", order(arg("order_id")))
    at = desk(forbid(more(arg("amount"), field(found.var, "total")), found))
    assert reasons(pool, at, world({"order": {("R1",): None}})) == {("order", ("R1",)): None}


def test_an_escalation_is_explained_too(pool: SolverPool) -> None:
    at = desk(forbid(arg("rush")), escalate(more(arg("amount"), n(500))))
    assert reasons(pool, at, world(amount=700), "escalate") == {
        ("args", "amount"): 700,
        ("args", "rush"): False,
    }


def test_what_types_alone_force_is_dropped(pool: SolverPool) -> None:
    # No count is negative: only the solver sees that this permit never applies.
    at = desk(permit(ir.Or((more(n(0), arg("count")), arg("rush")))))
    assert reasons(pool, at, world()) == {("args", "rush"): False}


def test_rules_that_contradict_each_other_need_no_reason(pool: SolverPool) -> None:
    at = desk(permit(context("confirmed")), forbid(context("confirmed")))
    assert reasons(pool, at, world()) == {}


def test_what_no_partial_evaluation_sees_is_dropped_by_the_solver(pool: SolverPool) -> None:
    # amount > 500 or amount <= 500 holds anyway, and so does the prohibition.
    either = ir.Or((more(arg("amount"), n(500)), ir.Less(arg("amount"), n(500), strict=False)))
    at = desk(forbid(ir.And((either, context("confirmed")))))
    assert reasons(pool, at, world()) == {("context", "confirmed"): True}


def test_a_text_among_others(pool: SolverPool) -> None:
    at = desk(forbid(ir.TextTest("startswith", arg("order_id"), s("R"))))
    assert reasons(pool, at, world(order_id='R"1\\u{41}')) == {("args", "order_id"): 'R"1\\u{41}'}


def test_what_is_unknown_is_no_reason(pool: SolverPool) -> None:
    at = desk(forbid(more(arg("amount"), n(500))))
    assert reasons(pool, at, world(amount=700, risk=UNKNOWN, confirmed=UNKNOWN)) == {
        ("args", "amount"): 700
    }


def test_an_outcome_that_is_not_forced_has_no_reasons(pool: SolverPool) -> None:
    at = desk(forbid(more(arg("amount"), n(500))))
    assert reasons(pool, at, world(amount=100)) is None
    assert reasons(pool, at, world(amount=UNKNOWN)) is None


def test_without_a_solver_the_reasons_still_force() -> None:
    closed = SolverPool(1)
    closed.close()
    at = desk(forbid(more(arg("amount"), n(500))))
    assert reasons(closed, at, world(amount=700)) == {("args", "amount"): 700}


def test_what_is_read_as_a_whole_is_forgotten_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.licet"
    policy.write_text(
        "tool admit(object: Json)\n"
        "permit all on admit\n"
        "forbid large on admit when any(c in args.object.items ?? []: c.size as Int ?? 0 > 5)\n",
        "utf-8",
    )
    asked: list[World] = []
    before: Callable[..., bool] = _Shrinking.forced

    def forced(self: _Shrinking, world: World) -> bool:
        asked.append(world)
        return before(self, world)

    monkeypatch.setattr(_Shrinking, "forced", forced)
    more = {f"field {i}": f"value {i}" for i in range(300)}
    items = [{"size": size, **more} for size in (6, 1)]
    with Guard.load(policy, seconds=60) as guard:
        verdict = guard.check({"tool": "admit", "args": {"object": {"items": items, **more}}})
    assert [(r.path, r.value) for r in verdict.because] == [("args.object.items[0].size", "6")]
    assert len(asked) < 60  # and not one for each of 900 fields


@pytest.mark.parametrize(
    ("culprit", "reason"),
    [
        ({"cpu": "9", "name": "x"}, ['args.doc.cs[60].cpu = "9"']),
        ({"name": "x"}, ["args.doc.cs[60].cpu = none"]),
    ],
)
def test_reasons_in_lists_that_are_too_long_for_a_solver(
    tmp_path: Path, culprit: dict[str, str], reason: list[str]
) -> None:
    policy = tmp_path / "policy.licet"
    policy.write_text(
        "tool apply(doc: Json)\npermit all on apply\n"
        "forbid much on apply when any(c in args.doc.cs ?? []: (quantity(c.cpu) ?? 9) > 2)\n"
    )
    cs = [{"cpu": "1", "name": f"c{i}"} for i in range(120)]
    cs[60] = culprit
    with Guard.load(policy, seconds=60) as guard:
        verdict = guard.check({"tool": "apply", "args": {"doc": {"cs": cs, "other": 1}}})
    assert verdict.rules == ("much",)
    assert [str(r) for r in verdict.because] == ["args.doc.cs.length = 120", *reason]
    assert not verdict.explained  # a solver was not there to say that none is too many


def test_where_the_solver_is_late_the_reasons_say_that_there_may_be_too_many(
    tmp_path: Path,
) -> None:
    policy = tmp_path / "policy.licet"
    policy.write_text(
        "tool pay(amount: Int)\npermit all on pay\nforbid much on pay when args.amount > 2\n"
    )
    call = {"tool": "pay", "args": {"amount": 3}}
    with Guard.load(policy, seconds=60) as guard:
        in_time = guard.check(call)
        for process in guard._solvers._idle:
            os.kill(process.pid, signal.SIGSTOP)
        late = guard.check(call)
    assert (in_time.outcome, in_time.explained) == ("deny", True)
    assert (late.outcome, late.explained) == ("deny", False)
    assert [str(each) for each in late.because] == ["args.amount = 3"]


def test_reasons_in_twice_as_many_elements_take_twice_the_work(pool: SolverPool) -> None:
    policy = (
        "tool apply(doc: Json)\npermit all on apply\n"
        "forbid much on apply when any(c in args.doc.cs ?? []: (c.n ?? 0) > 2)\n"
    )
    program, found = compile_sources((Source("policy.licet", policy),))
    assert program is not None, found
    engine = Engine(program)
    encoder = engine.encoder(program.rules["apply"])

    def work(elements: int) -> int:
        """The functions that are called to tell the reasons which no solver has made fewer."""
        given = World("apply", {"doc": {"cs": ({"n": 1},) * elements}}, now=0)
        leaves = [leaf for leaf in encoder.question(given, bounded=None).leaves if leaf.known]
        asked = Asked(pool, None, "no solver was asked", Core("", ()), 0.0)
        sought = Sought(encoder, given, asked, leaves, leaves)
        called = 0

        def note(_frame: FrameType, event: str, _arg: object) -> None:
            nonlocal called
            called += event == "call"

        sys.setprofile(note)
        try:
            because = sought.found()
        finally:
            sys.setprofile(None)
        assert because is not None
        assert len(because) >= elements
        return called

    assert work(120) < 2.5 * work(60)
    engine.close()
