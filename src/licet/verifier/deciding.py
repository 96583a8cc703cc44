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

import logging
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from licet.compiler.catalog import Tool
from licet.compiler.clock import Clock
from licet.compiler.encoding import EncodingError, States, UnsupportedText
from licet.compiler.intake import BadValue
from licet.compiler.ir import ToolRules
from licet.compiler.program import Program
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN, World

from .action import Action
from .admission import Admission, Refused, brief, holds_rare_text
from .answering import Observing, fault
from .approvals import Approval, Approvals
from .budgets import Rooms
from .evaluating import Engine, Evaluated, Evaluator, FactKey
from .facts import Resolvers, Wanted
from .history import StoreError, UnkeepableError
from .lanes import Together
from .proposing import Promise, Proposal
from .refusing import Refusal, Refuser
from .remembering import Memory
from .reserving import MAX_ROUNDS, Attempt, Part, Proved, Reserving, add_facts
from .solving import SolverPool
from .verdict import Outcome, Verdict, Violation

log = logging.getLogger("licet")


#: How often a call may be proved anew because others were decided meanwhile.
MAX_PROOFS = 3


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


@dataclass(frozen=True, slots=True)
class Shared:
    """A part of a transaction of the store, which others of the tenant may have parts in; send back
    what it comes to. `together` does some, each for itself."""

    tenant: str
    part: Part
    together: Together[Part, Attempt]

    def alone(self) -> Attempt:
        [answer] = self.together(self.tenant, [self.part])
        if isinstance(answer, Exception):
            raise answer
        return answer


Effect = Lookup | Slow | Shared
Check = Generator[Effect, Any, Verdict]


class Beside(Protocol):
    """Is told of calls that were decided, with all that was read. It is called where calls are
    decided: it takes no time, and changes nothing that it is given."""

    def wants(self, tenant: str) -> bool:
        """Whether to be told of a tenant's calls."""

    def decided(
        self, tenant: str, program: Program, action: Action, world: World | None, verdict: Verdict
    ) -> None:
        """`world` is None where the call was refused before there was one."""


class Decider(Reserving):
    """Decides calls on one program. Safe to share between threads."""

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
        super().__init__(
            program,
            clock,
            Evaluator(program, clock, engine),
            resolvers,
            memory,
            approvals,
            observing,
            asked,
        )
        self._admission = admission
        self._seconds = seconds
        self._solvers = solvers
        self._refuser = Refuser(program, clock)
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
        tool: Tool | None = None
        try:
            tool = self._admission.tool(action.tool, action.args)
            world = self._admission.world(tool, action)
            seen.append(world)
            if action.history is not None and not tool.dispatch:
                return (yield from self._decide(action, world, tenant))
            if self._is_light(tool, action):
                self._memory.require_active(tenant)
                promise = self._memory.promise(action, tool, world, tenant)
                rules = self.program.rules[world.tool]
                first = self._evaluator.evaluate(rules, world)
                if first[0] == "allow":  # most are: nothing has to be waited for
                    return self._allow(action, world, rules, first[1], promise)
                return (yield from self._decide(action, world, tenant, promise, first=first))
            proposal = Proposal.of(self._memory.writer, action, tool, world, tenant, commit=commit)
            return (yield from self._decide_with_memory(proposal))
        except Refused as refused:
            return (yield from self._noted(action, tool, tenant, refused.violations))
        except UnsupportedText as text:
            if holds_rare_text(action.args):
                violation = Violation("bad_argument", str(text), str(text))
            else:
                violation = fault("a text of the host's is not decidable")
            return (yield from self._noted(action, tool, tenant, (violation,)))
        except EncodingError as limit:
            return (yield from self._noted(action, tool, tenant, (fault(str(limit)),)))
        except UnkeepableError as error:
            told = fault(f"the store cannot keep this call: {error}")
            return (yield from self._noted(action, tool, tenant, (told,)))
        except StoreError as error:
            log.error("the store failed; the call is refused: %s", error)
            return self._store_failed(action, _name_of(tool, action), error)
        except Exception:
            log.exception("a check failed; the call is refused")
            return self._refused(
                action, _name_of(tool, action), (fault("the check itself failed"),)
            )

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
        outcome, states, _ = self._evaluator.evaluate(rules, world)
        asking = {
            rule.name
            for rule, state in zip(rules.rules, states, strict=True)
            if rule.kind == "escalate" and state == "applies"
        }
        if outcome == "escalate" and asking <= approved:
            return self._allow(action, world, rules, states, None)
        return (yield from self._decide(action, world, tenant, looks_up=False))

    def _is_light(self, tool: Tool, action: Action) -> bool:
        """Whether nobody will ask for the call again, and no rule of the tool reads earlier calls
        or may ask somebody."""
        name = tool.qualified
        return (
            self._memory.is_light(name, action.id)
            and not self.program.rules[name].escalations
            and not self._memory.reads_history(name)
        )

    # --- a call by itself

    def _decide(
        self,
        action: Action,
        world: World,
        tenant: str,
        promise: Promise | None = None,
        *,
        looks_up: bool = True,
        first: Evaluated | None = None,
    ) -> Check:
        """Without a store; a ticket only where one is promised. `first`: what the rules come to in
        the world as it is, if that is known."""
        rules = self.program.rules[world.tool]
        for _ in range(MAX_ROUNDS):
            outcome, states, lacking = first or self._evaluator.evaluate(rules, world)
            first = None
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
            with self._evaluator.engines.lent() as engine:
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
        proved: Proved | None = None
        proofs = 0
        for _ in range(MAX_ROUNDS + MAX_PROOFS):
            part = partial(self._attempt, proposal, rules, given, proved)
            attempt = yield from self._attempted(proposal.tenant, part)
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
            proved = Proved(attempt.change, world.now, refusal.states, world.facts)
        text = "other calls were decided in between, again and again: try again"
        return self._refused(action, world.tool, (fault(text),))

    def _attempted(self, tenant: str, part: Part) -> Generator[Effect, Any, Attempt]:
        """What a part of a transaction comes to, beside an event loop if it may have to wait."""
        if self._memory.blocking:
            answer: Attempt = yield Shared(tenant, part, self._together)
            return answer
        [answer] = self._sitting(tenant, (part,))
        return answer

    def _in_store(self, work: Callable[[], Any]) -> Any:
        """Work on the store, beside an event loop if it may have to wait."""
        if self._memory.blocking:
            return (yield Slow(work))
        return work()

    def _noted(
        self, action: Action, tool: Tool | None, tenant: str, violations: tuple[Violation, ...]
    ) -> Check:
        """A refusal before there was anything to decide, written down where there is an audit."""
        verdict = self._refused(action, _name_of(tool, action), violations)
        if self._memory.recorder is None:
            return verdict

        def note() -> None:
            with self._memory.sit(tenant) as sitting:
                self._note_early(sitting, verdict)

        try:
            yield from self._in_store(note)
        except StoreError as error:
            log.error("a refusal could not be written down: %s", error)
        return verdict


def _name_of(tool: Tool | None, action: Action) -> str:
    """The tool's name; of one that there is not, what the call named."""
    return brief(action.tool) if tool is None else tool.qualified
