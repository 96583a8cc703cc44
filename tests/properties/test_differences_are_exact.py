"""`licet diff` says of two policies exactly what trying every call says; so does `licet prove`.

Two policies over small domains are generated, with other ranges, labels, fields and rules, and all
calls with all that a host may say are judged one by one by the reference evaluator.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.compiler import compile_sources
from licet.compiler.clock import clock
from licet.compiler.evaluation import evaluate, judge
from licet.compiler.program import Program
from licet.compiler.values import conforms
from licet.compiler.world import World
from licet.policy_lang import Source
from licet.verifier.analysis.differences import Difference, compare_tool, tools_of, total
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.analysis.proving import prove
from licet.verifier.solving import SolverPool
from strategies.policy_pairs import CONDITIONS, pairs


def compiled(text: str) -> Program:
    program, found = compile_sources([Source("p.licet", text)])
    assert program is not None, found
    return program


CABINS = ("basic", "economy", "business")


def worlds() -> Iterator[tuple[dict, dict, dict, dict]]:
    """Arguments, principal, context and facts: all that any of the policies may be asked."""
    everything = itertools.product(
        range(4), CABINS, (None, 0, 1, 2), (None, True), ("support", "manager"), range(3)
    )
    for n, cabin, tip, rush, role, risk in everything:
        for vip in (False, True):
            args = {"n": n, "cabin": cabin, "tip": tip, "rush": rush}
            facts = {"vip": {(cabin,): vip}}
            yield args, {"role": role, "team": False}, {"risk": risk}, facts


def outcome(program: Program, world: tuple[dict, dict, dict, dict]) -> str:
    args, principal, context, facts = world
    kind = program.catalog.qualified["pay"].params
    names = {field.name for field in kind.fields}
    if any(value is not None and name not in names for name, value in args.items()):
        return "deny"
    own = {name: args[name] for name in names}
    host = {f.name: principal[f.name] for f in program.principal.fields}
    if not (conforms(own, kind) and conforms(context, program.context)):
        return "deny"
    made = World("pay", own, host, context, now=0, facts=facts)
    return judge(program.rules["pay"], made, clock("UTC")).outcome


@pytest.fixture(scope="module")
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as pool:
        yield pool


def difference(old: Program, new: Program, pool: SolverPool) -> Difference:
    effort = Effort(20)
    return total(compare_tool(old, new, tool, pool, effort) for tool in tools_of(old, new))


@settings(max_examples=40, deadline=None)
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


@settings(max_examples=40, deadline=None)
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
        args, principal, context, facts = world
        kind = program.catalog.qualified["pay"].params
        own = {field.name: args[field.name] for field in kind.fields}
        if not (conforms(own, kind) and conforms(context, program.context)):
            continue
        host = {f.name: principal[f.name] for f in program.principal.fields}
        made = World("pay", own, host, context, now=0, facts=facts)
        if evaluate(on.condition, made, clock("UTC")) is True:
            outcomes.add(judge(program.rules["pay"], made, clock("UTC")).outcome)
    holds = {
        "never": "allow" not in outcomes,
        "always": "deny" not in outcomes,
        "can": "allow" in outcomes,
    }[mode]
    assert found.status == ("proved" if holds else "failed")
    if mode != "can":
        assert found.vacuous == (not outcomes)
