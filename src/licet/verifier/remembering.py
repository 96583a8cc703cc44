"""What one guard remembers: its program's view of a store, for checks and for tickets."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import NoReturn

from licet.compiler import ir
from licet.compiler.catalog import Tool
from licet.compiler.clock import Clock
from licet.compiler.evaluation import Binder, Read, prepared
from licet.compiler.evaluation.places import UnboundVariable
from licet.compiler.exact_json import decode
from licet.compiler.history import Index
from licet.compiler.history import digest_of as digest_of_index
from licet.compiler.intake import BadValue, validator
from licet.compiler.program import Program
from licet.compiler.types import JSON, Value, has_open_parts
from licet.compiler.walking import walk
from licet.compiler.world import UNKNOWN, World

from .action import Action
from .admission import Admission, Refused
from .audit import Recorder
from .evaluating import FactKey
from .history import CallState, Head, Store, StoredCall, Transaction
from .history.counting import Counter
from .history.past import NotKnown, PastCall
from .proposing import Promise, Proposal
from .random_texts import new_nonce
from .records import record_of
from .sitting import Sitting
from .tickets import Keys, Said, Ticket
from .verdict import Violation
from .writing import Writer

#: A look-up in the history that stands in a rule: its name, the rule's lets, its keys.
_LookUp = tuple[str, Binder, tuple[Read, ...]]
_NOT_FORESEEN = (*NotKnown, UnboundVariable, TypeError)

#: Why a call is refused by a guard whose policy is not the active one.
STALE = "another policy is active by now: load the policy again"


def _counting(program: Program, indices: Mapping[str, Index]) -> str:
    facts = sorted((name, s.params, s.result) for name, s in program.facts.items())
    return digest_of_index(
        sorted(index.digest for index in indices.values()),
        program.catalog.digest,
        (program.principal, program.context, program.session),
        facts,
        program.zone,
    )


def said_of(call: StoredCall, tenant: str) -> Said:
    """What the ticket of a call says."""
    return (
        tenant,
        call.principal,
        call.session,
        call.call_id,
        call.tool,
        call.digest,
        call.policy,
        call.catalog,
        call.nonce,
        call.expires,
    )


class _Run:
    """One guard in one process; a forked child is another."""

    def __init__(self) -> None:
        self._known = (os.getpid(), _new_mark())
        self._numbers = itertools.count(1)

    def nonce(self) -> str:
        """One that no other ticket has. It may be guessed: the ticket is signed."""
        return f"{self.mark}{next(self._numbers)}"

    @property
    def mark(self) -> str:
        process, mark = self._known
        if process != os.getpid():
            mark = _new_mark()
            self._known = (os.getpid(), mark)
        return mark


class _Seat:
    """A transaction, with a sitting in it."""

    __slots__ = ("_memory", "_transaction")

    def __init__(self, memory: Memory, transaction: AbstractContextManager[Transaction]) -> None:
        self._memory, self._transaction = memory, transaction

    def __enter__(self) -> Sitting:
        tx = self._transaction.__enter__()
        try:
            sitting = self._memory.sitting(tx)
            if not tx.head().policy:
                sitting.activate()
        except BaseException as error:
            self._transaction.__exit__(type(error), error, error.__traceback__)
            raise
        return sitting

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._transaction.__exit__(kind, error, trace)


def _new_mark() -> str:
    return secrets.token_hex(6) + "."


class Memory:
    """One program's view of a store. Safe to share between threads."""

    def __init__(
        self,
        program: Program,
        admission: Admission,
        clock: Clock,
        store: Store,
        keys: Keys,
        *,
        ticket_seconds: float,
        recorder: Recorder | None,
        forgetting: bool = False,
        ahead: bool = True,
    ) -> None:
        self.program = program
        self.store = store
        self.keys = keys
        self.clock = clock
        self.recorder = recorder
        #: Whether to let go of what is over, in a store that is not durable.
        self.forgetting = forgetting and not store.durable
        #: Whether a call's own instant may be ahead of the store's clock.
        self.ahead = ahead
        self._admission = admission
        self.writer = Writer(program)
        #: How long a ticket is good, in microseconds.
        self.life = int(ticket_seconds * 1_000_000)
        self._open: dict[str, bool] = {}
        #: One index for each digest, whatever names it has.
        self.indices: dict[str, Index] = {i.pots: i for i in program.history.values()}
        #: What the pots of this program hold is the same for every program with this name: one that
        #: adds up the same, and reads calls in the same way.
        self.counting = _counting(program, self.indices)
        self._counted = {tool for index in self.indices.values() for tool in index.plans}
        self._counters: dict[str, tuple[Counter, ...]] = {}
        self._reading: dict[str, tuple[_LookUp, ...]] = {}
        #: By tenant, the activation that this program is of, where somebody follows them.
        self.follows: dict[str, int] = {}
        #: Is told of a tenant whose calls are refused because something else is active.
        self.on_stale: Callable[[str], object] | None = None
        self.run = _Run()

    @property
    def blocking(self) -> bool:
        return self.store.blocking

    def is_light(self, tool: str, call_id: str | None) -> bool:
        """Whether nobody will ever ask for a call again, so that it need not be kept."""
        if self.store.durable or self.recorder is not None:
            return False  # it stands in the audit
        if call_id is not None or tool in self._counted:
            return False
        known = self.program.catalog.qualified.get(tool)
        return known is None or not known.dispatch  # a batch is kept, and its parts with it

    def is_mine(self, ticket: Ticket) -> bool:
        """Whether the ticket of a call that is not kept was made here, where it is known to be
        spent once it is."""
        return ticket.nonce.startswith(self.run.mark)

    def require_active(self, tenant: str) -> None:
        """For a call that is not kept, and takes part in no transaction. Refused where the tenant's
        policy `is_stale`."""
        if self.is_stale(tenant, self.store.head(tenant)):
            self.refuse_stale(tenant)

    def is_stale(self, tenant: str, head: Head) -> bool:
        """Whether another policy than the guard's is active, or the same one anew, in another
        mode or with other tools, and somebody follows what is active."""
        if not head.policy:
            return False
        return (
            head.policy != self.program.digest
            or self.follows.get(tenant, head.activation) != head.activation
        )

    def refuse_stale(self, tenant: str) -> NoReturn:
        """Raises Refused, and tells whoever wants to know."""
        if self.on_stale is not None:
            self.on_stale(tenant)
        raise Refused((Violation("fault", STALE, "the check itself failed"),))

    def sit(self, tenant: str) -> AbstractContextManager[Sitting]:
        """One transaction, brought up to date. In a tenant that has no policy yet, the guard's
        becomes the active one. Raises StoreError."""
        return _Seat(self, self.store.begin(tenant))

    def sitting(self, tx: Transaction) -> Sitting:
        """A part in a transaction that somebody else began, brought up to date."""
        sitting = Sitting(self, tx)
        sitting.catch_up()
        return sitting

    def ticket(self, call: StoredCall, tenant: str) -> Ticket:
        """The ticket of a reserved call: the same one, however often it is asked for."""
        return self.keys.ticket(said_of(call, tenant))

    def past(self, call: StoredCall) -> PastCall:
        """An earlier call as rules read it; what does not fit today's types is unknown."""
        record = record_of(call)
        tool = self.program.catalog.qualified.get(call.tool)
        world = World(call.tool, {})
        if tool is not None:
            try:
                known = record.call
                if call.policy != self.program.digest:
                    known = self._admission.fitting(known)
                action = Action.from_mapping(known)
                world = self._admission.world(tool, action)
            except (Refused, ValueError):
                pass
        world.now = call.at
        outcome = call.state if call.state in ("ok", "error") else "pending"
        return PastCall(
            world,
            record.session,
            outcome,
            self._result(call),
            record.by,
            call.state == "error" and tool is not None and tool.atomic,
        )

    def _result(self, call: StoredCall) -> Value:
        if call.result is None:
            return None
        tool = self.program.catalog.qualified.get(call.tool)
        kind = JSON if tool is None or tool.result is None else tool.result
        try:
            return validator(kind, self.clock)(decode(call.result), ("result",))
        except (BadValue, ValueError):
            return UNKNOWN

    def new_call(
        self, proposal: Proposal, call: str, head: Head, at: int, now: int, by: Sequence[str]
    ) -> StoredCall:
        """The row of a call, written as `call`, that is allowed. `now` is the store's clock, `at`
        the decision's."""
        nonce = proposal.nonce or new_nonce()
        state: CallState = "redeemed" if proposal.commit else "reserved"
        return StoredCall(
            head.seq + 1,
            head.change + 1,
            proposal.principal,
            proposal.session or "",
            proposal.action.id or nonce,
            nonce,
            proposal.tool.qualified,
            proposal.digest,
            self.program.digest,
            self.program.catalog.digest,
            at,
            now + self.life,
            state,
            self.writer.record(proposal, call, by, now),
        )

    def is_counted(self, tool: str) -> bool:
        """Whether any index adds up calls of a tool."""
        return tool in self._counted

    def counters(self, tool: str) -> tuple[Counter, ...]:
        """What adds up calls of a tool, made when it is first asked for: catalogs are large."""
        found = self._counters.get(tool)
        if found is None:
            found = self._counters[tool] = tuple(
                Counter(index, tool, self.clock)
                for index in self.indices.values()
                if tool in index.plans
            )
        return found

    def is_atomic(self, tool: str) -> bool:
        known = self.program.catalog.qualified.get(tool)
        return known is not None and known.atomic

    def reads_history(self, tool: str) -> bool:
        """Whether rules of a tool read earlier calls."""
        return bool(self._readings(tool))

    def foreseen(self, world: World) -> list[FactKey]:
        """Look-ups in the history that rules will make, as far as the call itself says with which
        keys. A guess that saves deciding without them; what it misses is asked for later."""
        found: dict[FactKey, None] = {}
        for name, lets, keys in self._readings(world.tool):
            bound: dict[int, Value] = {}
            try:
                if lets.bind(world, bound):
                    found[name, tuple([read(world, bound) for read in keys])] = None
            except _NOT_FORESEEN:
                continue  # it reads what is not known yet, or not there, or cannot be a key
        return list(found)

    def _readings(self, tool: str) -> tuple[_LookUp, ...]:
        found = self._reading.get(tool)
        if found is None:
            found = self._reading[tool] = tuple(
                (
                    node.name,
                    Binder(rule.lets, self.clock),
                    tuple(prepared(key, self.clock) for key in node.keys),
                )
                for rule in self.program.rules[tool].rules
                for expr in (*(let.value for let in rule.lets), rule.condition)
                for node in walk(expr)
                if isinstance(node, ir.Fact) and node.name in self.program.history
            )
        return found

    def promise(self, action: Action, tool: Tool, world: World, tenant: str) -> Promise:
        """The ticket of a call that is not kept. Raises Refused."""
        return Promise(self, action, tool, world, tenant)

    def is_open(self, tool: Tool) -> bool:
        """Whether arguments may hold more than the tool's schema says."""
        found = self._open.get(tool.qualified)
        if found is None:
            found = self._open[tool.qualified] = has_open_parts(tool.params)
        return found
