"""Another solver, given the same SMT-LIB text, gives the same answers: proofs, redundancy,
overriding and differences of generated policies."""

from __future__ import annotations

import cvc5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.compiler import compile_sources
from licet.compiler.program import Program
from licet.policy_lang import Source
from licet.verifier.analysis.formulas import (
    Every,
    Formula,
    Not,
    allowed,
    applies,
    every,
    refuses,
    text,
)
from licet.verifier.analysis.inquiry import Bounded, Effort, Found, Inquiry, Open, Refuted
from licet.verifier.analysis.joining import UnjoinableError, join
from licet.verifier.analysis.subject import Subject, condition_rule, subject_of
from licet.verifier.solving import SolverPool
from strategies.policy_pairs import CONDITIONS, pairs


def other_solver(question: str, goal: str) -> str:
    """`sat`, `unsat` or `unknown`, by cvc5."""
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    solver.setOption("strings-exp", "true")
    solver.setOption("tlimit-per", "5000")
    parser = cvc5.InputParser(solver)
    whole = f"(set-logic ALL)\n{question}(assert {goal})\n(check-sat)\n"
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, whole, "question")
    answers: list[str] = []
    while not (command := parser.nextCommand()).isNull():
        if said := str(command.invoke(solver, parser.getSymbolManager())).strip():
            answers.append(said)
    [answer] = answers
    return answer


def agree(subject: Subject, formulas: list[Formula], pool: SolverPool) -> None:
    """Both solvers on formulas over one subject; here every world is replayed too."""
    with Inquiry(subject, pool, Effort(20)) as inquiry:
        for formula in formulas:
            inquiry.seen.clear()
            found = inquiry.find(formula)
            theirs = other_solver(inquiry.question(None).text, text(formula))
            match found:
                case Found():
                    assert theirs == "sat"
                case Refuted():
                    assert theirs == "unsat"
                case Bounded() | Open():
                    raise AssertionError(found)


def compiled(source: str) -> Program:
    program, found = compile_sources([Source("p.licet", source)])
    assert program is not None, found
    return program


@pytest.fixture(scope="module")
def pool():
    with SolverPool(1) as pool:
        yield pool


@settings(max_examples=30, deadline=None)
@given(pairs(), st.sampled_from(CONDITIONS), st.integers(0, 3))
def test_on_one_policy(pool, pair, condition, k):
    claim = f"prove it never allow pay when {condition.format(k=k)}\n"
    program = compiled(f"{pair[0]}{claim}")
    rules = program.rules["pay"].rules
    subject = subject_of(
        program, "pay", (condition_rule("it", program.proofs[0].tools[0].condition),)
    )
    formulas: list[Formula] = [
        Every((applies(len(rules)), allowed(rules))),
        Every((applies(len(rules)), Not(allowed(rules)))),
    ]
    for i, rule in enumerate(rules):
        mates = [j for j, other in enumerate(rules) if other.kind == rule.kind and j != i]
        formulas.append(Every((applies(i), every(Not(applies(j)) for j in mates))))
        forbids = [j for j, other in enumerate(rules) if other.kind == "forbid"]
        formulas.append(Every((applies(i), every(Not(refuses(rules[j], j)) for j in forbids))))
    agree(subject, formulas, pool)


@settings(max_examples=30, deadline=None)
@given(pairs())
def test_on_two_policies(pool, pair):
    old, new = map(compiled, pair)
    try:
        both = join(old, new, "pay")
    except UnjoinableError:
        return
    ways: list[Formula] = [
        Every((both.new.passes, Not(both.old.passes))),
        Every((both.old.passes, Not(both.new.passes))),
    ]
    agree(both.subject, ways, pool)
