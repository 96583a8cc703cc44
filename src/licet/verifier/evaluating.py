"""What the rules of a tool come to in one world, by Z3 or by both engines."""

from __future__ import annotations

import logging
from typing import Literal

from licet.compiler.clock import Clock
from licet.compiler.encoding import States
from licet.compiler.evaluation import UnknownRead, judge, judge_rule
from licet.compiler.ir import ToolRules
from licet.compiler.program import Program
from licet.compiler.types import Value
from licet.compiler.world import World

from .engines import Engines
from .verdict import Outcome

log = logging.getLogger("licet")

Engine = Literal["z3", "both"]
APPLIES: States = ("applies",)
NOT: States = ("not",)
FactKey = tuple[str, tuple[Value, ...]]
#: The outcome, each rule's state, and the facts that rules read and the world lacks.
Evaluated = tuple[Outcome | None, States, tuple[FactKey, ...]]


class Evaluator:
    """Evaluates formulas. Safe to share between threads: encoders are pooled by tool."""

    def __init__(self, program: Program, clock: Clock, engine: Engine) -> None:
        self._clock = clock
        #: Whether the reference evaluator runs beside Z3, and is compared.
        self.both = engine == "both"
        self.engines = Engines(program)

    def evaluate(self, rules: ToolRules, world: World) -> Evaluated:
        """What the rules come to in a world."""
        with (
            self.engines.lent() as engine,
            engine.encoder(rules).deciding(world) as decided,
        ):
            outcome = decided.outcome
            if outcome == "allow" and not self.both:
                # A permit applies and no other rule does: no need to ask rule by rule.
                permits, sole = len(rules.permits), rules.sole
                if sole is None:
                    states = decided.states(permits)
                else:
                    states = NOT * sole + APPLIES + NOT * (permits - sole - 1)
                states += NOT * (len(rules.rules) - permits)
                lacking: tuple[FactKey, ...] = ()
            else:
                states = decided.states()
                lacking = () if outcome == "allow" else decided.lacking()
        if self.both and outcome is not None:
            self._compare(rules, world, outcome, states)
        return outcome, states, lacking

    def _compare(self, rules: ToolRules, world: World, outcome: str, states: States) -> None:
        """The second engine, on every rule that it can judge. Raises where it differs."""
        known = True
        for rule, theirs in zip(rules.rules, states, strict=True):
            try:
                ours = judge_rule(rule, world, self._clock).state
            except UnknownRead:
                known = False
                continue
            if theirs not in (ours, None):
                log.critical("the engines differ on %s: %s, %s", rule.name, theirs, ours)
                raise EnginesDifferError(f"the two engines differ on {rule.name}")
        if known and judge(rules, world, self._clock).outcome != outcome:
            log.critical("the engines differ on %s", world.tool)
            raise EnginesDifferError(f"the two engines differ on {world.tool}")


class EnginesDifferError(Exception):
    """Our own bug: the two meanings of a policy have come apart. The call is refused."""
