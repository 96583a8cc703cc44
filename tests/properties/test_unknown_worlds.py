"""A verdict on a world with unknown parts holds for every world that it may turn out to be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, event, given, settings

from licet.compiler.encoding import EncodingError, ToolEncoder
from licet.compiler.evaluation import Judgement, judge
from licet.verifier.settling import Settlement, settle
from licet.verifier.solving import SolverPool
from strategies.ir_strategies import (
    Case,
    TooManyWorldsError,
    incomplete_cases,
    judging,
    worlds_completing,
)


@pytest.fixture(scope="module")
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as made:
        yield made


def approvals(judgement: Judgement) -> tuple[str, ...]:
    return tuple(
        o.rule.name
        for o in judgement.outcomes
        if o.rule.kind == "escalate" and o.state == "applies"
    )


def refusing(judgement: Judgement) -> set[str]:
    """The rules that refuse."""
    return {
        o.rule.name
        for o in judgement.outcomes
        if o.state == "wrong_type"
        or (o.state == "absent" and o.rule.kind != "permit")
        or (o.state == "applies" and o.rule.kind == "forbid")
    }


def check(case: Case, found: Settlement, worlds: list[Judgement]) -> None:
    """The law, on the judgements of all worlds."""
    outcomes = {judgement.outcome for judgement in worlds}
    match found.outcome:
        case "allow":
            assert outcomes == {"allow"}
        case "deny":
            assert outcomes == {"deny"}
            for judgement in worlds:
                for state, outcome in zip(
                    found.states([None] * len(judgement.outcomes)), judgement.outcomes, strict=True
                ):
                    if outcome.rule.kind != "permit" or state == "wrong_type":
                        assert state in (None, outcome.state)
                    elif state is not None:
                        assert outcome.state != "applies"
                if found.one_of:
                    assert refusing(judgement) & set(found.one_of) or not any(
                        o.rule.kind == "permit" and o.state == "applies" for o in judgement.outcomes
                    )
        case "escalate":
            assert outcomes == {"escalate"}
            assert len({approvals(judgement) for judgement in worlds}) == 1
        case "undetermined":
            assert len({(j.outcome, approvals(j)) for j in worlds}) > 1
        case "fault":
            raise AssertionError("these worlds are possible")
        case _:
            assert found.reason


@given(case=incomplete_cases(small=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_settlement_holds_in_every_world(pool: SolverPool, case: Case) -> None:
    """Allow, deny and escalate hold in all worlds; two worlds shown differ, and are real."""
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
        if encoder.decide(case.world) is not None:
            event("settled by evaluation")
            return
    except EncodingError:
        return
    found = settle(encoder, case.rules, case.world, case.clock, pool, 10)
    event(found.outcome)
    if found.outcome == "undetermined":
        assert found.fine is not None
        assert found.broken is not None
        fine = judge(case.rules, found.fine, case.clock)
        broken = judge(case.rules, found.broken, case.clock)
        assert (fine.outcome, approvals(fine)) != (broken.outcome, approvals(broken))
        assert found.settle
    try:
        read = judging(case.rules, case.vocabulary)
        worlds = [
            judge(case.rules, world, case.clock)
            for world in worlds_completing(case.world, case.vocabulary, read)
        ]
    except (TooManyWorldsError, TypeError):
        event("too many worlds")
        return
    check(case, found, worlds)
    encoder.close()
