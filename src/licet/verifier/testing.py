"""Runs the `test` blocks of a policy: calls with what is given, each with its expected verdict.

In: a program with its tests, and a maker of guards. Out: for every call of every test, the verdict
that was wanted and the one that came. A test decides through the same guard as a real call does.
What it does not give is unknown, the clock included, so that it never depends on the day it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from licet.compiler.program import GivenValues, Program, TestCase, TestStep
from licet.compiler.types import TIME
from licet.compiler.values import render

from .action import Action
from .guard import Guard
from .verdict import Verdict

GuardMaker = Callable[[Program], Guard]


@dataclass(frozen=True, slots=True)
class StepResult:
    """One call of a test, and what the guard said to it."""

    step: TestStep
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """The outcome is the wanted one and, after `by`, exactly the named rules fired."""
        same_rules = self.step.rules is None or set(self.step.rules) == set(self.verdict.rules)
        return self.verdict.outcome == self.step.outcome and same_rules


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test: it passed if each of its calls did."""

    __test__ = False  # pytest takes the name for a test of its own

    case: TestCase
    steps: tuple[StepResult, ...]

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.steps)

    @property
    def failures(self) -> tuple[StepResult, ...]:
        return tuple(step for step in self.steps if not step.passed)


def run_tests(program: Program, guard: GuardMaker = Guard) -> Iterator[TestResult]:
    """The results in the order of the tests. Each test has a guard, and so a history, of its own.

    Raises what `guard` raises, `UnsetParamsError` above all.
    """
    for number, case in enumerate(program.tests, start=1):
        with guard(program) as fresh:
            steps = tuple(_run(fresh, step, f"test {number}") for step in case.steps)
        yield TestResult(case, steps)


def _run(guard: Guard, step: TestStep, session: str) -> StepResult:
    """One call; where it is allowed it runs, and ends as the test says."""
    verdict = guard.check(step_action(guard.program, step, session))
    if verdict.ticket is not None and step.ending != "pending":
        if step.ending != "cancelled":
            guard.redeem(verdict.ticket, step.args)
        guard.settle(verdict.ticket, step.ending, step.result)
    return StepResult(step, verdict)


def step_action(program: Program, step: TestStep, session: str) -> Action:
    """The call as a host would send it."""
    given = step.given
    return Action.from_mapping(
        {
            "tool": step.tool,
            "args": step.args,
            "principal": render(given.principal, program.principal) if given.principal else {},
            "context": render(given.context, program.context) if given.context else {},
            "session": _session(program, given, session),
            "facts": _facts(program, given),
            "now": render(given.now, TIME),
        }
    )


def _session(program: Program, given: GivenValues, name: str) -> dict[str, object]:
    """The session of a test's calls: one for all of them, unless the test names others."""
    fields = render(given.session, program.session) if given.session else {}
    assert isinstance(fields, dict)
    known = isinstance(fields.get("id"), str)
    return fields if known else {**fields, "id": name}


def _facts(program: Program, given: GivenValues) -> dict[str, list[dict[str, object]]]:
    facts: dict[str, list[dict[str, object]]] = {}
    for name, entries in given.facts.items():
        signature = program.facts[name]
        kinds = [kind for _, kind in signature.params]
        facts[name] = [
            {
                "key": [render(key, kind) for key, kind in zip(keys, kinds, strict=True)],
                "value": render(value, signature.result),
            }
            for keys, value in entries.items()
        ]
    return facts
