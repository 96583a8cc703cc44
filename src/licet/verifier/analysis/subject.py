"""What an analysis asks about: rules that read one tool's call, as a list without any effect yet.

The rules of a program and the conditions of its proofs stand in one list, at known positions; what
follows from them (`allowed`) is a formula over it. So one question can speak of several policies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from licet.compiler import ir
from licet.compiler.clock import Clock, clock
from licet.compiler.encoding import Context, ToolEncoder
from licet.compiler.evaluation import State, UnknownRead, judge_rule
from licet.compiler.program import Program
from licet.compiler.types import RecordType
from licet.compiler.world import World
from licet.policy_lang import Source, Span

_NOWHERE = Span(Source("", ""), 0, 0)


@dataclass(frozen=True, slots=True)
class Subject:
    """Rules on one tool (qualified name), and the types of all that they read."""

    tool: str
    rules: tuple[ir.Rule, ...]
    facts: Mapping[str, ir.FactSignature]
    args: RecordType
    principal: RecordType
    context: RecordType
    session: RecordType
    zone: str

    @property
    def clock(self) -> Clock:
        return clock(self.zone)

    def encoder(self, solver: Context) -> ToolEncoder:
        """An encoder in which every rule stands for its own condition alone."""
        flat = ir.ToolRules(self.tool, self.rules, (), ())
        return ToolEncoder(
            flat,
            self.facts,
            self.args,
            self.principal,
            self.context,
            self.session,
            self.zone,
            solver=solver,
        )

    def states(self, world: World) -> tuple[State, ...] | None:
        """What the reference evaluator says of each rule in a complete world; None if it is not."""
        try:
            return tuple(judge_rule(rule, world, self.clock).state for rule in self.rules)
        except UnknownRead:
            return None


def condition_rule(name: str, condition: ir.Expr) -> ir.Rule:
    """A condition as a rule, so that it can be asked about beside others."""
    return ir.Rule("permit", name, (), condition, None, _NOWHERE)


def subject_of(program: Program, tool: str, conditions: Sequence[ir.Rule] = ()) -> Subject:
    """The rules of a tool, and behind them some conditions."""
    return Subject(
        tool,
        (*program.rules[tool].rules, *conditions),
        program.facts,
        program.catalog.qualified[tool].params,
        program.principal,
        program.context,
        program.session,
        program.zone,
    )
