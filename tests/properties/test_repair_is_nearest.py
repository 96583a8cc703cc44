"""Of all allowed calls a repair is the nearest: fewest changes, then the least of each in order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from licet.compiler import ir
from licet.compiler.evaluation import judge
from licet.compiler.types import INT, Value
from licet.compiler.world import Path, World
from licet.verifier.adjusting import key_arguments
from licet.verifier.masking import value_at, with_value
from licet.verifier.repairing import repair
from licet.verifier.solving import SolverPool
from support.examples import examples
from support.ir_building import equal, n
from support.refund_desk import (
    ARGS,
    BAG,
    CABIN,
    arg,
    desk,
    escalate,
    field,
    forbid,
    label,
    more,
    permit,
    world,
)

#: What may change, in the order of declaration, and the values that matter:
#: limits lie in 0 .. 2 and calls start there, so that nothing nearest lies beyond these.
LEAVES: dict[Path, tuple[Value, ...]] = {
    ("args", "count"): tuple(range(9)),
    ("args", "cabin"): CABIN.labels,
    ("args", "rush"): (False, True),
    ("args", "bags", 0, "weight"): tuple(range(5)),
    ("args", "bags", 1, "weight"): tuple(range(5)),
}
START = {path: (0, 1, 2) for path, some in LEAVES.items() if len(some) in (5, 9)}
ADJUSTABLE = (("count",), ("cabin",), ("rush",), ("bags", "weight"))

BOUND = ir.Var(1, "b", BAG)
WEIGHT = field(BOUND, "weight")
NUMBERS = st.sampled_from((arg("count"), ir.Sum(BOUND, arg("bags"), WEIGHT, INT), ir.Const(2, INT)))
LIMITS = st.integers(0, 2).map(n)


def connected(inner: st.SearchStrategy[ir.Expr]) -> st.SearchStrategy[ir.Expr]:
    pairs = st.tuples(inner, inner)
    return st.one_of(pairs.map(ir.And), pairs.map(ir.Or), inner.map(ir.Not))


CONDITIONS = st.recursive(
    st.one_of(
        st.builds(more, NUMBERS, LIMITS),
        st.builds(more, LIMITS, NUMBERS),
        st.builds(equal, NUMBERS, NUMBERS),
        st.sampled_from(CABIN.labels).map(lambda name: equal(arg("cabin"), label(CABIN, name))),
        st.just(arg("rush")),
        st.builds(
            lambda limit, op: ir.Quantifier(op, BOUND, arg("bags"), more(WEIGHT, limit)),
            LIMITS,
            st.sampled_from(("any", "all")),
        ),
    ),
    connected,
    max_leaves=5,
)


@pytest.fixture(scope="module")
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as made:
        yield made


def cost(before: World, after: World) -> tuple[int, ...]:
    far = []
    for path in LEAVES:
        old, new = value_at(before, path), value_at(after, path)
        if isinstance(old, str):
            far.append(abs(CABIN.labels.index(old) - CABIN.labels.index(str(new))))
        else:
            far.append(abs(int(old) - int(new)))  # type: ignore[call-overload]
    return (sum(1 for d in far if d), *far)


@given(
    rules=st.tuples(CONDITIONS, CONDITIONS, CONDITIONS),
    values=st.tuples(*(st.sampled_from(START.get(p, some)) for p, some in LEAVES.items())),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=examples(16, share=4),
)
def test_no_allowed_call_is_nearer(
    pool: SolverPool, rules: tuple[ir.Expr, ...], values: tuple[Value, ...]
) -> None:
    """By trying every call: the repair has the least cost, and there is one if any call is fine."""
    at = desk(permit(rules[0]), forbid(rules[1]), escalate(rules[2]))
    bags = tuple({"weight": weight, "big": False} for weight in values[3:])
    given_world = world(count=values[0], cabin=values[1], rush=values[2], bags=bags)
    if judge(at.rules, given_world, at.clock).outcome != "deny":
        return
    found = repair(
        at.encoder,
        at.rules,
        given_world,
        ADJUSTABLE,
        key_arguments(at.rules),
        ARGS,
        at.clock,
        pool.ask,
        20,
    )
    nearest: dict[str, tuple[int, ...]] = {}
    for others in product(*LEAVES.values()):
        other = given_world
        for path, value in zip(LEAVES, others, strict=True):
            other = with_value(other, path, value)
        outcome = judge(at.rules, other, at.clock).outcome
        this = cost(given_world, other)
        nearest[outcome] = min(this, nearest.get(outcome, this))
    if found is None:
        event("none")
        assert not {"allow", "escalate"} & nearest.keys()
        return
    event(f"{found.outcome}, {len(found.changes)} changed")
    assert found.outcome == ("allow" if "allow" in nearest else "escalate")
    after = given_world
    for path, _, new, _ in found.changes:
        after = with_value(after, path, new)
    assert after.args == found.args
    assert cost(given_world, after) == nearest[found.outcome]
