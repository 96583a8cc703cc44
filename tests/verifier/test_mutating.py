"""Mutants: which there are, and that killed, equal and survived are what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product

import pytest

from licet.compiler import compile_sources
from licet.compiler.clock import clock
from licet.compiler.evaluation import judge
from licet.compiler.program import Program
from licet.compiler.world import World
from licet.policy_lang import Source, parse
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.edges import expected_test, fired
from licet.verifier.mutation.mutants import Mutant, mutants
from licet.verifier.mutation.mutating import Outcome, mutate
from licet.verifier.solving import SolverPool
from licet.verifier.test_blocks import blocks_text
from licet.verifier.testing import run_tests

PATIENT = Effort(10)
POLICY = """\
enum Role { staff, boss }
principal { role: Role }
table most(Role) -> Int { boss: 3; _: 1 }
define small = args.n <= 1 or args.n == 2
tool buy(n: Int in 0 .. 4, m: Int in 0 .. 4) destructive
tool look(n: Int in 0 .. 4) read_only
permit buys on buy when args.n >= 0
permit looks on look
forbid dear on buy when args.n > most(principal.role)
forbid odd on buy when not small and args.m > 2 unless principal.role == boss
forbid both on buy when args.n == 4 and args.n == 3
test "a little"
  given principal { role: staff }
  call buy { n: 1, m: 4 }
  then allow by buys
  call buy { n: 2, m: 0 }
  then deny by dear
"""
ROLES = ("staff", "boss")


def compiled(text: str) -> Program | None:
    return compile_sources([Source("p.licet", text)])[0]


def recompile(texts: Mapping[str, str]) -> Program | None:
    return compiled(texts["p.licet"])


@pytest.fixture(scope="module")
def program() -> Program:
    program = compiled(POLICY)
    assert program is not None
    return program


@pytest.fixture(scope="module")
def outcomes(program: Program) -> list[Outcome]:
    with SolverPool(2) as pool:
        return list(mutate(program, recompile, pool, PATIENT))


def worlds(tool: str) -> Iterator[World]:
    for n, m, role in product(range(5), range(5), ROLES):
        args = {"n": n, "m": m} if tool == "buy" else {"n": n}
        yield World(tool, dict(args), principal={"role": role}, now=0)


def same(a: Program, b: Program) -> bool:
    """Brute force over every call."""
    return all(
        judge(a.rules[tool], world, clock("UTC")).outcome
        == judge(b.rules[tool], world, clock("UTC")).outcome
        for tool in a.rules
        for world in worlds(tool)
    )


def passes(program: Program) -> bool:
    """Whether the two calls of the policy's test come out as it says."""
    worlds = (World("buy", {"n": n, "m": m}, {"role": "staff"}, now=0) for n, m in ((1, 4), (2, 0)))
    judged = [judge(program.rules["buy"], world, clock("UTC")) for world in worlds]
    return [(j.outcome, fired(j)) for j in judged] == [("allow", ("buys",)), ("deny", ("dear",))]


def applied(mutant: Mutant) -> Program:
    made = compiled(mutant.applied())
    assert made is not None
    return made


def test_killed_equal_and_survived_are_true_of_each_mutant(
    program: Program, outcomes: list[Outcome]
) -> None:
    for outcome in outcomes:
        mutated = applied(outcome.mutant)
        match outcome.state:
            case "killed":
                assert outcome.by == "a little"
                assert not passes(mutated)
            case "equal":
                assert same(program, mutated), outcome.mutant.change
            case "survived":
                assert not same(program, mutated)
                assert outcome.world is not None
                tool = outcome.world.tool
                ours, theirs = (
                    judge(p.rules[tool], outcome.world, clock("UTC")).outcome
                    for p in (program, mutated)
                )
                assert ours != theirs
            case _:
                pytest.fail(f"{outcome.state}: {outcome.mutant.change}")
    assert Counter(outcome.state for outcome in outcomes) == {
        "survived": 11,
        "killed": 15,
        "equal": 21,
    }


def test_a_survivors_call_is_a_test_that_kills_it(
    program: Program, outcomes: list[Outcome]
) -> None:
    survivors = [outcome for outcome in outcomes if outcome.world is not None]
    for outcome in survivors[::4]:
        assert_kills(program, POLICY, outcome)


def changes(text: str) -> list[tuple[str, str, str]]:
    source = Source("p.licet", text)
    tree, problems = parse(source)
    assert problems == ()
    return [(m.kind, m.span.text, m.text) for m in mutants(tree)]


def test_the_mutants_of_a_rule() -> None:
    rule = "permit p on t when args.n <  # <= 7\n 5 and not args.b or all(x in args.xs: x)\n"
    assert changes(rule) == [
        ("effect", "permit", "forbid"),
        ("condition", "args.n <  # <= 7\n 5 and not args.b or all(x in args.xs: x)", "true"),
        ("condition", "args.n <  # <= 7\n 5 and not args.b or all(x in args.xs: x)", "false"),
        ("condition", "args.n <  # <= 7\n 5 and not args.b", "false"),
        ("condition", "all(x in args.xs: x)", "false"),
        ("condition", "args.n <  # <= 7\n 5", "true"),
        ("condition", "not args.b", "true"),
        ("comparison", "<", "<="),
        ("bound", "5", "6"),
        ("bound", "5", "4"),
        ("condition", "not args.b", "(args.b)"),
        ("quantifier", "all", "any"),
    ]


def test_the_mutants_of_a_limit() -> None:
    limit = "limit few\n  on t sum(args.n)\n  per principal.id within 48h <= 3\n  when args.b\n"
    assert changes(limit) == [
        ("comparison", "<=", "<"),
        ("bound", "3", "4"),
        ("bound", "3", "2"),
        ("bound", "48h", "3d"),
        ("condition", "args.b", "true"),
        ("condition", "args.b", "false"),
    ]


def test_the_mutants_of_literals_and_of_what_stands_outside_of_rules() -> None:
    assert changes("const a = 0\nconst b = 0.00\nparam c: Duration = 0s\nconst d = true\n") == [
        ("value", "0", "1"),
        ("value", "0", "(-1)"),
        ("value", "0.00", "0.01"),
        ("value", "0.00", "(-0.01)"),
        ("value", "0s", "1s"),
        ("value", "true", "false"),
    ]
    assert changes("define x = args.n > 1_000.5\nenum E { a }\n") == [
        ("comparison", ">", ">="),
        ("bound", "1_000.5", "1000.6"),
        ("bound", "1_000.5", "1000.4"),
    ]
    assert changes("table t(Bool) -> Int { true: 1; _: 2 }\n") == [
        ("value", "1", "2"),
        ("value", "1", "0"),
        ("value", "2", "3"),
        ("value", "2", "1"),
    ]
    assert changes("permit p on t\n") == [
        ("effect", "permit", "forbid"),
        ("condition", "", " when false"),
    ]


def test_a_mutant_that_does_not_compile_is_invalid() -> None:
    text = "tool t(n: Int?)\npermit p on t when has args.n and args.n > 3\n"
    made = compiled(text)
    assert made is not None
    with SolverPool(1) as pool:
        found = list(mutate(made, recompile, pool, PATIENT))
    (invalid,) = [outcome for outcome in found if outcome.state == "invalid"]
    assert invalid.mutant.change == "`has args.n` becomes `true`"


def test_a_solver_without_an_answer_is_never_equal() -> None:
    text = (
        "tool t(a: Int, b: Int, c: Int)\n"
        "permit p on t\n"
        "  when args.a * args.a * args.a + args.b * args.b * args.b == args.c * args.c * args.c\n"
        "    and args.a > 0 and args.b > 0 and args.c > 0\n"
    )
    made = compiled(text)
    assert made is not None
    with SolverPool(1) as pool:
        found = list(mutate(made, recompile, pool, Effort(0.2)))
    assert "equal" not in {o.state for o in found if o.mutant.text == "false"}


def test_calls_with_unknown_parts_are_judged_by_the_guard() -> None:
    text = (
        "context { a: Bool, n: Int }\ntool t()\npermit p on t when context.n > 3 or context.a\n"
        'test "unknown" call t {} then deny\n'
        'test "known" given context { n: 4 } call t {} then allow by p\n'
    )
    made = compiled(text)
    assert made is not None
    assert all(result.passed for result in run_tests(made))

    def only_true(texts: Mapping[str, str]) -> Program | None:
        return recompile(texts) if "when true" in texts["p.licet"] else None

    with SolverPool(1) as pool:
        found = [o for o in mutate(made, only_true, pool, PATIENT) if o.state != "invalid"]
    assert [(o.mutant.text, o.state, o.by) for o in found] == [("true", "killed", "unknown")]


def test_a_survivor_beside_a_limit_has_a_test_where_nothing_came_before() -> None:
    text = (
        "tool pay(n: Int in 0 .. 9)\npermit all on pay\nforbid much on pay when args.n > 7\n"
        "limit day on pay sum(args.n) within day <= 20\n"
    )
    program = compiled(text)
    assert program is not None
    with SolverPool() as pool:
        found = [o for o in mutate(program, recompile, pool, PATIENT) if o.state == "survived"]
    beside = [outcome for outcome in found if outcome.mutant.rule == "much"]
    assert beside
    for outcome in beside:
        assert outcome.world is not None, outcome.mutant
        assert_kills(program, text, outcome)


def assert_kills(program: Program, text: str, outcome: Outcome) -> None:
    """The survivor's call, as a test, passes on the policy and fails on the mutant."""
    assert outcome.world is not None
    test = blocks_text([expected_test("new", program, outcome.world)])
    for of, passes in ((text, True), (outcome.mutant.applied(), False)):
        made = compiled(f"{of}\n{test}")
        assert made is not None
        *old, new = run_tests(made)
        assert all(result.passed for result in old)
        assert new.passed is passes
