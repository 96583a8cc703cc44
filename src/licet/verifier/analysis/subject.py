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
from licet.compiler.evaluation.places import AbsentUnwrapped
from licet.compiler.program import Program
from licet.compiler.types import RecordType, Type
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
    #: The params without a value.
    params: Mapping[str, Type]
    #: The zones of the rules one by one, where they are not all of one policy.
    zones: tuple[str, ...] | None = None

    def clock(self, rule: int) -> Clock:
        """The clock that a rule reads."""
        return clock(self.zone if self.zones is None else self.zones[rule])

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
            zones=self.zones,
            share_folds=True,
        )

    def states(self, world: World) -> tuple[State | None, ...] | None:
        """What the reference evaluator says of each rule in a complete world; None if it is not.

        A rule is in no state (None) where it takes for granted what this world lacks: one of two
        policies in a call that this policy does not take.
        """
        try:
            return tuple(self._state(index, world) for index in range(len(self.rules)))
        except UnknownRead:
            return None

    def _state(self, index: int, world: World) -> State | None:
        try:
            return judge_rule(self.rules[index], world, self.clock(index)).state
        except AbsentUnwrapped:
            return None


def condition_rule(name: str, condition: ir.Expr, lets: tuple[ir.Let, ...] = ()) -> ir.Rule:
    """A condition as a rule, so that it can be asked about beside others. It applies where all
    lets are there and it is true."""
    return ir.Rule("permit", name, lets, condition, None, _NOWHERE)


def subject_of(program: Program, tool: str, conditions: Sequence[ir.Rule] = ()) -> Subject:
    """The rules of a tool, and behind them some conditions."""
    return Subject(
        tool,
        (*program.rules[tool].rules, *conditions),
        program.signatures,
        program.catalog.qualified[tool].params,
        program.principal,
        program.context,
        program.session,
        program.zone,
        program.unset_params,
    )
