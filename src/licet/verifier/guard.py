"""The one object that an application holds: proposed calls in, verdicts out."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self, TypeVar, overload

from licet.compiler.clock import clock
from licet.compiler.names import nearest
from licet.compiler.program import Program

from .action import Action, ActionError
from .admission import Admission
from .approvals import Announce, Approvals
from .audit import Recorder, Redaction
from .deciding import Beside, Check
from .driving import Driver, Waits
from .evaluating import Engine
from .facts import Resolver, Resolvers
from .guard_approvals import GuardApprovals, Notify
from .guard_options import GuardOptions
from .history import Store, Transaction
from .history.memory import MemoryStore
from .observing import Observation
from .redeeming import Ended, Ending, Redeemed, Redeemer, RedeemError
from .remembering import Memory
from .running import Running
from .series import SeriesDecider
from .sessions import GuardSession
from .solving import SolverPool
from .tickets import KEY_BYTES, Keys, Ticket, TicketError
from .verdict import Verdict

log = logging.getLogger("licet")

F = TypeVar("F", bound=Callable[..., object])


class UnsetParamsError(ValueError):
    """A guard decides with concrete limits; `names` are the params that have no value yet."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"these params have neither a value nor a default: {', '.join(names)}")
        self.names = names


class Guard(GuardApprovals):
    """Decides calls on one program. Safe to share between threads and asyncio tasks.

    `engine="both"` runs the reference evaluator beside Z3 on every call, and the history beside
    its sums, and refuses, loudly, when they differ. `seconds` bounds the solver's search for one
    refusal or unsettled call, including its explanation; `resolver_seconds` bounds each look-up
    of a fact.

    `store` is where the guard remembers (None: in this process, for as long as it lives), `key`
    signs its tickets (None: one that the store keeps), `tenant` is whose calls these are unless a
    call says otherwise. A ticket is good for `ticket_seconds`, an approval for `approval_seconds`;
    a session may have `most_pending` approvals open. `notify` is told of each that waits or was
    answered, after that is written down; what it raises is logged (`licet.adapters.webhooks`).
    `announce` is called in the transaction that writes it down, and what it raises calls that off.

    With `audit`, everything is written down in the store (None: where it is durable); `redact`
    names fields that are not to be told there (`args.body`, `principal.email`): docs/audit.md.

    `observe_until`: until then refusals are recorded and let through (`Verdict.observed`), except
    unknown tools, malformed calls and faults. After it, they are refused.

    Where a call has a `now`, it may lie in the future, as in a rehearsal: what the tenant asks
    later is refused until then. Without `ahead`, such a call is itself refused.

    With `activate`, the guard's policy becomes the active one of its tenant; guards with another
    refuse from then on. Without, this guard refuses while another is active.
    """

    def __init__(
        self,
        program: Program,
        *,
        engine: Engine = "z3",
        seconds: float = 2.0,
        resolver_seconds: float = 2.0,
        store: Store | None = None,
        key: bytes | None = None,
        tenant: str = "default",
        ticket_seconds: float = 300.0,
        approval_seconds: float = 86_400.0,
        most_pending: int = 20,
        observe_until: datetime | None = None,
        activate: bool = True,
        notify: Notify | None = None,
        announce: Announce | None = None,
        audit: bool | None = None,
        redact: Sequence[str] = (),
        ahead: bool = True,
    ) -> None:
        if program.unset_params:
            raise UnsetParamsError(tuple(program.unset_params))
        if engine not in ("z3", "both"):
            raise ValueError(f'engine is "z3" or "both", not {engine!r}')
        self.program = program
        self._options: GuardOptions = {
            "engine": engine,
            "seconds": seconds,
            "resolver_seconds": resolver_seconds,
            "key": key,
            "tenant": tenant,
            "ticket_seconds": ticket_seconds,
            "approval_seconds": approval_seconds,
            "most_pending": most_pending,
            "notify": notify,
            "announce": announce,
            "audit": audit,
            "redact": redact,
            "ahead": ahead,
        }
        self._resolver_seconds = resolver_seconds
        self._resolvers = Resolvers()
        self._solvers = SolverPool()
        if seconds > 0:  # else nothing is asked
            self._solvers.warm()
        self._driver = Driver(self._resolvers)
        self._observation = Observation(observe_until)
        self.observe_until = observe_until
        self.tenant = tenant
        self.store = MemoryStore() if store is None else store
        zone = clock(program.zone)
        admission = Admission(program, zone)
        keys = keys_of(self.store, key)
        self._recorder = Recorder(redaction_of(keys, redact))
        writes = self.store.durable if audit is None else audit
        self._memory = Memory(
            program,
            admission,
            zone,
            self.store,
            keys,
            ticket_seconds=ticket_seconds,
            recorder=self._recorder if writes else None,
            # what is compared with its definition has to be there
            forgetting=engine != "both",
            ahead=ahead,
        )
        self._approvals = Approvals(
            program,
            admission,
            zone,
            seconds=approval_seconds,
            most=most_pending,
            announce=announce,
        )
        self._notify = notify
        self._redeemer = Redeemer(program, admission, self._memory)
        self._decider = SeriesDecider(
            program,
            zone,
            admission,
            self._resolvers,
            self._solvers,
            self._memory,
            self._approvals,
            engine=engine,
            seconds=seconds,
            observing=self._observation.is_on,
            asked=self._tell if notify is not None else None,
        )
        if not activate:
            return
        self.activate()
        if observe_until is not None:
            if self._observation.is_on():
                log.warning(
                    "observing until %s: what the policy refuses is let through",
                    observe_until.isoformat(),
                )
            with self._memory.sit(tenant) as sitting:
                sitting.note("mode", {"mode": "observe", "until": observe_until.isoformat()})

    def sibling(self, program: Program, *, observe_until: datetime | None = None) -> Guard:
        """A guard on another program with the same store and options. It activates nothing, and
        has no resolvers yet."""
        options: GuardOptions = {
            **self._options,
            "activate": False,
            "observe_until": observe_until,
        }
        return Guard(program, store=self.store, **options)

    def activate(
        self,
        *,
        tenant: str | None = None,
        along: Callable[[Transaction], Mapping[str, object]] | None = None,
    ) -> int:
        """Make the guard's policy the active one of a tenant; the number of that activation. What
        was done there before is counted for it first, which takes its time after many calls.

        `along` acts in the transaction that does it, and gives what the audit is told besides; it
        is a new activation then, even of the same policy. What it raises calls all of it off.
        Raises StoreError.
        """
        name = self._named(tenant)
        while True:
            with self.store.begin(name) as tx:
                sitting = self._memory.sitting(tx)
                if not sitting.is_behind:
                    sitting.activate(None if along is None else along(tx))
                    return sitting.head.activation

    def follow(self, tenant: str, activation: int) -> None:
        """Decide calls of a tenant while this is its last activation, and no longer."""
        self._memory.follows[tenant] = activation

    def followed(self, tenant: str) -> int:
        """The activation that it was told to follow; 0: none."""
        return self._memory.follows.get(tenant, 0)

    def when_stale(self, told: Callable[[str], object]) -> None:
        """Let `told` know, by tenant, that calls are refused because something else is active. It
        is called in the middle of a decision: it may take no time."""
        self._memory.on_stale = told

    def decide_beside(self, beside: Beside) -> None:
        """Let something else be told of every call that is decided here (`deciding.Beside`)."""
        self._decider.beside = beside

    def redacted(self, body: Mapping[str, object], tenant: str) -> Mapping[str, object]:
        """What may be told of a decision outside of the audit: the fields that the audit leaves out
        are left out here too."""
        return self._recorder.redacted(body, tenant)

    def observes_until(self) -> float | None:
        """Until when refusals are let through (seconds since 1970); None: they are not, or not any
        more."""
        until = self.observe_until
        return until.timestamp() if until is not None and self._observation.is_on() else None

    # --- facts

    @overload
    def fact(self, resolver: F, /) -> F: ...

    @overload
    def fact(
        self, /, *, name: str | None = None, batch: bool = False, seconds: float | None = None
    ) -> Callable[[F], F]: ...

    def fact(
        self,
        resolver: F | None = None,
        /,
        *,
        name: str | None = None,
        batch: bool = False,
        seconds: float | None = None,
    ) -> F | Callable[[F], F]:
        """Let a function, sync or async, look up a fact: `@guard.fact` on `def reservation(id)`.

        It gets the fact's keys as JSON-able values and answers the fact's value, None for "known
        not to exist". With `batch` it gets a list of key tuples and answers a list in that order.
        What raises, is late or answers out of form is unknown, and never allows.

        Raises ValueError if the policy declares no such fact, or it has a resolver already.
        """

        def register(function: F) -> F:
            fact = name or str(getattr(function, "__name__", ""))
            if fact not in self.program.facts:
                near = nearest(fact, self.program.facts)
                hint = f"; did you mean `{near[0]}`?" if near else ""
                raise ValueError(f"the policy declares no fact `{fact}`{hint}")
            limit = self._resolver_seconds if seconds is None else seconds
            self._resolvers.register(Resolver(fact, function, batch, limit))
            return function

        return register if resolver is None else register(resolver)

    # --- checks

    def check(
        self,
        action: Action | Mapping[str, object],
        *,
        tenant: str | None = None,
        commit: bool = False,
    ) -> Verdict:
        """The verdict on one proposed call. What it allows is reserved, and has a ticket.

        `action` may be a mapping in the form of a call's JSON. Whatever it holds, the answer is a
        verdict: what is malformed is refused. The same call under the same `id` gets the same
        ticket. With `commit` the call counts as made: for a door that never hears of it again.
        """
        run = self._start(action, tenant, commit)
        return run if isinstance(run, Verdict) else self._driver.finish(run)

    async def acheck(
        self,
        action: Action | Mapping[str, object],
        *,
        tenant: str | None = None,
        commit: bool = False,
        waits: Waits | None = None,
    ) -> Verdict:
        """`check`, without blocking the event loop: what may have to wait runs beside it, in the
        tenant's turn. `waits` gets the seconds that each stage took."""
        run = self._start(action, tenant, commit)
        if isinstance(run, Verdict):
            return run
        return await self._driver.afinish(run, self._named(tenant), {} if waits is None else waits)

    def _start(
        self, action: Action | Mapping[str, object], tenant: str | None, commit: bool
    ) -> Check | Verdict:
        read = _read(action)
        if isinstance(read, ActionError):
            return self._decider.malformed(read)
        return self._decider.check(read, self._named(tenant), commit=commit)

    def check_all(
        self,
        actions: Sequence[Action | Mapping[str, object]],
        *,
        tenant: str | None = None,
        commit: bool = False,
    ) -> list[Verdict]:
        """The verdicts on several calls, each as `check` gives it after those before it. Of those
        that are allowed, many share a transaction of the store, which takes less time."""
        read = [_read(action) for action in actions]
        return self._driver.finish(
            self._decider.check_all(read, self._named(tenant), commit=commit)
        )

    async def acheck_all(
        self,
        actions: Sequence[Action | Mapping[str, object]],
        *,
        tenant: str | None = None,
        commit: bool = False,
        waits: Waits | None = None,
    ) -> list[Verdict]:
        """`check_all`, without blocking the event loop. `waits` as in `acheck`, for all of them."""
        whose = self._named(tenant)
        run = self._decider.check_all([_read(a) for a in actions], whose, commit=commit)
        return await self._driver.afinish(run, whose, {} if waits is None else waits)

    def recheck(self, call: Mapping[str, object], approved: Sequence[str] = ()) -> Verdict:
        """The verdict on a recorded call, with the history that it brings and with what had been
        approved: nothing is asked, reserved or written down."""
        try:
            return self._driver.finish(self._supposed(call, approved, self.tenant))
        except ActionError as error:
            return self._decider.malformed(error)

    async def arecheck(
        self,
        call: Mapping[str, object],
        approved: Sequence[str] = (),
        *,
        tenant: str | None = None,
    ) -> Verdict:
        """`recheck`, without blocking the event loop, in a tenant's turn."""
        whose = self._named(tenant)
        try:
            return await self._driver.afinish(self._supposed(call, approved, whose), whose, {})
        except ActionError as error:
            return self._decider.malformed(error)

    def _supposed(self, call: Mapping[str, object], approved: Sequence[str], tenant: str) -> Check:
        action = Action.from_mapping({"history": {}, **call})
        return self._decider.recheck(action, frozenset(approved), tenant)

    # --- running what was allowed

    def redeem(self, ticket: Ticket | str | None, args: Mapping[str, object]) -> Running:
        """Right at the tool: the frozen arguments of the one call that the ticket is for.

        Use it as a context, sync or async: `with guard.redeem(verdict.ticket, args) as call:
        call.result = tool(**call.args)`. Leaving it settles the call: `ok` with the result, or
        `error` where an exception leaves it. Raises RedeemError (the ticket is none, is spent or
        expired, the arguments are others, the policy has changed) and StoreError: the tool must not
        run then.
        """
        return Running(self, self._redeem(ticket, args))

    def _redeem(self, ticket: Ticket | str | None, args: Mapping[str, object]) -> Redeemed:
        if ticket is None:
            raise RedeemError("this verdict allows nothing: it has no ticket")
        return self._redeemer.redeem(ticket, args)

    async def aredeem(self, ticket: Ticket | str | None, args: Mapping[str, object]) -> Running:
        """`redeem`, beside the event loop where the store may have to wait."""
        if self._memory.blocking:
            work = partial(self._redeem, ticket, args)
            return Running(self, await self._driver.in_store(self._whose(ticket), work))
        return self.redeem(ticket, args)

    def settle(self, ticket: Ticket | str, ending: Ending, result: object = None) -> None:
        """How a call ended: `ok` with what the tool answered, `error`, or `cancelled`.

        What was reserved is given back only if the ticket was never redeemed, or if the tool is
        `atomic` and failed. Raises SettleError where that cannot be, or the result is not what the
        tool promises; StoreError where the store failed.
        """
        self._redeemer.settle(ticket, ending, result)

    async def asettle(self, ticket: Ticket | str, ending: Ending, result: object = None) -> None:
        """`settle`, beside the event loop where the store may have to wait."""
        if self._memory.blocking:
            work = partial(self.settle, ticket, ending, result)
            await self._driver.in_store(self._whose(ticket), work)
        else:
            self.settle(ticket, ending, result)

    async def aend(
        self,
        call: Mapping[str, object],
        ending: Ending,
        result: object = None,
        *,
        tenant: str | None = None,
    ) -> Ended:
        """How a call ended that was checked with `commit` under its own `id`, said by the call
        itself: for a door that keeps no tickets. Raises SettleError and StoreError."""
        try:
            action = Action.from_mapping(call)
        except ActionError:
            return "unknown"
        name = self._named(tenant)
        work = partial(self._redeemer.settle_call, action, name, ending, result)
        return await self._driver.in_store(name, work)

    def _whose(self, ticket: Ticket | str | None) -> str:
        """The tenant that a ticket says it is of: in whose name its work waits, and no more."""
        try:
            read = Ticket.read(ticket) if isinstance(ticket, str) else ticket
        except TicketError:
            read = None
        return self.tenant if read is None else read.tenant

    def session(
        self,
        *,
        principal: Mapping[str, object],
        context: Mapping[str, object] | None = None,
        session: Mapping[str, object] | str | None = None,
        tenant: str | None = None,
    ) -> GuardSession[Self]:
        """A view of the guard for one agent at work: who acts is said once."""
        return GuardSession(
            self, dict(principal), dict(context or {}), session, self._named(tenant)
        )

    # --- life

    def close(self) -> None:
        """Stop the solver's processes. What needs one is refused from now on."""
        self._solvers.close()
        self._resolvers.close()
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def keys_of(store: Store, key: bytes | None = None) -> Keys:
    """The keys of the guards on a store: derived from `key`, or from a secret that the store keeps.
    Raises StoreError."""
    return Keys(key or store.secret("guard", lambda: secrets.token_bytes(KEY_BYTES)))


def redaction_of(keys: Keys, paths: Sequence[str]) -> Redaction | None:
    """What leaves these fields out of an audit (docs/audit.md); None where there are none. Raises
    FieldPathError."""
    return Redaction(keys.of("commitment"), paths) if paths else None


def _read(action: Action | Mapping[str, object]) -> Action | ActionError:
    if isinstance(action, Action):
        return action
    try:
        return Action.from_mapping(action)
    except ActionError as error:
        return error
    except Exception:  # an object that only looks like a mapping
        return ActionError("the call cannot be read")
