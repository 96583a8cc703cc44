"""Calls on both sides of a rule: replayed, close together, and kept as tests that pass."""

from __future__ import annotations

import pytest

from licet.compiler import compile_sources
from licet.compiler.clock import clock
from licet.compiler.evaluation import judge, judge_rule
from licet.compiler.program import Program
from licet.policy_lang import Source, format_source
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.edges import Edge, as_tests, edges
from licet.verifier.solving import SolverPool
from licet.verifier.test_blocks import blocks_text
from licet.verifier.testing import run_tests

PATIENT = Effort(10)
POLICY = """\
enum Level { low, high, "very high" }
principal { id: String, level: Level, since: Date }
context { zone: String?, limits: Map<String, Int> }
fact order(id: String) -> { total: Decimal in 0 .. 100 step 0.01, placed: Time, paid: Bool }?
tool buy(id: String, amount: Decimal in 0 .. 50 step 0.01, tags: List<String>) destructive
tool wait(time: Duration, part: Decimal >= 0, doc: Json)
tool "odd-tool"("an-arg": Int)
permit buys    on buy
permit waits   on wait
permit odd     on "odd-tool" when args."an-arg" >= -3
forbid dear    on buy when args.amount > 10.50 and principal.level <= high
forbid too_much on buy
  let o = order(args.id)
  when args.amount > o.total
forbid late    on buy when now - (order(args.id).placed ?? now) > 30min
forbid new     on buy when principal.since >= 2026-01-01
forbid tagged  on buy when count(t in args.tags: t == "x") >= 2
forbid zoned   on buy when has context.zone and context.zone in context.limits
forbid long    on wait when args.time > 90s
forbid third   on wait when args.part * 3 == 1
forbid deep    on wait when (args.doc.a.b ?? 0) > 7
forbid never   on wait when args.part < 0
"""


@pytest.fixture(scope="module")
def program() -> Program:
    program, found = compile_sources([Source("p.licet", POLICY)])
    assert program is not None, found
    return program


@pytest.fixture(scope="module")
def found(program: Program) -> dict[str, Edge]:
    with SolverPool(2) as pool:
        return {b.rule.name: b for b in edges(program, pool, PATIENT)}


def test_every_rule_has_a_boundary(found: dict[str, Edge], program: Program) -> None:
    written = {rule.name for rules in program.rules.values() for rule in rules.rules}
    assert found.keys() == written
    one_sided = {name for name, b in found.items() if b.inside is None or b.outside is None}
    assert one_sided == {"buys", "waits", "never"}
    assert found["buys"].rule_is_constant
    assert not found["never"].rule_is_constant
    assert found["never"].reason == "there is no call in which it applies: that is proved"


def test_each_side_is_on_its_side(found: dict[str, Edge], program: Program) -> None:
    at = clock(program.zone)
    for edge in found.values():
        if edge.inside is not None:
            assert judge_rule(edge.rule, edge.inside, at).state == "applies"
        if edge.outside is not None:
            assert judge_rule(edge.rule, edge.outside, at).state == "not"


def test_a_rule_alone_decides_where_that_can_be(found: dict[str, Edge], program: Program) -> None:
    for edge in found.values():
        if edge.rule.kind == "forbid" and edge.inside is not None:
            judged = judge(program.rules[edge.tool], edge.inside, clock(program.zone))
            others = [
                o.rule.name
                for o in judged.outcomes
                if o.rule.kind == "forbid" and o.state != "not" and o.rule != edge.rule
            ]
            assert others == []


def test_the_sides_are_as_near_as_a_step(found: dict[str, Edge]) -> None:
    def amounts(name: str) -> list[object]:
        edge = found[name]
        assert edge.inside is not None
        assert edge.outside is not None
        return [edge.inside.args["amount"], edge.outside.args["amount"]]

    inside, outside = amounts("dear")
    assert (inside, outside) == (inside, inside - type(inside)(1) / 100)  # type: ignore[operator]
    odd = found["odd"]
    assert odd.inside is not None
    assert odd.outside is not None
    assert (odd.inside.args["an-arg"], odd.outside.args["an-arg"]) == (-3, -4)


def test_as_tests_they_parse_are_formatted_and_pass(
    found: dict[str, Edge], program: Program
) -> None:
    pairs = [as_tests(edge, program) for edge in found.values()]
    blocks = [block for made, _ in pairs for block in made]
    text = blocks_text(blocks)
    assert format_source(Source("t.licet", text)) == (text, ())
    whole, problems = compile_sources([Source("p.licet", f"{POLICY}\n{text}")])
    assert whole is not None, problems
    results = list(run_tests(whole))
    assert [result.case.name for result in results] == [block.name for block in blocks]
    assert [result.case.name for result in results if not result.passed] == []
    assert {reason for _, missing in pairs for reason in missing} == {
        "the call just inside has a part of a second, which cannot be written down",
        "the call just inside has 1/3, which cannot be written down",
        "the call just outside has 4/3, which cannot be written down",
        "there is no call in which it applies: that is proved",
    }
