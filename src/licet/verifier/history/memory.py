"""The store that lives in the process: nothing to install, and gone when the process is.

It keeps what it is given until it is told to forget. A guard gives it only calls that its policy
can ask for again (`verifier.remembering`), and says when nobody can any more
(`verifier.forgetting`).
"""

from __future__ import annotations

import sys
import threading
import time
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

from .store import (
    AuditEntry,
    Head,
    Leaf,
    NodeRange,
    StoredApproval,
    StoredCall,
    StoredKey,
    StoreError,
    Transaction,
)
from .turns import Turns

Key = TypeVar("Key")
Row = TypeVar("Row")


@dataclass(eq=False, slots=True)
class _Pot:
    """The leaves from slot `base` on, None where one was forgotten, with their instants. The first
    `gone` of them were forgotten."""

    leaves: list[Leaf | None] = field(default_factory=list)
    instants: list[int] = field(default_factory=list)
    base: int = 0
    gone: int = 0

    @property
    def end(self) -> int:
        return self.base + len(self.leaves)

    def forget_last(self) -> None:
        self.leaves.pop()
        self.instants.pop()

    def forget(self, slot: int) -> Leaf | None:
        leaf = self.leaves[slot - self.base]
        self.leaves[slot - self.base] = None
        while self.gone < len(self.leaves) and self.leaves[self.gone] is None:
            self.gone += 1
        # at once for many, so that each costs little
        if self.gone > 64 and 2 * self.gone > len(self.leaves):
            del self.leaves[: self.gone], self.instants[: self.gone]
            self.base, self.gone = self.base + self.gone, 0
        return leaf


@dataclass(eq=False)
class _Rows:
    """All rows of one tenant."""

    head: Head = field(default_factory=Head)
    #: The head as the last transaction left it.
    committed: Head = field(default_factory=Head)
    # Those in order are gone through in turns: see `_turn`
    calls: OrderedDict[int, StoredCall] = field(default_factory=OrderedDict)
    by_id: dict[tuple[str, str, str], int] = field(default_factory=dict)
    by_nonce: dict[str, int] = field(default_factory=dict)
    #: By the number of its last change, the seq of a call.
    changes: dict[int, int] = field(default_factory=dict)
    #: (expires, seq) of calls that are, or were, reserved; sorted.
    reserved: list[tuple[int, int]] = field(default_factory=list)
    covered: dict[str, int] = field(default_factory=dict)
    pots: OrderedDict[str, _Pot] = field(default_factory=OrderedDict)
    of_call: dict[int, dict[tuple[str, int], None]] = field(default_factory=dict)
    nodes: dict[tuple[str, int, int], str] = field(default_factory=dict)
    approvals: OrderedDict[str, StoredApproval] = field(default_factory=OrderedDict)
    documents: dict[tuple[str, str], str] = field(default_factory=dict)
    keys: dict[str, StoredKey] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    #: By tool, the latest change and the latest instant of calls that were forgotten.
    forgotten: dict[str, tuple[int, int]] = field(default_factory=dict)


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

    def begin(self, tenant: str) -> AbstractContextManager[Transaction]:
        rows = self._tenants.get(tenant)
        if rows is None:
            with self._lock:
                rows = self._tenants.setdefault(tenant, _Rows())
        return _Turn(self._turns, self._seconds, tenant, rows)

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if name not in self._secrets:
                self._secrets[name] = make()
            return self._secrets[name]

    def tenants(self) -> Sequence[str]:
        with self._lock:
            return sorted(self._tenants)

    def head(self, tenant: str) -> Head:
        rows = self._tenants.get(tenant)
        return Head() if rows is None else rows.committed

    def heads(self) -> Mapping[str, Head]:
        with self._lock:
            return {tenant: rows.committed for tenant, rows in self._tenants.items()}

    def audit(self, tenant: str, after: int, most: int) -> Sequence[AuditEntry]:
        with self._lock:
            rows = self._tenants.get(tenant)
        return [] if rows is None else rows.audit[after : after + most]

    def key(self, hash: str) -> tuple[str, StoredKey] | None:
        with self._lock:
            tenants = list(self._tenants.items())
        for tenant, rows in tenants:
            if (found := rows.keys.get(hash)) is not None:
                return tenant, found
        return None

    def close(self) -> None:
        """Nothing to give back."""


class _Turn:
    """A tenant's turn, and the transaction in it."""

    __slots__ = ("_rows", "_seconds", "_tenant", "_turns", "_tx")

    def __init__(self, turns: Turns, seconds: float, tenant: str, rows: _Rows) -> None:
        self._turns, self._seconds, self._tenant, self._rows = turns, seconds, tenant, rows

    def __enter__(self) -> Transaction:
        if not self._turns.take(self._tenant, self._seconds):
            raise StoreError("another decision of this tenant takes too long")
        self._tx = _MemoryTransaction(self._tenant, self._rows)
        return self._tx

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._rows.committed = self._rows.head
            else:
                self._tx.undo()
        finally:
            self._turns.give(self._tenant)


class _MemoryTransaction:
    """Writes at once and notes how to take each write back."""

    def __init__(self, tenant: str, rows: _Rows) -> None:
        self.tenant = tenant
        self.instant = time.time_ns() // 1000
        self._rows = rows
        #: What takes the writes back: a function and what it is called with.
        self._undo: list[tuple[Any, ...]] = []

    def undo(self) -> None:
        for step, *given in reversed(self._undo):
            step(*given)

    def _set(self, table: dict, key: object, value: object) -> None:  # type: ignore[type-arg]
        if key in table:
            self._undo.append((table.__setitem__, key, table[key]))
        else:
            self._undo.append((table.pop, key))
        table[key] = value

    def _drop(self, table: dict, key: object) -> None:  # type: ignore[type-arg]
        if key in table:
            self._undo.append((table.__setitem__, key, table.pop(key)))

    def head(self) -> Head:
        return self._rows.head

    def set_head(self, head: Head) -> None:
        self._undo.append((setattr, self._rows, "head", self._rows.head))
        self._rows.head = head

    # calls

    def call_by_id(self, principal: str, session: str, call_id: str) -> StoredCall | None:
        seq = self._rows.by_id.get((principal, session, call_id))
        return None if seq is None else self._rows.calls[seq]

    def call_by_nonce(self, nonce: str) -> StoredCall | None:
        seq = self._rows.by_nonce.get(nonce)
        return None if seq is None else self._rows.calls[seq]

    def put_call(self, call: StoredCall) -> None:
        rows, seq = self._rows, call.seq
        name = (call.principal, call.session, call.call_id)
        taken = rows.by_id.get(name)
        if taken is not None and taken != seq:
            earlier = rows.calls[taken]
            self._set(rows.calls, taken, earlier._replace(call_id=earlier.nonce))
            self._set(rows.by_id, (earlier.principal, earlier.session, earlier.nonce), taken)
        known = rows.calls.get(seq)
        if known is not None:
            self._drop(rows.changes, known.change)
        if taken != seq:
            self._set(rows.by_id, name, seq)
        if known is None:
            self._undo.append((self._forget_new, call))
            rows.by_nonce[call.nonce] = seq
        else:
            self._undo.append((rows.calls.__setitem__, seq, known))
            self._undo.append((rows.changes.pop, call.change))
        rows.calls[seq] = call
        rows.changes[call.change] = seq
        if call.state == "reserved":
            entry = (call.expires, seq)
            if rows.reserved and entry < rows.reserved[-1]:
                insort(rows.reserved, entry)
            else:
                rows.reserved.append(entry)  # nearly always

    def _forget_new(self, call: StoredCall) -> None:
        rows = self._rows
        rows.calls.pop(call.seq, None)
        rows.by_nonce.pop(call.nonce, None)
        rows.changes.pop(call.change, None)

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
        if not rows.reserved or rows.reserved[0][0] > instant:
            return ()
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
        return 0 if found is None else found.base + bisect_right(found.instants, instant)

    def leaves(self, pot: str, first: int, most: int) -> Sequence[Leaf]:
        found = self._rows.pots.get(pot)
        if found is None:
            return []
        begin, end = max(first - found.base, 0), max(first + most - found.base, 0)
        return [leaf for leaf in found.leaves[begin:end] if leaf is not None]

    def leaves_of(self, seq: int) -> Sequence[Leaf]:
        pots = self._rows.pots
        places = self._rows.of_call.get(seq, {})
        found = [pots[pot].leaves[slot - pots[pot].base] for pot, slot in places]
        return [leaf for leaf in found if leaf is not None]

    def put_leaves(self, leaves: Iterable[Leaf]) -> None:
        for leaf in leaves:
            pot = self._rows.pots.get(leaf.pot)
            if pot is None:
                pot = self._rows.pots[leaf.pot] = _Pot()
            if leaf.slot == pot.end:
                pot.leaves.append(leaf)
                pot.instants.append(leaf.at)
                self._undo.append((pot.forget_last,))
            else:
                place = leaf.slot - pot.base
                self._undo.append((pot.leaves.__setitem__, place, pot.leaves[place]))
                pot.leaves[place] = leaf
            self._set(self._rows.of_call.setdefault(leaf.seq, {}), (leaf.pot, leaf.slot), None)

    def nodes(self, ranges: Sequence[NodeRange]) -> Mapping[tuple[str, int, int], str]:
        table = self._rows.nodes
        found: dict[tuple[str, int, int], str] = {}
        for pot, level, first, last in ranges:
            for slot in range(first, last + 1) if first < last else (first,):
                key = (pot, level, slot)
                if (text := table.get(key)) is not None:
                    found[key] = text
        return found

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

    # keys

    def api_keys(self) -> Sequence[StoredKey]:
        return sorted(self._rows.keys.values(), key=lambda key: (key.name, key.made, key.hash))

    def put_key(self, key: StoredKey) -> None:
        self._set(self._rows.keys, key.hash, key)

    def drop_key(self, hash: str) -> None:
        self._drop(self._rows.keys, hash)

    # audit

    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            self._rows.audit.append(entry)
            self._undo.append((self._rows.audit.pop,))

    # forgetting

    def some_calls(self, most: int) -> Sequence[StoredCall]:
        return [call for _, call in _turn(self._rows.calls, most)]

    def some_pots(self, most: int) -> Sequence[str]:
        return [name for name, _ in _turn(self._rows.pots, most)]

    def some_approvals(self, most: int) -> Sequence[StoredApproval]:
        return [approval for _, approval in _turn(self._rows.approvals, most)]

    def forget_call(self, seq: int, *, but_id: bool) -> None:
        rows = self._rows
        call = rows.calls[seq]
        change, at = rows.forgotten.get(call.tool, (0, 0))
        rows.forgotten[call.tool] = (max(change, call.change), max(at, call.at))
        rows.changes.pop(call.change, None)
        rows.by_nonce.pop(call.nonce, None)
        rows.of_call.pop(seq, None)
        if but_id:
            rows.calls[seq] = call._replace(record="", result=None)
        else:
            del rows.calls[seq]
            rows.by_id.pop((call.principal, call.session, call.call_id), None)

    def forgotten(self, tool: str) -> tuple[int, int] | None:
        return self._rows.forgotten.get(tool)

    def forget_leaf(self, pot: str, slot: int) -> None:
        leaf = self._rows.pots[pot].forget(slot)
        if leaf is not None and (places := self._rows.of_call.get(leaf.seq)) is not None:
            places.pop((pot, slot), None)
            if not places:
                del self._rows.of_call[leaf.seq]

    def first_leaf(self, pot: str) -> int:
        found = self._rows.pots[pot]
        return found.base + found.gone

    def forget_leaves(self, pot: str, until: int) -> None:
        for slot in range(self.first_leaf(pot), until):
            self.forget_leaf(pot, slot)

    def forget_nodes(self, nodes: Iterable[tuple[str, int, int]]) -> None:
        for key in nodes:
            self._rows.nodes.pop(key, None)

    def forget_pot(self, pot: str) -> None:
        del self._rows.pots[pot]

    def forget_approval(self, id: str) -> None:
        del self._rows.approvals[id]


def _turn(rows: OrderedDict[Key, Row], most: int) -> list[tuple[Key, Row]]:
    """The next of some rows, which then stand at the end."""
    found: list[tuple[Key, Row]] = []
    for _ in range(min(most, len(rows))):
        key = next(iter(rows))
        rows.move_to_end(key)
        found.append((key, rows[key]))
    return found
