"""The worker process: reads requests, asks Z3, writes answers, until its parent is gone.

Trusted to be right when it says sat or unsat; not trusted to come back. A question is parsed once;
the assertions of a request are parsed against its names and go into a fresh solver, so that
nothing of one request stays for the next.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from typing import Any, BinaryIO, Final

import z3

from .child import confined
from .nearest import Search
from .protocol import READY

#: Share of the time left that Z3 may use before it is asked to give up by itself.
PATIENCE = 0.8


#: So few assumptions are dropped one by one: most of them will stay.
FEW: Final = 16


class Parsed:
    """A question in Z3's memory. Its names are its own, the context is shared: one costs 4 ms."""

    def __init__(self, text: str, context: Any) -> None:
        self.context = context
        self._parser = z3.ParserContext(self.context)
        self.constraints: list[Any] = list(self._parser.from_string(text))
        self._everything = z3.And(*self.constraints, z3.BoolVal(True, context))
        self._assumed: list[Any] = []

    def terms(self, texts: Sequence[str]) -> list[Any]:
        """Bool terms over the question's names."""
        found = list(self._parser.from_string("\n".join(f"(assert {text})" for text in texts)))
        if len(found) != len(texts):
            raise ValueError("a term was read as several")
        return found

    def values(self, texts: Sequence[str]) -> list[Any]:
        """Terms of any sort over the question's names."""
        if not texts:
            return []
        lines = "\n".join(f"(assert (= {text} {text}))" for text in texts)
        return [equation.arg(0) for equation in self._parser.from_string(lines)]

    def assumptions(self, texts: Sequence[str]) -> tuple[list[Any], list[Any]]:
        """A literal for each Bool term, and the assertions by which it implies the term."""
        for position in range(len(self._assumed), len(texts)):
            self._parser.from_string(f"(declare-const assume!{position} Bool)")
            self._assumed.append(z3.Bool(f"assume!{position}", self.context))
        implied = [f"(=> assume!{position} {text})" for position, text in enumerate(texts)]
        return self._assumed[: len(texts)], self.terms(implied)

    def solver(self, assertions: Sequence[Any]) -> Any:
        solver = z3.SimpleSolver(ctx=self.context)  # a tenth of the start-up of z3.Solver
        solver.add(self._everything, *assertions)
        return solver


class Worker:
    """Answers requests; one at a time."""

    def __init__(self) -> None:
        self._context = z3.Context()
        self._questions: dict[str, Parsed] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request, without its id."""
        until = time.monotonic() + PATIENCE * request["seconds"]
        self._questions.pop(request.get("forget", ""), None)
        question = self._questions.get(request["digest"])
        if question is None or "text" in request:
            question = self._questions[request["digest"]] = Parsed(request["text"], self._context)
        match request["op"]:
            case "check":
                return _check(question, request, until)
            case "core":
                return _core(question, request, until)
            case "nearest":
                leaves = [tuple(leaf) for leaf in request["leaves"]]
                search = Search(question, request["assert"], request["fixed"], leaves, until)
                return search.answer()
            case op:
                raise ValueError(f"no such request: {op}")


def _check(question: Parsed, request: dict[str, Any], until: float) -> dict[str, Any]:
    assertions = question.terms(request["assert"])
    values = question.values(request["values"])
    solver = question.solver(assertions)
    solver.set("timeout", _milliseconds(until))
    answer = solver.check()
    if answer == z3.unknown and solver.reason_unknown() not in ("timeout", "canceled"):
        # Z3's general strategy is slower to start and better at products.
        solver = z3.Solver(ctx=question.context)
        solver.add(question.constraints)
        solver.add(assertions)
        solver.set("timeout", _milliseconds(until))
        answer = solver.check()
    if answer == z3.unsat:
        return {"answer": "unsat"}
    if answer == z3.unknown:
        return _unknown(solver.reason_unknown())
    model = solver.model()
    texts = [model.eval(value, model_completion=True).sexpr() for value in values]
    return {"answer": "sat", "values": dict(zip(request["values"], texts, strict=True))}


def _core(question: Parsed, request: dict[str, Any], until: float) -> dict[str, Any]:
    """Deletion in the order given; of many assumptions, whole runs at once where that works.

    What the solver used of one unsatisfiable set answers for every set that holds it, so those
    are not asked about. That changes no answer: it may not be used to drop more than the run that
    is looked at, or the order would be lost.
    """
    literals, implied = question.assumptions(request["assume"])
    solver = question.solver([*question.terms(request["assert"]), *implied])
    patience = math.inf
    positions = {literal.get_id(): position for position, literal in enumerate(literals)}
    refuted: list[set[int]] = []
    minimal = True

    def forced(kept: Sequence[int]) -> Any:
        nonlocal patience
        if any(core.issubset(kept) for core in refuted):
            return z3.unsat
        left = until - time.monotonic()
        if left <= 0:
            return z3.unknown
        if left < 0.9 * patience:  # telling Z3 costs half as much as a question of these
            patience = left
            solver.set("timeout", _milliseconds(until))
        answer = solver.check(*[literals[i] for i in kept])
        if answer == z3.unsat:
            refuted.append({positions[literal.get_id()] for literal in solver.unsat_core()})
        return answer

    everything = list(range(len(literals)))
    answer = forced(everything)
    if answer == z3.sat:
        return {"answer": "sat"}
    if answer == z3.unknown:
        return _unknown(solver.reason_unknown())
    kept: list[int] = []
    runs = [everything] if len(everything) > FEW else [[i] for i in everything]
    while runs:
        run = runs.pop(0)
        if not run:
            continue
        rest = kept + [i for later in runs for i in later]
        answer = forced(rest)
        if answer == z3.unsat:
            continue
        if len(run) > 1:
            half = len(run) // 2
            runs[:0] = [run[:half], run[half:]]
        else:
            minimal = minimal and answer == z3.sat
            kept += run
    return {"answer": "forced", "kept": sorted(kept), "minimal": minimal}


def _milliseconds(until: float) -> int:
    return max(1, int((until - time.monotonic()) * 1000))


def _unknown(reason: str) -> dict[str, Any]:
    return {"answer": "unknown", "reason": f"the solver gave up: {reason}"}


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer line by line until there are no more."""
    worker = Worker()
    answers.write(READY)
    answers.flush()
    for line in requests:
        request = json.loads(line)
        try:
            reply = worker.answer(request)
        except z3.Z3Exception as error:
            text = str(error.value if not isinstance(error.value, bytes) else error.value.decode())
            reply = {"answer": "unknown", "reason": f"the solver failed: {text.strip()[:200]}"}
        answers.write(json.dumps({"id": request["id"], **reply}).encode("ascii") + b"\n")
        answers.flush()


def main(memory: int, parent: int) -> None:
    """Serve on the standard streams, within `memory` bytes, as long as `parent` lives."""
    serve(sys.stdin.buffer, confined(memory, parent))
