"""One proposed call to one verdict.

A check is a generator: it yields what has to be waited for (`Lookup`: facts from resolvers;
`Slow`: work of milliseconds) and is sent the answers, so that the synchronous and the
asynchronous guard run the very same decision. Whatever goes wrong inside becomes a refusal of
kind `fault`.

A call that nobody will ask for again is decided by itself. Every other is decided inside one
transaction of the store: the history is read, the decision made and what it allows is reserved in
one atomic step. What has to be looked up or proved is worked out outside of it, and then the step
is taken anew.
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib.metadata import version
from typing import Any, Literal, Protocol

from licet.compiler.catalog import Tool
from licet.compiler.clock import Clock
from licet.compiler.encoding import EncodingError, States, UnsupportedText
from licet.compiler.evaluation import UnknownRead, judge, judge_rule
from licet.compiler.intake import BadValue
from licet.compiler.ir import ToolRules
from licet.compiler.program import Program
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN, World

from .action import Action, ActionError
from .admission import HOSTS_OWN, NOT_YOURS, Admission, Refused, brief, holds_rare_text, path_text
from .approvals import Approval, Approvals, read
from .budgets import Rooms, rooms_of
from .calls import call_json
from .engines import Engines
from .facts import Resolvers, Wanted
from .history import StoredApproval, StoredCall, StoreError
from .proposing import Promise, Proposal
from .refusing import Refusal, Refuser
from .remembering import Memory, Sitting
from .solving import SolverPool
from .verdict import Outcome, Verdict, Violation

log = logging.getLogger("licet")

Engine = Literal["z3", "both"]
ONE_PERMIT: States = ("applies",)
OTHERS_NOT: States = ("not",)
FactKey = tuple[str, tuple[Value, ...]]

#: Rounds of facts that depend on facts; a policy needs as many as its look-ups nest.
MAX_ROUNDS = 16
#: How often a call may be proved anew because others were decided meanwhile.
MAX_PROOFS = 3

#: Refusals that hold in observe mode too: what does not exist cannot be let through.
ALWAYS_REFUSED = frozenset(("unknown_tool", "bad_argument", "fault"))

#: What observe mode asks: whether it is on.
Observing = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Facts that resolvers should answer; send back a mapping from each to its raw value."""

    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Slow:
    """Work that should not block an event loop; send back what it returns. `solves`: it asks a
    solver, which may take long; else it is for the store."""

    work: Callable[[], Any]
    solves: bool = False


Check = Generator[Lookup | Slow, Any, Verdict]


class Beside(Protocol):
    """Is told of calls that were decided, with all that was read. It is called where calls are
    decided: it takes no time, and changes nothing that it is given."""

    def wants(self, tenant: str) -> bool:
        """Whether to be told of a tenant's calls."""

    def decided(
        self, tenant: str, program: Program, action: Action, world: World | None, verdict: Verdict
    ) -> None:
        """`world` is None where the call was refused before there was one."""


@dataclass(slots=True)
class _Attempt:
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


@dataclass(frozen=True, slots=True)
class _Proved:
    """That a call is allowed, shown by the solver: good while nothing has changed."""

    change: int
    at: int
    states: States


class Decider:
    """Decides calls on one program. Safe to share between threads: encoders are pooled by tool."""

    def __init__(
        self,
        program: Program,
        clock: Clock,
        admission: Admission,
        resolvers: Resolvers,
        solvers: SolverPool,
        memory: Memory,
        approvals: Approvals,
        *,
        engine: Engine,
        seconds: float,
        observing: Observing,
        asked: Callable[[Approval], None] | None,
    ) -> None:
        self.program = program
        self._clock = clock
        self._admission = admission
        self._resolvers = resolvers
        self._memory = memory
        self._approvals = approvals
        self._engine = engine
        self._seconds = seconds
        self._observing = observing
        self._on_asked = asked
        self._solvers = solvers
        self._refuser = Refuser(program, clock)
        self._engines = Engines(program)
        self._process, self._prefix = os.getpid(), secrets.token_hex(6)
        self._numbers = itertools.count(1)
        #: Something that decides the same calls beside this, if there is any.
        self.beside: Beside | None = None

    def check(self, action: Action, tenant: str, *, commit: bool) -> Check:
        """Decide one call. Never raises for anything that a call can hold.

        `commit`: nobody will say how the call ended, so that it counts once it is allowed.
        """
        if self.beside is None or not self.beside.wants(tenant):
            return self._check(action, tenant, commit, [])
        return self._check_beside(action, tenant, commit)

    def _check_beside(self, action: Action, tenant: str, commit: bool) -> Check:
        seen: list[World] = []
        verdict = yield from self._check(action, tenant, commit, seen)
        self._tell_beside(tenant, action, seen[0] if seen else None, verdict)
        return verdict

    def _tell_beside(
        self, tenant: str, action: Action, world: World | None, verdict: Verdict
    ) -> None:
        if self.beside is None:
            return
        try:
            self.beside.decided(tenant, self.program, action, world, verdict)
        except Exception:
            log.exception("what decides beside was not told")

    def _check(self, action: Action, tenant: str, commit: bool, seen: list[World]) -> Check:
        """`check`; `seen` gets the world that it was decided in, if it got so far."""
        tool_name = brief(action.tool)
        try:
            tool = self._admission.tool(action.tool, action.args)
            tool_name = tool.qualified
            world = self._admission.world(tool, action)
            seen.append(world)
            if action.history is not None and not tool.dispatch:
                return (yield from self._decide(action, world, tenant))
            if self._is_light(tool, action):
                self._memory.require_active(tenant)
                promise = self._memory.promise(action, tool, world, tenant)
                return (yield from self._decide(action, world, tenant, promise))
            proposal = Proposal.of(action, tool, world, tenant, commit=commit)
            return (yield from self._decide_with_memory(proposal))
        except Refused as refused:
            return (yield from self._noted(action, tool_name, tenant, refused.violations))
        except UnsupportedText as text:
            if holds_rare_text(action.args):
                violation = Violation("bad_argument", str(text), str(text))
            else:
                violation = fault("a text of the host's is not decidable")
            return (yield from self._noted(action, tool_name, tenant, (violation,)))
        except EncodingError as limit:
            return (yield from self._noted(action, tool_name, tenant, (fault(str(limit)),)))
        except StoreError as error:
            log.error("the store failed; the call is refused: %s", error)
            return self._store_failed(action, tool_name, error)
        except Exception:
            log.exception("a check failed; the call is refused")
            return self._refused(action, tool_name, (fault("the check itself failed"),))

    def recheck(self, action: Action, approved: frozenset[str], tenant: str) -> Check:
        """The verdict on a call with the history that it brings, and with what was approved then.

        No store and no resolver is asked, nothing is reserved or written down: for deciding a
        record again.
        """
        try:
            tool = self._admission.tool(action.tool, action.args)
            world = self._admission.world(tool, action)
        except Refused as refused:
            return self._refused(action, brief(action.tool), refused.violations)
        rules = self.program.rules[world.tool]
        outcome, states, _ = self._evaluate(rules, world)
        asking = {
            rule.name
            for rule, state in zip(rules.rules, states, strict=True)
            if rule.kind == "escalate" and state == "applies"
        }
        if outcome == "escalate" and asking <= approved:
            return self._allow(action, world, rules, states, None)
        return (yield from self._decide(action, world, tenant, looks_up=False))

    def malformed(self, error: ActionError) -> Verdict:
        """The refusal of something that is not even a call."""
        path = path_text(error.path) or None
        if error.path and error.path[0] in HOSTS_OWN:
            violation = Violation("fault", error.message, NOT_YOURS, path=path)
        else:
            violation = Violation("bad_argument", error.message, error.message, path=path)
        return self._verdict(None, "", Refusal.of("the call", (violation,)))

    def _is_light(self, tool: Tool, action: Action) -> bool:
        """Whether nobody will ask for the call again, and no rule of the tool reads earlier calls
        or may ask somebody."""
        name = tool.qualified
        return (
            self._memory.is_light(name, action.id)
            and not self.program.rules[name].escalations
            and not self._memory.reads_history(name)
        )

    def _store_failed(self, action: Action, tool: str, error: StoreError) -> Verdict:
        told = f"the store of what was decided before cannot be used: {error}"
        return self._refused(action, tool, (Violation("fault", told, "the check itself failed"),))

    # --- a call by itself

    def _decide(
        self,
        action: Action,
        world: World,
        tenant: str,
        promise: Promise | None = None,
        *,
        looks_up: bool = True,
    ) -> Check:
        """Without a store; a ticket only where one is promised."""
        rules = self.program.rules[world.tool]
        for _ in range(MAX_ROUNDS):
            outcome, states, lacking = self._evaluate(rules, world)
            if outcome == "allow":
                return self._allow(action, world, rules, states, promise)
            # Also where the refusal is certain: the other rules and the way out need facts.
            missing = [(name, keys) for name, keys in lacking if name in self._resolvers]
            if not (missing and looks_up):
                break
            yield from self._look_up(world, missing)
        else:
            return self._refused(action, world.tool, (fault("facts nest too deep"),))
        refusal: Refusal = yield self._explaining(rules, world, tenant, outcome, states)
        if refusal.outcome == "allow":
            return self._allow(action, world, rules, refusal.states, promise)
        verdict = self._verdict(action, world.tool, refusal)
        if promise is not None and self._may_observe(verdict):
            return replace(self._allow(action, world, rules, (), promise), observed=verdict)
        return verdict

    def _evaluate(
        self, rules: ToolRules, world: World
    ) -> tuple[Outcome | None, States, tuple[FactKey, ...]]:
        """The outcome, each rule's state, and the facts that rules read and the world lacks."""
        with (
            self._engines.lent() as engine,
            engine.encoder(rules).deciding(world) as decided,
        ):
            outcome = decided.outcome
            if outcome == "allow" and self._engine == "z3":
                # A permit applies and no other rule does: no need to ask rule by rule.
                permits = len(rules.permits)
                states = ONE_PERMIT if permits == 1 else decided.states(permits)
                states += OTHERS_NOT * (len(rules.rules) - permits)
                lacking: tuple[FactKey, ...] = ()
            else:
                states = decided.states()
                lacking = () if outcome == "allow" else decided.lacking()
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
        found: list[tuple[FactKey, Value]] = []
        for (name, keys), want in zip(missing, wanted, strict=True):
            try:
                value = self._admission.fact(name, keys, answers.get(want, UNKNOWN))
            except BadValue as bad:
                raise Refused(self._admission.faults(bad)) from None
            found.append(((name, keys), value))
        add_facts(world, found)

    def _explaining(
        self,
        rules: ToolRules,
        world: World,
        tenant: str,
        outcome: Outcome | None,
        states: States,
        rooms: Rooms | None = None,
    ) -> Slow:
        deadline = time.monotonic() + self._seconds
        solvers = self._solvers.of(tenant)

        def work() -> Refusal:
            with self._engines.lent() as engine:
                return self._refuser.explain(
                    engine.encoder(rules),
                    rules,
                    world,
                    outcome,
                    states,
                    solvers,
                    rooms or {},
                    deadline,
                )

        return Slow(work, solves=True)

    # --- a call that is remembered

    def _decide_with_memory(self, proposal: Proposal) -> Check:
        action, world = proposal.action, proposal.world
        # Where the host gives no instant, it is the store's, not this machine's.
        given = None if action.now is None else world.now
        rules = self.program.rules[world.tool]
        proved: _Proved | None = None
        proofs = 0
        for _ in range(MAX_ROUNDS + MAX_PROOFS):
            attempt: _Attempt = yield from self._in_store(
                partial(self._attempt, proposal, rules, given, proved)
            )
            if attempt.verdict is not None:
                return attempt.verdict
            if attempt.behind:
                continue
            if attempt.missing:
                yield from self._look_up(world, attempt.missing)
                continue
            refusal: Refusal = yield self._explaining(
                rules,
                world,
                proposal.tenant,
                attempt.outcome,
                attempt.states,
                attempt.rooms,
            )
            if refusal.outcome != "allow":
                conclude = partial(self._conclude, proposal, rules, refusal)
                verdict: Verdict = yield from self._in_store(conclude)
                return verdict
            if proofs == MAX_PROOFS or not isinstance(world.now, int):
                break
            proofs += 1
            proved = _Proved(attempt.change, world.now, refusal.states)
        text = "other calls were decided in between, again and again: try again"
        return self._refused(action, world.tool, (fault(text),))

    def _in_store(self, work: Callable[[], Any]) -> Any:
        """Work on the store, beside an event loop if it may have to wait."""
        if self._memory.blocking:
            return (yield Slow(work))
        return work()

    def _attempt(
        self, proposal: Proposal, rules: ToolRules, given: object, proved: _Proved | None
    ) -> _Attempt:
        """One transaction: everything that it reads holds when it commits."""
        with self._memory.sit(proposal.tenant) as sitting:
            if sitting.is_behind:
                return _Attempt(behind=True)  # what was counted so far stays counted
            sitting.require_active()
            return self._attempt_in(sitting, proposal, rules, given, proved)

    def _attempt_in(
        self,
        sitting: Sitting,
        proposal: Proposal,
        rules: ToolRules,
        given: object,
        proved: _Proved | None,
    ) -> _Attempt:
        world = proposal.world
        at = sitting.instant(given)
        again = self._again(sitting, proposal)
        if again is not None:
            return _Attempt(again)
        outcome: Outcome | None = "allow"
        if proved is not None and proved.change == sitting.head.change:
            world.now, states = proved.at, proved.states
        else:
            world.now = UNKNOWN if given is UNKNOWN else at
            forget_history(world, self.program)
            outcome, states, missing = self._evaluate_with_history(sitting, proposal, rules, at)
            if missing:
                return _Attempt(missing=missing)
        if outcome == "escalate":
            verdict = self._approved(sitting, proposal, rules, states, at)
            if verdict is not None:
                return _Attempt(verdict)
        if outcome == "allow":
            return _Attempt(self._reserve(sitting, proposal, rules, states, at))
        session = proposal.session
        rooms = rooms_of(sitting.tx, self.program, rules, world, states, session, self._clock)
        change = sitting.head.change
        return _Attempt(outcome=outcome, states=states, rooms=rooms, change=change)

    def _evaluate_with_history(
        self, sitting: Sitting, proposal: Proposal, rules: ToolRules, at: int
    ) -> tuple[Outcome | None, States, list[FactKey]]:
        """The outcome and states with the history read; or the facts that resolvers know."""
        world, session = proposal.world, proposal.session
        past = self._memory.foreseen(world)
        for _ in range(MAX_ROUNDS):
            if not past:
                outcome, states, lacking = self._evaluate(rules, world)
                past = self._of_history(lacking)
            if not past:
                break
            values = sitting.history(past, session, at)
            if self._engine == "both":
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
        if (earlier.policy, earlier.catalog) != (self.program.digest, self.program.catalog.digest):
            for call in (earlier, *sitting.parts(earlier)):
                sitting.change(call, "cancelled", None)  # allowed by a policy that is none any more
            return None
        verdict = self._allowed(proposal, self._memory.rules_of(earlier), earlier)
        parts = [self._memory.ticket(call, proposal.tenant) for call in sitting.parts(earlier)]
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
        call = self._memory.new_call(proposal, sitting.head, at, sitting.now, by)
        sitting.put(call, proposal, by)
        verdict = self._allowed(proposal, by, call)
        self._note(sitting, verdict if observed is None else observed, proposal, rules, states)
        return verdict if observed is None else replace(verdict, observed=observed)

    def _allowed(self, proposal: Proposal, by: tuple[str, ...], call: StoredCall) -> Verdict:
        return Verdict(
            id=self._id(),
            outcome="allow",
            tool=proposal.tool.qualified,
            policy_digest=self.program.digest,
            catalog_digest=self.program.catalog.digest,
            call_id=proposal.action.id,
            rules=by,
            promise=partial(self._memory.ticket, call, proposal.tenant),
        )

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
            self._note(sitting, verdict, proposal, rules, refusal.states)
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

    def _note(
        self,
        sitting: Sitting,
        verdict: Verdict,
        proposal: Proposal,
        rules: ToolRules,
        states: States,
    ) -> None:
        """The audit's entry of a verdict."""
        if self._memory.recorder is None:
            return
        call = call_json(proposal.world, self.program)
        told: dict[str, str | None] = {}
        for rule, state in zip(rules.rules, states or (None,) * len(rules.rules), strict=True):
            told[rule.name if rule.name not in told else f"{rule.name} ({rule.kind})"] = state
        agreed = [r.name for r in rules.escalations if verdict.allowed and r.name in verdict.rules]
        if agreed:
            call["approved"] = agreed
        sitting.note(
            "verdict",
            {
                "verdict": verdict.for_operator(),
                "call": call,
                "evidence": {
                    "engine": engine_version(),
                    "by": "proof" if None in told.values() else "evaluation",
                    "states": told,
                },
                "digest": proposal.digest,
                "mode": self._mode(),
            },
        )

    def _mode(self) -> str:
        return "observe" if self._observing() else "enforce"

    def _noted(
        self, action: Action, tool: str, tenant: str, violations: tuple[Violation, ...]
    ) -> Check:
        """A refusal before there was anything to decide, written down where there is an audit."""
        verdict = self._refused(action, tool, violations)
        if self._memory.recorder is None:
            return verdict

        def note() -> None:
            with self._memory.sit(tenant) as sitting:
                sitting.note(
                    "verdict",
                    {
                        "verdict": verdict.for_operator(),
                        "call": None,
                        "evidence": {"engine": engine_version(), "by": "admission", "states": {}},
                        "digest": "",
                        "mode": self._mode(),
                    },
                )

        try:
            yield from self._in_store(note)
        except StoreError as error:
            log.error("a refusal could not be written down: %s", error)
        return verdict

    # --- verdicts

    def _may_observe(self, verdict: Verdict) -> bool:
        return self._observing() and verdict.kind not in ALWAYS_REFUSED

    def _allow(
        self,
        action: Action,
        world: World,
        rules: ToolRules,
        states: States,
        promise: Promise | None,
    ) -> Verdict:
        return Verdict(
            id=self._id(),
            outcome="allow",
            tool=world.tool,
            policy_digest=self.program.digest,
            catalog_digest=self.program.catalog.digest,
            call_id=action.id,
            rules=applied(rules, states),
            promise=promise,
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
            budgets=refusal.budgets,
        )

    def _refused(self, action: Action, tool: str, violations: tuple[Violation, ...]) -> Verdict:
        short = self.program.catalog.short_name(tool)
        return self._verdict(action, tool, Refusal.of(short or tool, violations))

    def _id(self) -> str:
        if self._process != os.getpid():  # forked: the children's verdicts are their own
            self._process, self._prefix = os.getpid(), secrets.token_hex(6)
        return f"{self._prefix}-{next(self._numbers)}"


def fault(text: str) -> Violation:
    return Violation("fault", text, text)


def applied(rules: ToolRules, states: States) -> tuple[str, ...]:
    """The permits and escalations that applied."""
    found = [
        rule.name
        for rule, state in zip(rules.rules, states, strict=False)
        if state == "applies" and rule.kind != "forbid"
    ]
    return tuple(dict.fromkeys(found))


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


@cache
def engine_version() -> str:
    return f"z3 {version('z3-solver')}"


class EnginesDifferError(Exception):
    """Our own bug: the two meanings of a policy have come apart. The call is refused."""
