"""One proposed call to one verdict.

A check is a generator: it yields what has to be waited for (`Lookup`: facts from resolvers;
`Slow`: work of milliseconds) and is sent the answers, so that the synchronous and the
asynchronous guard run the very same decision. Whatever goes wrong inside becomes a refusal of
kind `fault`.
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from licet.compiler.clock import clock
from licet.compiler.encoding import EncodingError, State, UnsupportedText
from licet.compiler.evaluation import UnknownRead, judge, judge_rule
from licet.compiler.intake import BadValue
from licet.compiler.ir import ToolRules
from licet.compiler.program import Program
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN, World

from .action import Action, ActionError
from .admission import HOSTS_OWN, NOT_YOURS, Admission, Refused, brief, holds_rare_text, path_text
from .engines import Engines
from .facts import Resolvers, Wanted
from .refusing import Refusal, Refuser
from .solving import SolverPool
from .verdict import Outcome, Verdict, Violation

log = logging.getLogger("licet")

Engine = Literal["z3", "both"]
States = tuple[State | None, ...]
ONE_PERMIT: States = ("applies",)
OTHERS_NOT: States = ("not",)
FactKey = tuple[str, tuple[Value, ...]]

#: Rounds of facts that depend on facts; a policy needs as many as its look-ups nest.
MAX_ROUNDS = 16


@dataclass(frozen=True, slots=True)
class Lookup:
    """Facts that resolvers should answer; send back a mapping from each to its raw value."""

    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Slow:
    """Work that should not block an event loop; send back what it returns."""

    work: Callable[[], Any]


Check = Generator[Lookup | Slow, Any, Verdict]


class Decider:
    """Decides calls on one program. Safe to share between threads: encoders are pooled by tool."""

    def __init__(
        self,
        program: Program,
        resolvers: Resolvers,
        solvers: SolverPool,
        *,
        engine: Engine,
        seconds: float,
    ) -> None:
        self.program = program
        self._clock = clock(program.zone)
        self._admission = Admission(program, self._clock)
        self._resolvers = resolvers
        self._engine = engine
        self._seconds = seconds
        self._refuser = Refuser(program, self._clock, solvers)
        self._engines = Engines(program)
        self._process, self._prefix = os.getpid(), secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def check(self, action: Action) -> Check:
        """Decide one call. Never raises for anything that a call can hold."""
        try:
            tool = self._admission.tool(action.tool, action.args)
        except Refused as refused:
            return self._refused(action, brief(action.tool), refused.violations)
        try:
            world = self._admission.world(tool, action)
            return (yield from self._decide(action, world))
        except Refused as refused:
            return self._refused(action, tool.qualified, refused.violations)
        except UnsupportedText as text:
            if not holds_rare_text(action.args):
                return self._fault(action, tool.qualified, "a text of the host's is not decidable")
            violation = Violation("bad_argument", str(text), str(text))
            return self._refused(action, tool.qualified, (violation,))
        except EncodingError as limit:
            return self._fault(action, tool.qualified, str(limit))
        except Exception:
            log.exception("a check failed; the call is refused")
            return self._fault(action, tool.qualified, "the check itself failed")

    def malformed(self, error: ActionError) -> Verdict:
        """The refusal of something that is not even a call."""
        path = path_text(error.path) or None
        if error.path and error.path[0] in HOSTS_OWN:
            violation = Violation("fault", error.message, NOT_YOURS, path=path)
        else:
            violation = Violation("bad_argument", error.message, error.message, path=path)
        return self._verdict(None, "", Refusal.of("the call", (violation,)))

    def _decide(self, action: Action, world: World) -> Check:
        rules = self.program.rules[world.tool]
        for _ in range(MAX_ROUNDS):
            outcome, states, lacking = self._evaluate(rules, world)
            if outcome == "allow":
                return self._allow(action, world, rules, states)
            # Also where the refusal is certain: the other rules and the way out need facts.
            missing = [(name, keys) for name, keys in lacking if name in self._resolvers]
            if not missing:
                break
            yield from self._look_up(world, missing)
        else:
            return self._fault(action, world.tool, "facts nest too deep")
        deadline = time.monotonic() + self._seconds
        refusal: Refusal = yield Slow(
            lambda: self._explain(rules, world, outcome, states, deadline)
        )
        if refusal.outcome == "allow":
            return self._allow(action, world, rules, refusal.states)
        return self._verdict(action, world.tool, refusal)

    def _evaluate(
        self, rules: ToolRules, world: World
    ) -> tuple[Outcome | None, States, tuple[FactKey, ...]]:
        """The outcome, each rule's state, and the facts that rules read and the world lacks."""
        engine = self._engines.borrow()
        decided = engine.encoder(rules).decide(world)
        outcome = decided.outcome
        if outcome == "allow" and self._engine == "z3" and len(rules.permits) == 1:
            # The one permit applies and nothing else does: no need to ask rule by rule.
            states: States = ONE_PERMIT + OTHERS_NOT * (len(rules.rules) - 1)
            lacking: tuple[FactKey, ...] = ()
        else:
            states = decided.states()
            lacking = () if outcome == "allow" else decided.lacking()
        self._engines.give_back(engine)
        if self._engine == "both" and outcome is not None:
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

    def _look_up(self, world: World, missing: list[FactKey]) -> Any:
        wanted = tuple(self._admission.plain_keys(name, keys) for name, keys in missing)
        answers: Mapping[Wanted, object] = yield Lookup(wanted)
        facts = {name: dict(entries) for name, entries in world.facts.items()}
        for (name, keys), want in zip(missing, wanted, strict=True):
            try:
                value = self._admission.fact(name, keys, answers.get(want, UNKNOWN))
            except BadValue as bad:
                raise Refused(self._admission.faults(bad)) from None
            facts.setdefault(name, {})[keys] = value
        world.facts = facts

    def _explain(
        self,
        rules: ToolRules,
        world: World,
        outcome: Outcome | None,
        states: States,
        deadline: float,
    ) -> Refusal:
        engine = self._engines.borrow()
        refusal = self._refuser.explain(
            engine.encoder(rules), rules, world, outcome, states, deadline
        )
        self._engines.give_back(engine)
        return refusal

    # --- verdicts

    def _allow(self, action: Action, world: World, rules: ToolRules, states: States) -> Verdict:
        applied = tuple(
            rule.name
            for rule, state in zip(rules.permits, states, strict=False)
            if state == "applies"
        )
        return Verdict(
            id=self._id(),
            outcome="allow",
            tool=world.tool,
            policy_digest=self.program.digest,
            catalog_digest=self.program.catalog.digest,
            call_id=action.id,
            rules=applied,
        )

    def _verdict(self, action: Action | None, tool: str, refusal: Refusal) -> Verdict:
        return Verdict(
            id=self._id(),
            outcome=refusal.outcome,
            tool=tool,
            policy_digest=self.program.digest,
            catalog_digest=self.program.catalog.digest,
            call_id=action.id if action else None,
            rules=refusal.rules,
            violations=refusal.violations,
            because=refusal.because,
            counterexample=refusal.counterexample,
            fine=refusal.fine,
            settle=refusal.settle,
            repair=refusal.repair,
            explained=refusal.explained,
            message=refusal.message,
        )

    def _refused(self, action: Action, tool: str, violations: tuple[Violation, ...]) -> Verdict:
        short = self.program.catalog.short_name(tool)
        return self._verdict(action, tool, Refusal.of(short or tool, violations))

    def _fault(self, action: Action, tool: str, text: str) -> Verdict:
        return self._refused(action, tool, (Violation("fault", text, text),))

    def _id(self) -> str:
        if self._process != os.getpid():  # forked: the children's verdicts are their own
            self._process, self._prefix = os.getpid(), secrets.token_hex(6)
        return f"{self._prefix}-{next(self._numbers)}"


class EnginesDifferError(Exception):
    """Our own bug: the two meanings of a policy have come apart. The call is refused."""
