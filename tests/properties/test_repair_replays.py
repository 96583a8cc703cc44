"""A repair is a call that is really allowed, changes only what it may, and is the nearest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import HealthCheck, event, given, settings

from licet.compiler.encoding import EncodingError, ToolEncoder
from licet.compiler.evaluation import UnknownRead, conforms, judge
from licet.compiler.types import (
    EnumType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
    Value,
)
from licet.compiler.world import Path, World
from licet.verifier.adjusting import key_arguments, may_change
from licet.verifier.masking import value_at, with_value
from licet.verifier.repairing import RepairFound, repair
from licet.verifier.solving import SolverPool
from strategies.ir_strategies import Case, cases
from strategies.ir_types import values_of
from support.examples import examples

LIMIT = 3_000


@pytest.fixture(scope="module")
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as made:
        yield made


def scalars(kind: Type, value: Value, path: Path) -> Iterator[tuple[Path, Type]]:
    """The values that could change, in the order of declaration."""
    inner = kind.inner if isinstance(kind, OptionalType) else kind
    if isinstance(inner, RecordType) and isinstance(value, dict):
        for field in inner.fields:
            yield from scalars(field.type, value[field.name], (*path, field.name))
    elif isinstance(inner, ListType) and isinstance(value, tuple):
        for position, item in enumerate(value):
            yield from scalars(inner.element, item, (*path, position))
    elif isinstance(inner, MapType) and isinstance(value, dict):
        for key in sorted(value):
            yield from scalars(inner.value, value[key], (*path, key))
    elif not isinstance(inner, JsonType) and value is not None:
        yield path, inner


def distance(kind: Type, old: Value, new: Value) -> object:
    if isinstance(kind, EnumType):
        return abs(kind.labels.index(str(old)) - kind.labels.index(str(new)))
    return abs(int(new) - int(old)) if isinstance(old, bool) else abs(new - old)  # type: ignore[call-overload, operator]


def cost(world: World, other: World, leaves: list[tuple[Path, Type]]) -> tuple[object, ...]:
    """What makes a repair near: fewest changes, then least distance each, in order."""
    far = [distance(k, value_at(world, p), value_at(other, p)) for p, k in leaves]
    return (sum(1 for d in far if d), *far)


def cheapest(case: Case, leaves: list[tuple[Path, Type]], goal: str) -> tuple[object, ...] | None:
    """The cost of the nearest call with this outcome, by trying them all; None: none."""
    best: tuple[object, ...] | None = None
    for values in product(*(list(values_of(kind)) for _, kind in leaves)):
        world = case.world
        for (path, _), value in zip(leaves, values, strict=True):
            world = with_value(world, path, value)
        try:
            if judge(case.rules, world, case.clock).outcome != goal:
                continue
        except UnknownRead:
            continue
        if conforms(world.args, case.vocabulary.args):
            this = cost(case.world, world, leaves)
            best = this if best is None or this < best else best
    return best


@given(case=cases(small=True))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(30, most=60)
)
def test_a_repair_replays_and_is_the_nearest(pool: SolverPool, case: Case) -> None:
    """Both engines allow it; where all calls can be tried, none allowed is nearer."""
    if judge(case.rules, case.world, case.clock).outcome != "deny":
        return
    vocabulary = case.vocabulary
    encoder = ToolEncoder(
        case.rules,
        {fact.name: fact for fact in vocabulary.facts},
        vocabulary.args,
        vocabulary.principal,
        vocabulary.context,
        vocabulary.session,
        vocabulary.zone,
    )
    try:
        encoder.decide(case.world)
    except EncodingError:
        return
    keys = key_arguments(case.rules)
    found = repair(
        encoder, case.rules, case.world, None, keys, vocabulary.args, case.clock, pool.ask, 10
    )
    leaves = [
        (path, kind)
        for path, kind in scalars(vocabulary.args, case.world.args, ("args",))
        if may_change(path, kind, None, keys)
    ]
    if found is None:
        event("no repair")
        if few(leaves):
            event("no repair among all")
            assert cheapest(case, leaves, "allow") is None
            assert cheapest(case, leaves, "escalate") is None
    elif found.args is None:
        event("a bound")
        assert found.bound is not None
    else:
        event("a repair")
        check(case, found, leaves)
    encoder.close()


def few(leaves: list[tuple[Path, Type]]) -> bool:
    """Whether all calls that differ in these can be tried."""
    size = 1
    try:
        for _, kind in leaves:
            size *= sum(1 for _ in values_of(kind))
            if size > LIMIT:
                return False
    except TypeError:
        return False
    return True


def check(case: Case, found: RepairFound, leaves: list[tuple[Path, Type]]) -> None:
    world = case.world
    for path, old, new, kind in found.changes:
        assert (path, kind) in leaves
        assert value_at(world, path) == old != new
        world = with_value(world, path, new)
    assert world.args == found.args
    assert conforms(world.args, case.vocabulary.args)
    assert judge(case.rules, world, case.clock).outcome == found.outcome
    if not few(leaves):
        return
    event("nearest of all")
    assert cost(case.world, world, leaves) == cheapest(case, leaves, found.outcome)
    if found.outcome == "escalate":
        assert cheapest(case, leaves, "allow") is None
