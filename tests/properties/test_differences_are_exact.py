"""`licet diff` says of two policies exactly what trying every call says; so do `licet prove`, and
`licet lint` of the rules of one.

Two policies over small domains are generated, with other ranges, labels, fields and rules, and all
calls with all that a host may say are judged one by one by the reference evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.compiler import compile_sources, ir
from licet.compiler.clock import clock
from licet.compiler.evaluation import evaluate, judge
from licet.compiler.program import Program
from licet.policy_lang import Source
from licet.verifier.analysis.differences import Difference, compare_tool, tools_of, total
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.analysis.proving import prove
from licet.verifier.analysis.subject import subject_of
from licet.verifier.analysis.surveying import survey
from licet.verifier.solving import SolverPool
from strategies.policy_pairs import CONDITIONS, pairs
from support.examples import examples
from support.small_worlds import Plain, taken, worlds


def compiled(text: str) -> Program:
    program, found = compile_sources([Source("p.licet", text)])
    assert program is not None, found
    return program


def outcome(program: Program, world: tuple[Plain, Plain, Plain, Plain]) -> str:
    made = taken(program, world, closed=True)
    if made is None:
        return "deny"
    return judge(program.rules["pay"], made, clock("UTC")).outcome


@pytest.fixture(scope="module")
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as pool:
        yield pool


def difference(old: Program, new: Program, pool: SolverPool) -> Difference:
    effort = Effort(20)
    return total(compare_tool(old, new, tool, pool, effort) for tool in tools_of(old, new))


@settings(max_examples=examples(20, most=40), deadline=None)
@given(pairs())
def test_a_difference_is_what_trying_every_call_says(
    pool: SolverPool, pair: tuple[str, str]
) -> None:
    old, new = map(compiled, pair)
    found = difference(old, new, pool)
    outcomes = {(outcome(old, world), outcome(new, world)) for world in worlds()}
    wider, narrower = ("deny", "allow") in outcomes, ("allow", "deny") in outcomes
    expected = {
        (False, False): "equivalent",
        (True, False): "widens",
        (False, True): "narrows",
        (True, True): "incomparable",
    }[wider, narrower]
    assert found.verdict == expected
    kinds = {change.kind for tool in found.tools for change in tool.changes}
    assert kinds == {k for k, there in (("allowed", wider), ("denied", narrower)) if there}


@settings(max_examples=examples(20, most=40), deadline=None)
@given(
    pairs(),
    st.sampled_from(("never", "always", "can")),
    st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=2),
    st.integers(0, 3),
)
def test_a_proof_is_what_trying_every_call_says(
    pool: SolverPool, pair: tuple[str, str], mode: str, conditions: list[str], k: int
) -> None:
    condition = " and ".join(f"({c.format(k=k)})" for c in conditions)
    program = compiled(f"{pair[0]}prove it {mode} allow pay when {condition}\n")
    [proof] = program.proofs
    [on] = proof.tools
    found = prove(program, proof, on, pool, Effort(20))
    outcomes = set()
    for world in worlds():
        made = taken(program, world, closed=False)
        if made is not None and evaluate(on.condition, made, clock("UTC")) is True:
            outcomes.add(judge(program.rules["pay"], made, clock("UTC")).outcome)
    holds = {
        "never": "allow" not in outcomes,
        "always": "deny" not in outcomes,
        "can": "allow" in outcomes,
    }[mode]
    assert found.status == ("proved" if holds else "failed")
    if mode != "can":
        assert found.vacuous == (not outcomes)


@pytest.mark.slow
@settings(max_examples=examples(20, most=30), deadline=None)
@given(pairs())
def test_a_survey_is_what_trying_every_call_says(pool: SolverPool, pair: tuple[str, str]) -> None:
    program = compiled(pair[0])
    rules = program.rules["pay"].rules
    subject = subject_of(program, "pay")
    made = (taken(program, world, closed=False) for world in worlds())
    states = [subject.states(world) or () for world in made if world is not None]
    applied = [{i for i, state in enumerate(each) if state == "applies"} for each in states]
    permits = {i for i, rule in enumerate(rules) if rule.kind == "permit"}
    forbids = set(range(len(rules))) - permits
    found = survey(program, "pay", pool, Effort(20))
    assert not found.open
    assert found.permitted == any(each & permits and not each & forbids for each in applied)
    for i, (rule, known) in enumerate(zip(rules, found.rules, strict=True)):
        mine = [each for each in applied if i in each]
        mates = (permits if i in permits else forbids) - {i}
        assert known.never == (not mine)
        if known.never:
            continue
        conditional = not isinstance(rule.condition, ir.Const)
        assert known.always == (conditional and len(mine) == len(applied))
        assert bool(known.implied) == (bool(mates) and all(each & mates for each in mine))
        assert all(each & set(known.implied) for each in mine if known.implied)
        overridden = i in permits and all(each & forbids for each in mine)
        assert bool(known.overridden) == overridden
        assert all(each & set(known.overridden) for each in mine if known.overridden)
        if known.moot is not None:
            assert known.implied == (known.moot,)
            assert any(known.moot in each and i not in each for each in applied)
