"""What cvc5 says of a question, from the same text, never contradicts Z3: unknown is no answer."""

from __future__ import annotations

import sys
from pathlib import Path

import cvc5
import z3
from hypothesis import HealthCheck, assume, event, given, settings

from licet.compiler.clock import clock
from licet.compiler.encoding import EncodingError, Question, ToolEncoder
from licet.loading import load_program
from licet.verifier.action import Action
from licet.verifier.admission import Admission, Refused
from licet.verifier.engines import Engine
from strategies.ir_strategies import Case, incomplete_cases

AIRLINE = Path(__file__).parents[2] / "examples" / "airline"
MILLISECONDS = 1_000
GOALS = ("(and allowed (not pending))", "(and allowed pending)", "(not allowed)")


def asked(question: Question, goal: str) -> str:
    """The question with what is known of its world, as a whole script."""
    known = (f"(= {leaf.symbol} {leaf.literal})" for leaf in question.leaves if leaf.known)
    return question.text + "".join(f"(assert {claim})\n" for claim in (*known, goal))


def by_z3(script: str) -> str:
    solver = z3.SimpleSolver(ctx=z3.Context())
    solver.set("timeout", MILLISECONDS)
    solver.from_string(script)
    return str(solver.check())


def by_cvc5(script: str) -> str:
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    solver.setLogic("ALL")
    solver.setOption("tlimit-per", str(MILLISECONDS))
    solver.setOption("strings-exp", "true")
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script, "question")
    symbols = parser.getSymbolManager()
    while not (command := parser.nextCommand()).isNull():
        command.invoke(solver, symbols)
    found = solver.checkSat()
    return "sat" if found.isSat() else "unsat" if found.isUnsat() else "unknown"


def agree(question: Question) -> list[set[str]]:
    """What the two say, goal by goal."""
    found = []
    for goal in GOALS:
        script = asked(question, goal)
        found.append({by_z3(script), by_cvc5(script)})
        assert found[-1] != {"sat", "unsat"}, script
    return found


@settings(
    max_examples=max(25, settings().max_examples // 10),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(incomplete_cases(small=True))
def test_generated_rules(case: Case) -> None:
    vocabulary = case.vocabulary
    encoder = ToolEncoder(
        case.rules,
        {fact.name: fact for fact in vocabulary.facts},
        vocabulary.args,
        vocabulary.principal,
        vocabulary.context,
        vocabulary.session,
        vocabulary.zone,
    )
    try:
        question = encoder.question(case.world, bounded=None)
    except EncodingError:
        assume(False)
        raise
    for answers in agree(question):
        event(" ".join(sorted(answers)))
    encoder.close()


def test_the_airline_desk() -> None:
    """One refused and one allowed call of each tool, with all that the host knows of it."""
    sys.path.insert(0, str(AIRLINE))
    try:
        from rows import call_of
        from run import read_rows
    finally:
        sys.path.remove(str(AIRLINE))
    program = load_program([AIRLINE / "airline.licet"]).program
    assert program is not None
    admission, engine = Admission(program, clock(program.zone)), Engine(program)
    seen: set[tuple[object, object]] = set()
    found: list[set[str]] = []
    for row in read_rows(AIRLINE / "calls.jsonl"):
        action = Action.from_mapping(call_of(row, program))
        if (action.tool, row["label"]) in seen:
            continue
        try:
            tool = admission.tool(action.tool)
            world = admission.world(tool, action)
        except Refused:  # by the catalog: there is no question
            continue
        seen.add((action.tool, row["label"]))
        question = engine.encoder(program.rules[tool.qualified]).question(world, bounded=None)
        found += agree(question)
    assert len(seen) > 8
    assert {"unsat"} in found
    assert {"sat"} in found
    engine.close()
