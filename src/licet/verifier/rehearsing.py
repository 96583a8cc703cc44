"""The calls of a policy's tests as worlds, for what looks at tests without deciding them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from licet.compiler import ir
from licet.compiler.clock import clock
from licet.compiler.program import Program, TestCase, TestStep
from licet.compiler.walking import walk
from licet.compiler.world import World

from .admission import Admission, Refused
from .testing import step_action


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One call of a test. `world` is None where the call is refused before any rule is read."""

    case: TestCase
    step: TestStep
    world: World | None


def rehearse(program: Program) -> Iterator[Rehearsal]:
    """Every call of every test, in their order."""
    admission = Admission(program, clock(program.zone))
    for number, case in enumerate(program.tests, start=1):
        for step in case.steps:
            try:
                action = step_action(program, step, f"test {number}")
                world = admission.world(admission.tool(action.tool), action)
            except Refused:
                yield Rehearsal(case, step, None)
            else:
                yield Rehearsal(case, step, world)


def reads_earlier_calls(expr: ir.Expr, program: Program) -> bool:
    """Whether an expression looks up what is not the host's to say: what earlier calls come to.

    The world of a rehearsed call does not have it.
    """
    return any(isinstance(node, ir.Fact) and node.name not in program.facts for node in walk(expr))
