"""The values of `because` force the refusal, and none of them is there for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, event, given, settings

from licet.compiler.encoding import EncodingError, ToolEncoder
from licet.compiler.evaluation import judge
from licet.compiler.world import UNKNOWN, Path, World
from licet.verifier.masking import below, parts, value_at, with_value
from licet.verifier.solving import SolverPool
from strategies.ir_strategies import (
    Case,
    TooManyWorldsError,
    cases,
    judging,
    worlds_completing,
)
from support.reasons import because


@pytest.fixture(scope="module")
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as made:
        yield made


def only(world: World, kept: set[Path]) -> World:
    """The world with all unknown but the values at some paths; lists with any keep their length."""
    for path in parts(world):
        world = _only(world, path, kept)
    return world


def _only(world: World, path: Path, kept: set[Path]) -> World:
    if path in kept:
        return world
    value = value_at(world, path)
    inner = below(path, value)
    if any(other[: len(path)] == path for other in kept):
        for part in inner:
            world = _only(world, part, kept)
        return world
    return with_value(world, path, UNKNOWN)


def value_of(world: World, path: Path) -> object:
    """The value of a part, None of what a document does not have."""
    try:
        return value_at(world, path)
    except LookupError:
        return None


def outcomes(case: Case, world: World) -> set[str] | None:
    """The outcomes of all worlds that this one may be; None if they are too many."""
    read = judging(case.rules, case.vocabulary)
    try:
        return {
            judge(case.rules, full, case.clock).outcome
            for full in worlds_completing(world, case.vocabulary, read)
        }
    except (TooManyWorldsError, TypeError):
        return None


@given(case=cases(small=True))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=60,
)
def test_because_forces_and_is_minimal(pool: SolverPool, case: Case) -> None:
    """In every world with these values the outcome is the same; without one of them, not."""
    goal = judge(case.rules, case.world, case.clock).outcome
    if goal == "allow":
        return
    encoder = ToolEncoder(
        case.rules,
        {fact.name: fact for fact in case.vocabulary.facts},
        case.vocabulary.args,
        case.vocabulary.principal,
        case.vocabulary.context,
        case.vocabulary.session,
        case.vocabulary.zone,
    )
    try:
        states = encoder.states(case.world)
        found = because(encoder, case.rules, case.world, goal, states, pool, 20, 10)
    except EncodingError:
        return
    assert found is not None
    for path, value, _ in found:
        if path[-1] not in ("length", "present"):
            assert value_of(case.world, path) == value
    kept = {path for path, _, _ in found}
    if any(isinstance(step, tuple) for path in kept for step in path):
        event("what a fact's key came from is folded into its path")
        return
    forced = outcomes(case, only(case.world, kept))
    event(f"{goal}: {'checked' if forced is not None else 'too many worlds'}")
    assert forced in (None, {goal})
    if any(
        isinstance(step, int) or step in ("length", "present") for path in kept for step in path[2:]
    ):
        return  # without an element, a world still says how many there are
    for path in kept:
        if any(other != path and other[: len(path)] == path for other in kept):
            continue
        less = only(case.world, kept - {path})
        # Of lists of any length only some things can be proved.
        if encoder.question(less, bounded=None).exact:
            event("minimal")
            assert outcomes(case, less) != {goal}
    encoder.close()
