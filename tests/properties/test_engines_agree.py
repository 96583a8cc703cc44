"""The SMT encoding and the reference evaluator say the same of every world."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from licet.compiler.encoding import ToolEncoder, UnsupportedText
from licet.compiler.encoding.encoder import SPARE
from licet.compiler.evaluation import judge
from licet.compiler.world import World
from strategies.ir_strategies import (
    Case,
    TooManyWorldsError,
    cases,
    incomplete_cases,
    judging,
    worlds_completing,
)

#: The terms that a fold may take: all of a list, some elements at a time, one at a time.
SPARE_TERMS = st.sampled_from((SPARE, 20, 0))


def encoder_for(case: Case, spare: int) -> ToolEncoder:
    vocabulary = case.vocabulary
    return ToolEncoder(
        case.rules,
        {fact.name: fact for fact in vocabulary.facts},
        vocabulary.args,
        vocabulary.principal,
        vocabulary.context,
        vocabulary.session,
        vocabulary.zone,
        spare=spare,
    )


@given(cases(params=True), SPARE_TERMS)
def test_engines_agree_on_complete_worlds(case: Case, spare: int) -> None:
    """A complete world is decided, and as the reference says; so is what each rule does."""
    judgement = judge(case.rules, case.world, case.clock)
    encoder = encoder_for(case, spare)
    try:
        with encoder.deciding(case.world) as decided:
            outcome, states = decided.outcome, decided.states()
    except UnsupportedText:
        assume(False)
    assert outcome == judgement.outcome
    assert states == tuple(o.state for o in judgement.outcomes)
    encoder.close()


@given(incomplete_cases(small=True), SPARE_TERMS)
def test_definite_outcomes_hold_in_every_world(case: Case, spare: int) -> None:
    """What is decided of a world with unknown parts holds in every world that completes it."""
    encoder = encoder_for(case, spare)
    try:
        with encoder.deciding(case.world) as decided:
            outcome, states = decided.outcome, decided.states()
    except UnsupportedText:
        assume(False)
    completing = worlds_completing(
        case.world, case.vocabulary, judging(case.rules, case.vocabulary), limit=500
    )
    try:
        for world in completing:
            judgement = judge(case.rules, world, case.clock)
            if outcome is not None:
                assert outcome == judgement.outcome
            for ours, theirs in zip(states, judgement.outcomes, strict=True):
                assert ours is None or ours == theirs.state
    except TooManyWorldsError:
        pass
    encoder.close()


@given(incomplete_cases(), SPARE_TERMS)
def test_lacking_facts_settle_what_facts_can_settle(case: Case, spare: int) -> None:
    """Supplying the facts that are asked for, round by round, gives the full world's outcome
    unless something other than facts is unknown."""
    encoder = encoder_for(case, spare)
    full = judge(case.rules, case.full, case.clock)
    world = case.world
    try:
        while lacking := encoder.lacking(world):
            facts = {name: dict(entries) for name, entries in world.facts.items()}
            known = False
            for name, keys in lacking:
                assert keys not in facts.get(name, {})
                if keys in case.full.facts.get(name, {}):
                    facts.setdefault(name, {})[keys] = case.full.facts[name][keys]
                    known = True
            if not known:
                break
            world.facts = facts
        outcome = encoder.decide(world)
    except UnsupportedText:
        assume(False)
    assert outcome in (None, full.outcome)
    encoder.close()


@given(incomplete_cases(), SPARE_TERMS)
def test_worlds_leave_nothing_to_the_next(case: Case, spare: int) -> None:
    """An encoder that has decided another world says of a world what a fresh one says."""
    fresh, used = encoder_for(case, spare), encoder_for(case, spare)

    def said(encoder: ToolEncoder, world: World) -> object:
        with encoder.deciding(world) as decided:
            return decided.outcome, decided.states(), decided.lacking()

    try:
        expected = said(fresh, case.world)
        for world in (case.full, case.world, case.full, case.world):
            answer = said(used, world)
    except UnsupportedText:
        assume(False)
    assert answer == expected
    fresh.close()
    used.close()
