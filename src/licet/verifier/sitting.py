"""One guard's part in one transaction of one tenant, at one instant.

Reservations that were never used are given back, what other guards have done is taken in; then the
history is read, the decision made, and what it allows is reserved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from licet.compiler.types import Value

from .admission import Refused
from .audit import Kind
from .evaluating import FactKey
from .forgetting import forget, mark_forgotten
from .history import CallState, Head, StoredCall, Transaction
from .history.definition import by_definition
from .history.past import PastCall
from .history.pots import Query, values
from .history.summaries import Addition, amend, append
from .history.windows import is_over
from .proposing import Proposal
from .records import CallRecord
from .verdict import Violation

if TYPE_CHECKING:
    from .remembering import Memory

#: By how much an instant may lie before the last one of a tenant: clocks of several machines
#: differ a little. What lies further back is refused; in between, time stands still.
SLACK = 5_000_000
#: Calls that are taken in, or given back, at a time; and how many times in one transaction.
BATCH = 500
BATCHES = 4


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
        memory = self.memory
        if memory.indices:
            self._counted_to = self.tx.coverage(memory.counting)
        if memory.forgetting:
            forget(memory, self, self._counted_to)
            if self.is_behind:
                mark_forgotten(memory, self, self._counted_to)
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
        return bool(self.memory.indices) and self._counted_to < self.tx.head().change

    def activate(self, more: Mapping[str, object] | None = None) -> None:
        """Let the guard's policy be the one by which the tenant's calls are decided. With `more`,
        which is written down with it, it is a new activation even of the same policy."""
        head = self.head
        if more is not None or head.policy != self._program.digest:
            digest = self._program.digest
            self.tx.set_head(head._replace(policy=digest, activation=head.activation + 1))
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
        """See `Memory.is_stale`."""
        return self.memory.is_stale(self.tx.tenant, self.tx.head())

    def require_active(self) -> None:
        """Refused where `is_stale`."""
        if self.is_stale:
            self.memory.refuse_stale(self.tx.tenant)

    def instant(self, given: object) -> int:
        """The one instant of a decision: `given` (microseconds) or the store's clock, and never
        before the tenant's last one. Refused where a clock went back, and, unless the guard lets
        instants be ahead, where the one given is: all others would be refused until then."""
        at = given if isinstance(given, int) else self.now
        if at > self.now + SLACK and not self.memory.ahead:
            text = f"`now` is {(at - self.now) // 1_000_000} s ahead of the store's clock"
            raise Refused((Violation("fault", text, "the check itself failed", path="now"),))
        last = self.tx.head().at
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
        self.tx.set_head(self.tx.head().after(call))
        world = proposal.world
        if world.now != call.at:
            world = replace(world, now=call.at)
        self._append(call, PastCall(world, proposal.session, "pending", None, by))
        self._covered()

    def change(self, call: StoredCall, state: CallState, result: str | None) -> StoredCall:
        """A call that goes on, or ends."""
        head = self.head
        changed = call._replace(change=head.change + 1, state=state, result=result)
        self.tx.put_call(changed)
        self.tx.set_head(head.after(changed))
        if self.memory.indices and self._adds_anew(call, state):
            self._count(changed)
        self._covered()
        return changed

    def parts(self, batch: CallRecord) -> list[StoredCall]:
        """The calls inside a batch, in their order. Raises Refused where one is lost."""
        found = [self.tx.call_by_nonce(nonce) for nonce in batch.parts]
        kept = [part for part in found if part is not None]
        if len(kept) != len(found):
            text = "a call of this batch is not in the store any more"
            raise Refused((Violation("fault", text, "the check itself failed"),))
        return kept

    def _adds_anew(self, call: StoredCall, state: CallState) -> bool:
        """Whether what a call adds may be something else in another state."""
        if state == "redeemed":
            return False  # it is pending as before
        if state == "cancelled" or self._counted_to < call.change:
            return True
        counters = self.memory.counters(call.tool)
        return any(counter.minds_endings for counter in counters) or (
            bool(counters) and state == "error" and self.memory.is_atomic(call.tool)
        )

    def _covered(self) -> None:
        """What this transaction changed is counted already, if all before it was."""
        change = self.tx.head().change
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
            added = {each.pot: each for each in self._additions(self.memory.past(call))}
        for leaf in self.tx.leaves_of(call.seq):
            mine = indices.get(leaf.pot[:16])
            if mine is not None:
                amend(self.tx, leaf, added.pop(leaf.pot, None), tree=mine.is_tree)
        append(self.tx, call.seq, list(added.values()))

    def _append(self, call: StoredCall, past: PastCall) -> None:
        """The same of a call that adds nothing yet."""
        if self.memory.is_counted(call.tool):
            append(self.tx, call.seq, self._additions(past))

    def _additions(self, past: PastCall) -> list[Addition]:
        """To each pot at most one, where a decision may still read it."""
        clock, at, when = self.memory.clock, self.tx.head().at, past.at
        found: list[Addition] = []
        for counter in self.memory.counters(past.world.tool):
            if not is_over(counter.index.window, when, at, clock):
                found += counter.additions(past)
        return found
