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
from licet.verifier.analysis.joining import join
from licet.verifier.analysis.joining_types import UnjoinableError
from licet.verifier.analysis.subject import Subject, condition_rule, subject_of
from licet.verifier.solving import SolverPool
from strategies.policy_pairs import CONDITIONS, pairs
from support.examples import examples

#: Policies for the first law, pairs of them for the second.
POLICIES = examples(50)


class OtherSolver:
    """cvc5 on one question; `sat`, `unsat` or `unknown` to each goal."""

    def __init__(self, question: str) -> None:
        self._solver = cvc5.Solver(cvc5.TermManager())
        for name, value in (
            ("strings-exp", "true"),
            ("tlimit-per", "5000"),
            ("incremental", "true"),
        ):
            self._solver.setOption(name, value)
        self._parser = cvc5.InputParser(self._solver)
        assert self._run(f"(set-logic ALL)\n{question}") == []

    def answer(self, goal: str) -> str:
        [answer] = self._run(f"(push 1)(assert {goal})(check-sat)(pop 1)\n")
        return answer

    def _run(self, text: str) -> list[str]:
        self._parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "question")
        answers: list[str] = []
        while not (command := self._parser.nextCommand()).isNull():
            said = str(command.invoke(self._solver, self._parser.getSymbolManager())).strip()
            answers += [said] if said else []
        return answers


def agree(subject: Subject, formulas: list[Formula], pool: SolverPool) -> None:
    """Both solvers on formulas over one subject; here every world is replayed too."""
    with Inquiry(subject, pool, Effort(20)) as inquiry:
        other = OtherSolver(inquiry.question(None).text)
        for formula in formulas:
            inquiry.seen.clear()
            found = inquiry.find(formula)
            theirs = other.answer(text(formula))
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


@pytest.mark.slow
@settings(max_examples=POLICIES, deadline=None)
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


@pytest.mark.slow
@settings(max_examples=POLICIES, deadline=None)
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
