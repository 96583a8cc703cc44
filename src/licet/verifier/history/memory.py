"""The store that lives in the process: nothing to install, and gone when the process is.

It keeps every call that it is given. A guard gives it only those that its policy can ask for
again (see `verifier.remembering`).
"""

from __future__ import annotations

import sys
import threading
import time
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from .store import (
    AuditEntry,
    Head,
    Leaf,
    NodeRange,
    StoredApproval,
    StoredCall,
    StoreError,
    Transaction,
)
from .turns import Turns


@dataclass(eq=False, slots=True)
class _Pot:
    leaves: list[Leaf] = field(default_factory=list)
    instants: list[int] = field(default_factory=list)


@dataclass(eq=False)
class _Rows:
    """All rows of one tenant."""

    head: Head = field(default_factory=Head)
    #: The head as the last transaction left it.
    committed: Head = field(default_factory=Head)
    calls: dict[int, StoredCall] = field(default_factory=dict)
    by_id: dict[tuple[str, str, str], int] = field(default_factory=dict)
    by_nonce: dict[str, int] = field(default_factory=dict)
    #: By the number of its last change, the seq of a call.
    changes: dict[int, int] = field(default_factory=dict)
    #: (expires, seq) of calls that are, or were, reserved; sorted.
    reserved: list[tuple[int, int]] = field(default_factory=list)
    covered: dict[str, int] = field(default_factory=dict)
    pots: dict[str, _Pot] = field(default_factory=dict)
    of_call: dict[int, dict[tuple[str, int], None]] = field(default_factory=dict)
    nodes: dict[tuple[str, int, int], str] = field(default_factory=dict)
    approvals: dict[str, StoredApproval] = field(default_factory=dict)
    documents: dict[tuple[str, str], str] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)


class MemoryStore:
    """A store in memory. `seconds` bounds the wait for another thread's transaction."""

    durable = False
    blocking = False

    def __init__(self, seconds: float = 2.0) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._turns = Turns()
        self._tenants: dict[str, _Rows] = {}
        self._secrets: dict[str, bytes] = {}

    @contextmanager
    def begin(self, tenant: str) -> Iterator[Transaction]:
        with self._lock:
            rows = self._tenants.setdefault(tenant, _Rows())
        if not self._turns.take(tenant, self._seconds):
            raise StoreError("another decision of this tenant takes too long")
        try:
            tx = _MemoryTransaction(tenant, rows)
            try:
                yield tx
            except BaseException:
                tx.undo()
                raise
            rows.committed = rows.head
        finally:
            self._turns.give(tenant)

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if name not in self._secrets:
                self._secrets[name] = make()
            return self._secrets[name]

    def tenants(self) -> Sequence[str]:
        with self._lock:
            return sorted(self._tenants)

    def heads(self) -> Mapping[str, Head]:
        with self._lock:
            return {tenant: rows.committed for tenant, rows in self._tenants.items()}

    def audit(self, tenant: str, after: int, most: int) -> Sequence[AuditEntry]:
        with self._lock:
            rows = self._tenants.get(tenant)
        return [] if rows is None else rows.audit[after : after + most]

    def close(self) -> None:
        """Nothing to give back."""


class _MemoryTransaction:
    """Writes at once and notes how to take each write back."""

    def __init__(self, tenant: str, rows: _Rows) -> None:
        self.tenant = tenant
        self.instant = time.time_ns() // 1000
        self._rows = rows
        self._undo: list[Callable[[], object]] = []

    def undo(self) -> None:
        for step in reversed(self._undo):
            step()

    def _set(self, table: dict, key: object, value: object) -> None:  # type: ignore[type-arg]
        if key in table:
            before = table[key]
            self._undo.append(lambda: table.__setitem__(key, before))
        else:
            self._undo.append(lambda: table.pop(key))
        table[key] = value

    def _drop(self, table: dict, key: object) -> None:  # type: ignore[type-arg]
        if key in table:
            before = table.pop(key)
            self._undo.append(lambda: table.__setitem__(key, before))

    def head(self) -> Head:
        return self._rows.head

    def set_head(self, head: Head) -> None:
        before = self._rows.head
        self._undo.append(lambda: setattr(self._rows, "head", before))
        self._rows.head = head

    # calls

    def call_by_id(self, principal: str, session: str, call_id: str) -> StoredCall | None:
        seq = self._rows.by_id.get((principal, session, call_id))
        return None if seq is None else self._rows.calls[seq]

    def call_by_nonce(self, nonce: str) -> StoredCall | None:
        seq = self._rows.by_nonce.get(nonce)
        return None if seq is None else self._rows.calls[seq]

    def put_call(self, call: StoredCall) -> None:
        rows = self._rows
        name = (call.principal, call.session, call.call_id)
        taken = rows.by_id.get(name)
        if taken is not None and taken != call.seq:
            earlier = rows.calls[taken]
            self._set(rows.calls, taken, replace(earlier, call_id=earlier.nonce))
            self._set(rows.by_id, (earlier.principal, earlier.session, earlier.nonce), taken)
        known = rows.calls.get(call.seq)
        if known is not None:
            self._drop(rows.changes, known.change)
        self._set(rows.calls, call.seq, call)
        self._set(rows.by_id, name, call.seq)
        self._set(rows.by_nonce, call.nonce, call.seq)
        self._set(rows.changes, call.change, call.seq)
        if call.state == "reserved":
            insort(rows.reserved, (call.expires, call.seq))

    def calls_changed_after(self, change: int, most: int) -> Sequence[StoredCall]:
        rows = self._rows
        found: list[StoredCall] = []
        for number in range(change + 1, rows.head.change + 1):
            if len(found) == most:
                break
            if (seq := rows.changes.get(number)) is not None:
                found.append(rows.calls[seq])
        return found

    def calls_due(self, instant: int, most: int) -> Sequence[StoredCall]:
        rows = self._rows
        end = bisect_right(rows.reserved, (instant, sys.maxsize))
        due = [(expires, seq) for expires, seq in rows.reserved[:end] if self._is_due(expires, seq)]
        rows.reserved[:end] = due
        return [rows.calls[seq] for _, seq in due[:most]]

    def _is_due(self, expires: int, seq: int) -> bool:
        """Whether an entry of `reserved` still says what the call does."""
        call = self._rows.calls.get(seq)
        return call is not None and call.state == "reserved" and call.expires == expires

    # what calls add up to

    def coverage(self, policy: str) -> int:
        return self._rows.covered.get(policy, 0)

    def cover(self, policy: str, change: int) -> None:
        self._set(self._rows.covered, policy, change)

    def leaves_until(self, pot: str, instant: int) -> int:
        found = self._rows.pots.get(pot)
        return 0 if found is None else bisect_right(found.instants, instant)

    def leaves(self, pot: str, first: int, most: int) -> Sequence[Leaf]:
        found = self._rows.pots.get(pot)
        return [] if found is None else found.leaves[first : first + most]

    def leaves_of(self, seq: int) -> Sequence[Leaf]:
        places = self._rows.of_call.get(seq, {})
        return [self._rows.pots[pot].leaves[slot] for pot, slot in places]

    def put_leaves(self, leaves: Iterable[Leaf]) -> None:
        for leaf in leaves:
            pot = self._rows.pots.setdefault(leaf.pot, _Pot())
            if leaf.slot == len(pot.leaves):
                pot.leaves.append(leaf)
                pot.instants.append(leaf.at)
                self._undo.append(pot.leaves.pop)
                self._undo.append(pot.instants.pop)
            else:
                before = pot.leaves[leaf.slot]
                pot.leaves[leaf.slot] = leaf
                self._undo.append(partial(pot.leaves.__setitem__, before.slot, before))
            self._set(self._rows.of_call.setdefault(leaf.seq, {}), (leaf.pot, leaf.slot), None)

    def nodes(self, ranges: Sequence[NodeRange]) -> Mapping[tuple[str, int, int], str]:
        table = self._rows.nodes
        return {
            key: table[key]
            for pot, level, first, last in ranges
            for slot in range(first, last + 1)
            if (key := (pot, level, slot)) in table
        }

    def put_nodes(self, nodes: Mapping[tuple[str, int, int], str]) -> None:
        for key, text in nodes.items():
            self._set(self._rows.nodes, key, text)

    # approvals

    def approval(self, id: str) -> StoredApproval | None:
        return self._rows.approvals.get(id)

    def approvals_for(self, binding: str) -> Sequence[StoredApproval]:
        found = [a for a in self._rows.approvals.values() if a.binding == binding]
        return sorted(found, key=lambda a: (a.asked, a.id), reverse=True)

    def approvals(self, state: str, after: str, most: int) -> Sequence[StoredApproval]:
        found = [a for a in self._rows.approvals.values() if a.state == state and a.id > after]
        return sorted(found, key=lambda a: a.id)[:most]

    def count_approvals(self, principal: str, session: str, state: str) -> int:
        wanted = (principal, session, state)
        approvals = self._rows.approvals.values()
        return sum((a.principal, a.session, a.state) == wanted for a in approvals)

    def put_approval(self, approval: StoredApproval) -> None:
        self._set(self._rows.approvals, approval.id, approval)

    # documents

    def document(self, kind: str, id: str) -> str | None:
        return self._rows.documents.get((kind, id))

    def documents(self, kind: str, before: str, most: int) -> Sequence[tuple[str, str]]:
        found = [
            (id, text)
            for (of, id), text in self._rows.documents.items()
            if of == kind and id < before
        ]
        return sorted(found, reverse=True)[:most]

    def put_document(self, kind: str, id: str, text: str) -> None:
        self._set(self._rows.documents, (kind, id), text)

    def drop_document(self, kind: str, id: str) -> None:
        self._drop(self._rows.documents, (kind, id))

    # audit

    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            self._rows.audit.append(entry)
            self._undo.append(self._rows.audit.pop)
