"""A decision inside one transaction: the history is read, the outcome found, and what is allowed is
reserved, at one instant."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from licet.compiler.clock import Clock
from licet.compiler.encoding import States
from licet.compiler.ir import ToolRules
from licet.compiler.program import Program
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN, Facts, World

from .admission import Refused, brief
from .answering import Answering, Observing, applied, fault
from .approvals import Approval, Approvals, read
from .budgets import Rooms, rooms_of
from .calls import call_json
from .evaluating import EnginesDifferError, Evaluator, FactKey
from .facts import Resolvers
from .history import StoredApproval, StoreError, UnkeepableError
from .proposing import Proposal
from .records import record_of
from .refusing import Refusal
from .remembering import Memory
from .sitting import Sitting
from .verdict import Outcome, Verdict, Violation

log = logging.getLogger("licet")

#: For how long a transaction takes parts in, in seconds: others of the tenant wait for it.
LONG = 0.025
#: Rounds of facts that depend on facts; a policy needs as many as its look-ups nest.
MAX_ROUNDS = 16


@dataclass(slots=True)
class Attempt:
    """What one transaction came to: a verdict, or what has to be done before the next.

    `missing` are facts to look up, `behind` says that calls are still being counted; else the call
    is not plainly allowed, and `outcome` and `states` say how far it is settled, `rooms` when
    limits that apply will have room. `change` is the tenant's last one when this was seen.
    """

    verdict: Verdict | None = None
    missing: list[FactKey] = field(default_factory=list)
    behind: bool = False
    outcome: Outcome | None = None
    states: States = ()
    rooms: Rooms = field(default_factory=dict)
    change: int = 0


#: What is done in a transaction for one call.
Part = Callable[[Sitting], Attempt]


@dataclass(frozen=True, slots=True)
class Proved:
    """That a call is allowed, shown by the solver from what was known by then: good while nothing
    has changed."""

    change: int
    at: int
    states: States
    facts: Facts


class Reserving(Answering):
    """Decides calls that are remembered, each in a transaction that somebody else begins again
    where it asks for more."""

    def __init__(
        self,
        program: Program,
        clock: Clock,
        evaluator: Evaluator,
        resolvers: Resolvers,
        memory: Memory,
        approvals: Approvals,
        observing: Observing,
        asked: Callable[[Approval], None] | None,
    ) -> None:
        super().__init__(program, memory, observing)
        self._clock = clock
        self._evaluator = evaluator
        self._resolvers = resolvers
        self._approvals = approvals
        self._on_asked = asked

    def _together(self, tenant: str, parts: Sequence[Part]) -> list[Attempt | Exception]:
        """What parts of transactions of a tenant come to: in one as long as that is short, and each
        in its own where one of them fails, which undoes all that is in it."""
        found: list[Attempt | Exception] = []
        shared = True
        while rest := parts[len(found) :]:
            try:
                found += self._sitting(tenant, rest if shared else rest[:1])
            except Exception as error:
                if isinstance(error, StoreError) and not isinstance(error, UnkeepableError):
                    # Whether these count is not known, and it is no use to ask for the others.
                    return [*found, *[error] * len(rest)]
                if shared and len(rest) > 1:
                    shared = False
                else:
                    found.append(error)
        return found

    def _sitting(self, tenant: str, parts: Sequence[Part]) -> list[Attempt]:
        """One transaction: everything that a part reads holds when it commits. At least the first
        of the parts, and as many as it has time for."""
        found: list[Attempt] = []
        with self._memory.sit(tenant) as sitting:
            until = time.monotonic() + LONG  # not while it waits for its own turn
            if sitting.is_behind:
                return [Attempt(behind=True) for _ in parts]  # what was counted stays counted
            sitting.require_active()
            for part in parts:
                found.append(part(sitting))
                if time.monotonic() > until:
                    break
        return found

    def _attempt(
        self,
        proposal: Proposal,
        rules: ToolRules,
        given: object,
        proved: Proved | None,
        sitting: Sitting,
    ) -> Attempt:
        """A part of a transaction, for one call."""
        world = proposal.world
        at = sitting.instant(given)
        again = self._again(sitting, proposal)
        if again is not None:
            return Attempt(again)
        outcome: Outcome | None = "allow"
        if proved is not None and proved.change == sitting.head.change:
            world.now, world.facts, states = proved.at, proved.facts, proved.states
        else:
            world.now = UNKNOWN if given is UNKNOWN else at
            forget_history(world, self.program)
            outcome, states, missing = self._evaluate_with_history(sitting, proposal, rules, at)
            if missing:
                return Attempt(missing=missing)
        if outcome == "escalate":
            verdict = self._approved(sitting, proposal, rules, states, at)
            if verdict is not None:
                return Attempt(verdict)
        if outcome == "allow":
            return Attempt(self._reserve(sitting, proposal, rules, states, at))
        session = proposal.session
        rooms = rooms_of(sitting.tx, self.program, rules, world, states, session, self._clock)
        change = sitting.head.change
        return Attempt(outcome=outcome, states=states, rooms=rooms, change=change)

    def _evaluate_with_history(
        self, sitting: Sitting, proposal: Proposal, rules: ToolRules, at: int
    ) -> tuple[Outcome | None, States, list[FactKey]]:
        """The outcome and states with the history read; or the facts that resolvers know."""
        world, session = proposal.world, proposal.session
        past = self._memory.foreseen(world)
        for _ in range(MAX_ROUNDS):
            if not past:
                outcome, states, lacking = self._evaluator.evaluate(rules, world)
                past = self._of_history(lacking)
            if not past:
                break
            values = sitting.history(past, session, at)
            if self._evaluator.both:
                for key, value in zip(past, values, strict=True):
                    self._compare_history(sitting, key, value, session, at)
            add_facts(world, zip(past, values, strict=True))
            past = []
        else:
            raise Refused((fault("the history nests too deep"),))
        if outcome == "allow":
            return outcome, states, []
        missing = [(name, keys) for name, keys in lacking if name in self._resolvers]
        return outcome, states, missing

    def _of_history(self, lacking: Iterable[FactKey]) -> list[FactKey]:
        return [key for key in lacking if key[0] in self.program.history]

    def _compare_history(
        self, sitting: Sitting, key: FactKey, value: Value, session: str | None, at: int
    ) -> None:
        if value is not UNKNOWN and sitting.by_definition(key, session, at) != value:
            log.critical("the store and the history differ on %s", key[0])
            raise EnginesDifferError(f"the store's sum differs from the history: {key[0]}")

    def _again(self, sitting: Sitting, proposal: Proposal) -> Verdict | None:
        """The verdict on a call whose id was seen before, if that settles it."""
        action = proposal.action
        if action.id is None:
            return None
        earlier = sitting.tx.call_by_id(proposal.principal, proposal.session or "", action.id)
        if earlier is None or earlier.state == "cancelled":
            return None
        same = (earlier.tool, earlier.digest) == (proposal.tool.qualified, proposal.digest)
        if not same:
            text = f"the call id {brief(action.id)} was used for another call"
            raise Refused((fault(text),))
        if earlier.state != "reserved":
            raise Refused((fault(f"the call {brief(action.id)} has been made already"),))
        record = record_of(earlier)
        if (earlier.policy, earlier.catalog) != (self.program.digest, self.program.catalog.digest):
            for call in (earlier, *sitting.parts(record)):
                sitting.change(call, "cancelled", None)  # allowed by a policy that is none any more
            return None
        verdict = self._allowed(proposal, record.by, earlier)
        parts = [self._memory.ticket(call, proposal.tenant) for call in sitting.parts(record)]
        return replace(verdict, parts=tuple(parts))

    def _approved(
        self, sitting: Sitting, proposal: Proposal, rules: ToolRules, states: States, at: int
    ) -> Verdict | None:
        """The allow of a call that people have agreed to; a refusal if somebody rejected it."""
        standing = self._approvals.standing(sitting, proposal)
        if standing is None:
            return None
        if standing.state == "rejected":
            text = "somebody was asked, and rejected this call"
            raise Refused((Violation("approval", text, text),))
        asking = [
            rule.name
            for rule, state in zip(rules.rules, states, strict=True)
            if rule.kind == "escalate" and state == "applies"
        ]
        if not self._approvals.covers(standing, asking):
            return None
        verdict = self._reserve(sitting, proposal, rules, states, at)
        assert verdict.ticket is not None
        self._approvals.use(sitting, standing, verdict.ticket.call_id)
        return verdict

    def _reserve(
        self,
        sitting: Sitting,
        proposal: Proposal,
        rules: ToolRules,
        states: States,
        at: int,
        observed: Verdict | None = None,
    ) -> Verdict:
        """Write down that a call is allowed; from here on it counts. `observed`: what would have
        been said of it, had it been enforced."""
        by = applied(rules, states)
        if self._memory.is_light(proposal.tool.qualified, proposal.action.id):
            action, world = proposal.action, proposal.world
            promise = self._memory.promise(action, proposal.tool, world, proposal.tenant)
            allow = self._allow(action, world, rules, states, promise)
            return allow if observed is None else replace(allow, observed=observed)
        text = self._memory.writer.call(proposal)
        call = self._memory.new_call(proposal, text, sitting.head, at, sitting.now, by)
        sitting.put(call, proposal, by)
        verdict = self._allowed(proposal, by, call)
        told = verdict if observed is None else observed
        self._note(sitting, told, proposal, text, rules, states)
        return verdict if observed is None else replace(verdict, observed=observed)

    # --- what is not allowed

    def _conclude(self, proposal: Proposal, rules: ToolRules, refusal: Refusal) -> Verdict:
        """The verdict on a call that is not allowed: written down, and somebody asked."""
        verdict = self._verdict(proposal.action, proposal.world.tool, refusal)
        observe = self._may_observe(verdict)
        if not observe and refusal.outcome == "deny" and self._memory.recorder is None:
            return verdict
        with self._memory.sit(proposal.tenant) as sitting:
            sitting.require_active()
            if observe:
                again = self._again(sitting, proposal)
                if again is not None:
                    return replace(again, observed=verdict)
                at = sitting.instant(proposal.world.now)
                return self._reserve(sitting, proposal, rules, refusal.states, at, verdict)
            asked: StoredApproval | None = None
            if refusal.outcome == "escalate":
                asked = self._asked(sitting, proposal, rules, refusal)
                verdict = replace(verdict, approval=asked.id)
            text = self._memory.writer.call(proposal)
            self._note(sitting, verdict, proposal, text, rules, refusal.states)
        if asked is not None and asked.asked == sitting.now and self._on_asked is not None:
            self._on_asked(read(asked, sitting.now, sitting.tx.tenant))
        return verdict

    def _asked(
        self,
        sitting: Sitting,
        proposal: Proposal,
        rules: ToolRules,
        refusal: Refusal,
    ) -> StoredApproval:
        told = {v.rule: v.message for v in refusal.violations}
        asking = [
            (rule, told.get(rule.name, ""))
            for rule, state in zip(rules.rules, refusal.states, strict=True)
            if rule.kind == "escalate" and state == "applies"
        ]
        call = call_json(proposal.world, self.program)
        stored = self._approvals.ask(sitting, proposal, call, asking)
        if stored is None:
            text = "too many approvals of this session wait for an answer already"
            raise Refused((Violation("approval", text, text),))
        return stored


def add_facts(world: World, found: Any) -> None:
    """Put looked-up values into a world, as new mappings: others may still read the old ones."""
    facts = {name: dict(entries) for name, entries in world.facts.items()}
    for (name, keys), value in found:
        facts.setdefault(name, {})[keys] = value
    world.facts = facts


def forget_history(world: World, program: Program) -> None:
    """Drop what was read of earlier calls: it may have changed."""
    if program.history:
        world.facts = {
            name: entries for name, entries in world.facts.items() if name not in program.history
        }
