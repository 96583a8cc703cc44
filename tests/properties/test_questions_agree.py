"""What a question says in SMT-LIB text is what the reference evaluator says of its worlds."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

import z3
from hypothesis import assume, given, settings

from licet.compiler.encoding import EncodingError, Question, ToolEncoder, UnsupportedText
from licet.compiler.evaluation import Judgement, judge
from licet.compiler.world import World
from strategies.ir_strategies import (
    Case,
    TooManyWorldsError,
    cases,
    incomplete_cases,
    judging,
    worlds_completing,
)
from support.examples import examples

GOALS = {
    "allow": "(and allowed (not pending))",
    "escalate": "(and allowed pending)",
    "deny": "(not allowed)",
}


#: Each example asks a solver several times.
FEW = settings(max_examples=examples(50))


def encoder_for(case: Case) -> ToolEncoder:
    vocabulary = case.vocabulary
    return ToolEncoder(
        case.rules,
        {fact.name: fact for fact in vocabulary.facts},
        vocabulary.args,
        vocabulary.principal,
        vocabulary.context,
        vocabulary.session,
        vocabulary.zone,
    )


def asked(encoder: ToolEncoder, world: World, bounded: int | None) -> Question:
    try:
        return encoder.question(world, bounded=bounded)
    except UnsupportedText:
        assume(False)
        raise


def answer(question: Question, *assertions: str) -> tuple[str, dict[str, str]]:
    """sat, unsat or unknown, and the values of all leaves; the known ones are fixed."""
    context = z3.Context()
    solver = z3.SimpleSolver(ctx=context)
    solver.set("timeout", 3_000)
    known = [f"(= {leaf.symbol} {leaf.literal})" for leaf in question.leaves if leaf.known]
    claims = "".join(f"(assert {text})\n" for text in (*known, *assertions))
    solver.from_string(question.text + claims)
    found = solver.check()
    if found != z3.sat:
        return str(found), {}
    model = solver.model()
    names = {d.name(): d for d in model.decls()}
    values = {
        leaf.symbol: model.eval(names[leaf.symbol](), model_completion=True).sexpr()
        for leaf in question.leaves
        if leaf.symbol in names
    }
    return "sat", values


def says(judgement: Judgement) -> list[str]:
    """A judgement as assertions of a question."""
    claims = [GOALS[judgement.outcome]]
    for i, outcome in enumerate(judgement.outcomes):
        wrong = outcome.state == "wrong_type"
        claims.append(f"(= r{i}_wrong {str(wrong).lower()})")
        if not wrong:
            claims.append(f"(= r{i}_applies {str(outcome.state == 'applies').lower()})")
            claims.append(f"(= r{i}_absent {str(outcome.state == 'absent').lower()})")
    return claims


@FEW
@given(cases(params=True))
def test_a_complete_world_is_a_model_of_its_question(case: Case) -> None:
    encoder = encoder_for(case)
    question = asked(encoder, case.world, None)
    judgement = judge(case.rules, case.world, case.clock)
    assert answer(question, *says(judgement))[0] in ("sat", "unknown")
    if question.exact:
        for outcome, goal in GOALS.items():
            if outcome != judgement.outcome:
                assert answer(question, goal)[0] in ("unsat", "unknown")
    encoder.close()


@FEW
@given(incomplete_cases(small=True))
def test_every_completing_world_is_a_model(case: Case) -> None:
    """So that what is refuted holds in no world."""
    encoder = encoder_for(case)
    question = asked(encoder, case.world, None)
    completing = worlds_completing(
        case.world, case.vocabulary, judging(case.rules, case.vocabulary), limit=60
    )
    seen: set[tuple[str, ...]] = set()
    try:
        for world in completing:
            claims = says(judge(case.rules, world, case.clock))
            if tuple(claims) not in seen:
                seen.add(tuple(claims))
                assert answer(question, *claims)[0] in ("sat", "unknown")
    except TooManyWorldsError:
        pass
    encoder.close()


@FEW
@given(incomplete_cases())
def test_models_of_exact_questions_are_worlds(case: Case) -> None:
    encoder = encoder_for(case)
    question = asked(encoder, case.world, None)
    for outcome, goal in GOALS.items():
        found, values = answer(question, goal)
        if found != "sat":
            continue
        try:
            assignments = {
                leaf.path: question.value(leaf, values[leaf.symbol])
                for leaf in question.leaves
                if leaf.symbol in values
            }
            world = question.world(assignments)
        except (EncodingError, ValueError):
            continue
        judgement = judge(case.rules, world, case.clock)
        if question.exact:
            assert judgement.outcome == outcome
    encoder.close()


@FEW
@given(cases())
def test_every_world_is_a_model_of_the_open_question(case: Case) -> None:
    """Nothing known at all, as for proofs."""
    encoder = encoder_for(case)
    question = asked(encoder, World(case.rules.tool, {}), None)
    judgement = judge(case.rules, case.world, case.clock)
    assert answer(question, GOALS[judgement.outcome])[0] in ("sat", "unknown")
    encoder.close()


@settings(max_examples=examples(10, share=5))
@given(incomplete_cases(small=True))
def test_what_was_asked_before_changes_no_question(case: Case) -> None:
    """A stem serves all worlds of its shape; nothing of one of them stays for the next."""
    encoder = encoder_for(case)
    completing = worlds_completing(
        case.world, case.vocabulary, judging(case.rules, case.vocabulary), limit=60
    )
    worlds = [case.world]
    with suppress(TooManyWorldsError):
        worlds += islice(completing, 3)
    for world in (*worlds, case.world):
        fresh = encoder_for(case)
        question, alone = asked(encoder, world, None), asked(fresh, world, None)
        assert (question.stem, question.leaves) == (alone.stem, alone.leaves)
        assert (len(question.given), question.exact) == (len(alone.given), alone.exact)
        for goal in GOALS.values():
            assert {answer(question, goal)[0], answer(alone, goal)[0]} != {"sat", "unsat"}
        fresh.close()
    encoder.close()
