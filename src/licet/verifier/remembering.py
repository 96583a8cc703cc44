"""What one guard remembers: its part of a store's transaction, for checks and for tickets.

Everything here happens inside one transaction of one tenant, at one instant: reservations that
were never used are given back, what other guards have done is taken in, then the history is
read, the decision made, and what it allows is reserved.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from licet.compiler import ir
from licet.compiler.catalog import Tool
from licet.compiler.clock import Clock
from licet.compiler.evaluation import evaluate
from licet.compiler.evaluation.places import AbsentUnwrapped, UnboundVariable
from licet.compiler.exact_json import MAX_DEPTH, decode
from licet.compiler.history import Index
from licet.compiler.history import digest_of as digest_of_index
from licet.compiler.intake import BadValue, validator
from licet.compiler.program import Program
from licet.compiler.spelling import Spelled, spelled
from licet.compiler.types import JSON, OptionalType, Value, has_open_parts
from licet.compiler.walking import walk
from licet.compiler.world import UNKNOWN, World

from .action import Action
from .admission import Admission, Refused
from .audit import Kind, Recorder
from .calls import bare_call
from .forgetting import forget, is_over, mark_forgotten
from .history import CallState, Head, Store, StoredCall, Transaction
from .history.pots import NotKnown, PastCall, Query, by_definition, contributions, values
from .history.summaries import Addition, amend, append
from .proposing import Promise, Proposal
from .tickets import Keys, Ticket, new_nonce
from .verdict import Violation

FactKey = tuple[str, tuple[Value, ...]]
#: A rule, and a look-up in the history that stands in it.
_Reading = tuple[ir.Rule, ir.Fact]

#: Why a call is refused by a guard whose policy is not the active one.
STALE = "another policy is active by now: load the policy again"
#: By how much an instant may lie before the last one of a tenant: clocks of several machines
#: differ a little. What lies further back is refused; in between, time stands still.
SLACK = 5_000_000
#: Calls that are taken in, or given back, at a time; and how many times in one transaction.
BATCH = 500
BATCHES = 4


def _counting(program: Program, indices: Mapping[str, Index]) -> str:
    facts = sorted((name, s.params, s.result) for name, s in program.facts.items())
    return digest_of_index(
        sorted(index.digest for index in indices.values()),
        program.catalog.digest,
        (program.principal, program.context, program.session),
        facts,
        program.zone,
    )


class _Run:
    """One guard in one process; a forked child is another."""

    def __init__(self) -> None:
        self._known = (os.getpid(), _new_mark())

    @property
    def mark(self) -> str:
        process, mark = self._known
        if process != os.getpid():
            mark = _new_mark()
            self._known = (os.getpid(), mark)
        return mark


def _new_mark() -> str:
    return secrets.token_hex(6) + "."


def _known(call: StoredCall) -> dict[str, Any]:
    """What was written down of a call when it was allowed; nothing is left where it is forgotten.
    The arguments stand two deeper in it than they came."""
    text = call.record or "{}"
    found: dict[str, Any] = decode(text, max_size=len(text), max_depth=MAX_DEPTH + 2)
    return found


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
    ) -> None:
        self.program = program
        self.store = store
        self.keys = keys
        self.clock = clock
        self.recorder = recorder
        #: Whether to let go of what is over, in a store that is not durable.
        self.forgetting = forgetting and not store.durable
        self._admission = admission
        #: How long a ticket is good, in microseconds.
        self.life = int(ticket_seconds * 1_000_000)
        self._open: dict[str, bool] = {}
        #: One index for each digest, whatever names it has.
        self.indices: dict[str, Index] = {i.pots: i for i in program.history.values()}
        #: What the pots of this program hold is the same for every program with this name: one that
        #: adds up the same, and reads calls in the same way.
        self.counting = _counting(program, self.indices)
        self._counted = {tool for index in self.indices.values() for tool in index.plans}
        self._reading: dict[str, tuple[_Reading, ...]] = {}
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
        if self.store.durable or call_id is not None or tool in self._counted:
            return False
        known = self.program.catalog.qualified.get(tool)
        return known is None or not known.dispatch  # a batch is kept, and its parts with it

    def is_mine(self, ticket: Ticket) -> bool:
        """Whether the ticket of a call that is not kept was made here, where it is known to be
        spent once it is."""
        return ticket.nonce.startswith(self.run.mark)

    def require_active(self, tenant: str) -> None:
        """`Sitting.require_active`, for a call that is not kept."""
        with self.store.begin(tenant) as tx:
            Sitting(self, tx).require_active()

    @contextmanager
    def sit(self, tenant: str) -> Iterator[Sitting]:
        """One transaction, brought up to date. In a tenant that has no policy yet, the guard's
        becomes the active one. Raises StoreError."""
        with self.store.begin(tenant) as tx:
            sitting = self.sitting(tx)
            if not sitting.head.policy:
                sitting.activate()
            yield sitting

    def sitting(self, tx: Transaction) -> Sitting:
        """A part in a transaction that somebody else began, brought up to date."""
        sitting = Sitting(self, tx)
        sitting.catch_up()
        return sitting

    def ticket(self, call: StoredCall, tenant: str) -> Ticket:
        """The ticket of a reserved call: the same one, however often it is asked for."""
        return self.keys.signed(
            Ticket(
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
        )

    def past(self, call: StoredCall) -> PastCall:
        """An earlier call as rules read it; what does not fit today's types is unknown."""
        data = _known(call)
        tool = self.program.catalog.qualified.get(call.tool)
        world = World(call.tool, {})
        if tool is not None:
            try:
                known = data["call"]
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
            data["session"],
            outcome,
            self._result(call),
            tuple(data["by"]),
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
        self, proposal: Proposal, head: Head, at: int, now: int, by: Sequence[str]
    ) -> StoredCall:
        """The row of a call that is allowed. `now` is the store's clock, `at` the decision's."""
        nonce = proposal.nonce or new_nonce()
        record: dict[str, object] = {
            "call": bare_call(proposal.world, self.program, Spelled(proposal.spelled)),
            "session": proposal.session,
            "by": list(by),
            "issued": now,
        }
        if proposal.parts:
            record["parts"] = list(proposal.parts)
        if proposal.part_of:
            record["part_of"] = proposal.part_of
        if proposal.commit:
            record["commit"] = True
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
            spelled(record),
        )

    def is_counted(self, tool: str) -> bool:
        """Whether any index adds up calls of a tool."""
        return tool in self._counted

    def issued(self, call: StoredCall) -> int:
        """When its ticket was made, by the store's clock."""
        issued: int = _known(call)["issued"]
        return issued

    def is_atomic(self, tool: str) -> bool:
        known = self.program.catalog.qualified.get(tool)
        return known is not None and known.atomic

    def rules_of(self, call: StoredCall) -> tuple[str, ...]:
        """The rules by which a call was allowed."""
        return tuple(_known(call)["by"])

    def is_part(self, call: StoredCall) -> bool:
        """Whether a call was made inside of a batch."""
        return "part_of" in _known(call)

    def is_committed(self, call: StoredCall) -> bool:
        """Whether nobody was going to say how a call ended."""
        return "commit" in _known(call)

    def reads_history(self, tool: str) -> bool:
        """Whether rules of a tool read earlier calls."""
        return bool(self._readings(tool))

    def foreseen(self, world: World) -> list[FactKey]:
        """Look-ups in the history that rules will make, as far as the call itself says with which
        keys. A guess that saves deciding without them; what it misses is asked for later."""
        found: dict[FactKey, None] = {}
        for rule, look_up in self._readings(world.tool):
            bound: dict[int, Value] = {}
            try:
                for let in rule.lets:
                    value = evaluate(let.value, world, self.clock, bound)
                    if value is None and isinstance(let.value.type, OptionalType):
                        raise AbsentUnwrapped
                    bound[let.var.slot] = value
                keys = tuple([evaluate(key, world, self.clock, bound) for key in look_up.keys])
                found[look_up.name, keys] = None
            except (*NotKnown, UnboundVariable, TypeError):
                continue  # it reads what is not known yet, or not there, or cannot be a key
        return list(found)

    def _readings(self, tool: str) -> tuple[_Reading, ...]:
        found = self._reading.get(tool)
        if found is None:
            found = self._reading[tool] = tuple(
                (rule, node)
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


class Sitting:
    """One transaction of one guard, on one tenant."""

    def __init__(self, memory: Memory, tx: Transaction) -> None:
        self.memory = memory
        self.tx = tx
        self.now = tx.instant
        self._program = memory.program
        #: Up to which change the policy's pots hold all calls.
        self._counted_to = 0

    @property
    def head(self) -> Head:
        return self.tx.head()

    def note(self, kind: Kind, body: Mapping[str, object]) -> None:
        """Write an entry of the audit (see `audit.bodies`); it stands or falls with all else that
        is done here."""
        if self.memory.recorder is not None:
            self.memory.recorder.append(self.tx, kind, body)

    # --- bringing up to date

    def catch_up(self) -> None:
        """Give back what was never used, and take in what others have done."""
        if self.memory.indices:
            self._counted_to = self.tx.coverage(self.memory.counting)
        if self.memory.forgetting:
            forget(self.memory, self, self._counted_to)
            if self.is_behind:
                mark_forgotten(self.memory, self, self._counted_to)
        for call in self.tx.calls_due(self.now, BATCH):
            self.change(call, "cancelled", None)
            self.note("expiry", {"call": call.call_id, "nonce": call.nonce})
        for _ in range(BATCHES):
            if not self.is_behind:
                break
            missed = self.tx.calls_changed_after(self._counted_to, BATCH)
            for call in missed:
                self._count(call)
            self._cover(missed[-1].change if missed else self.head.change)

    @property
    def is_behind(self) -> bool:
        """Whether calls are still to be taken in: as many as one transaction has time for were.
        Nothing may be decided then."""
        return bool(self.memory.indices) and self._counted_to < self.head.change

    def activate(self, more: Mapping[str, object] | None = None) -> None:
        """Let the guard's policy be the one by which the tenant's calls are decided. With `more`,
        which is written down with it, it is a new activation even of the same policy."""
        head = self.head
        if more is not None or head.policy != self._program.digest:
            digest = self._program.digest
            self.tx.set_head(replace(head, policy=digest, activation=head.activation + 1))
            self.note(
                "activation",
                {
                    "policy": digest,
                    "catalog": self._program.catalog.digest,
                    "before": head.policy,
                    **(more or {}),
                },
            )

    @property
    def is_stale(self) -> bool:
        """Whether another policy than the guard's is active, or the same one anew, in another
        mode or with other tools, and somebody follows what is active."""
        head = self.head
        follows = self.memory.follows.get(self.tx.tenant, head.activation)
        return bool(head.policy) and (
            head.policy != self._program.digest or follows != head.activation
        )

    def require_active(self) -> None:
        """Refused where `is_stale`."""
        if self.is_stale:
            if self.memory.on_stale is not None:
                self.memory.on_stale(self.tx.tenant)
            raise Refused((Violation("fault", STALE, "the check itself failed"),))

    def instant(self, given: object) -> int:
        """The one instant of a decision: `given` (microseconds) or the store's clock, and never
        before the tenant's last one. Refused where a clock went back."""
        at = given if isinstance(given, int) else self.now
        last = self.head.at
        if at < last - SLACK:
            text = f"the clock went back by {(last - at) // 1_000_000} s since the last decision"
            raise Refused((Violation("fault", text, "the check itself failed", path="now"),))
        return max(at, last)

    # --- reading

    def history(self, wanted: Sequence[FactKey], session: str | None, at: int) -> list[Value]:
        """The values of look-ups in the history."""
        indices = self._program.history
        queries = [Query(indices[name], keys, session) for name, keys in wanted]
        return values(self.tx, queries, at, self.memory.clock)

    def by_definition(self, wanted: FactKey, session: str | None, at: int) -> Value:
        """The same value from all calls there are, without any index."""
        name, keys = wanted
        query = Query(self._program.history[name], keys, session)
        calls = [
            self.memory.past(call)
            for call in self.tx.calls_changed_after(0, self.head.change + 1)
            if call.state != "cancelled" and call.tool in query.index.plans
        ]
        calls.sort(key=lambda call: call.at)
        return by_definition(query, calls, at, self.memory.clock)

    # --- writing

    def put(self, call: StoredCall, proposal: Proposal, by: tuple[str, ...]) -> None:
        """A new call: the row, and what it was made from."""
        self.tx.put_call(call)
        head = self.head
        at = max(head.at, call.at)
        self.tx.set_head(replace(head, seq=call.seq, change=call.change, at=at))
        world = proposal.world
        if world.now != call.at:
            world = replace(world, now=call.at)
        self._append(call, PastCall(world, proposal.session, "pending", None, by))
        self._covered()

    def change(self, call: StoredCall, state: CallState, result: str | None) -> StoredCall:
        """A call that goes on, or ends."""
        head = self.head
        changed = replace(call, change=head.change + 1, state=state, result=result)
        self.tx.put_call(changed)
        self.tx.set_head(replace(head, change=changed.change))
        if self.memory.indices and (call.state, state) != ("reserved", "redeemed"):
            self._count(changed)  # else it is pending as before
        self._covered()
        return changed

    def parts(self, call: StoredCall) -> list[StoredCall]:
        """The calls inside a batch, in their order. Raises Refused where one is lost."""
        nonces: list[str] = _known(call).get("parts", [])
        found = [self.tx.call_by_nonce(nonce) for nonce in nonces]
        kept = [part for part in found if part is not None]
        if len(kept) != len(nonces):
            text = "a call of this batch is not in the store any more"
            raise Refused((Violation("fault", text, "the check itself failed"),))
        return kept

    def _covered(self) -> None:
        """What this transaction changed is counted already, if all before it was."""
        change = self.head.change
        if self.memory.indices and self._counted_to == change - 1:
            self._cover(change)

    def _cover(self, change: int) -> None:
        self.tx.cover(self.memory.counting, change)
        self._counted_to = change

    def _count(self, call: StoredCall) -> None:
        """Let the pots say what a call adds now."""
        indices = self.memory.indices
        added: dict[str, Addition] = {}
        if call.state != "cancelled" and self.memory.is_counted(call.tool):
            added = self._additions(self.memory.past(call))
        for leaf in self.tx.leaves_of(call.seq):
            mine = indices.get(leaf.pot[:16])
            if mine is not None:
                amend(self.tx, leaf, added.pop(leaf.pot, None), tree=mine.is_tree)
        append(self.tx, call.seq, list(added.values()))

    def _append(self, call: StoredCall, past: PastCall) -> None:
        """The same of a call that adds nothing yet."""
        if self.memory.is_counted(call.tool):
            append(self.tx, call.seq, list(self._additions(past).values()))

    def _additions(self, past: PastCall) -> dict[str, Addition]:
        """By pot, where a decision may still read it."""
        clock, at = self.memory.clock, self.head.at
        return {
            addition.pot: addition
            for index in self.memory.indices.values()
            if not is_over(index.window, past.at, at, clock)
            for addition in contributions(index, past, clock)
        }
