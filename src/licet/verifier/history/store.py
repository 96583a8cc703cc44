"""The protocol of stores: what a guard asks of whatever remembers for it.

A store knows nothing of policies. It keeps rows for tenants and gives one transaction at a time
to each of them; what the rows mean is decided by the modules beside this one. Instants are
microseconds since 1970-01-01T00:00Z. Texts are opaque unless said otherwise.

What every store promises
- A transaction is atomic, durable if the store is, and alone in its tenant: from the moment that
  it begins, no other transaction of the tenant reads or writes until it ends. Other tenants'
  rows are out of its reach, whatever it asks for.
- It commits when its block is left without an exception, else it leaves no trace. An exception
  from leaving the block means that it may or may not have happened.
- Whatever goes wrong with the store itself (gone, slow, full, read-only, damaged) is a
  `StoreError`, within a bounded time. The guard refuses then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

# Rows are tuples: a check makes many, and a frozen dataclass takes five times as long.


class StoreError(Exception):
    """The store could not do what was asked. The text is for the operator."""


class UnkeepableError(StoreError):
    """What was asked holds something that this store cannot keep. Nothing of the transaction is
    kept; the store itself is sound."""


#: `reserved`: allowed, its ticket not redeemed yet. `redeemed`: its tool may have run, the outcome
#: is not known. `ok`, `error`: settled. `cancelled`: never ran (given back or expired).
CallState = Literal["reserved", "redeemed", "ok", "error", "cancelled"]


class Head(NamedTuple):
    """Where a tenant stands: the counters that a transaction reads first and writes last.

    `seq` is the last call's number, `change` the last change of any call, `at` the latest instant
    of a decision, `policy` the digest of the active policy (empty: none yet). `audit_seq` and
    `audit_hash` are those of the last audit entry (0 and empty: none yet). `activation` counts how
    often a policy, or a mode, was made the active one; `canary` how often another policy began or
    ceased to decide beside it.
    """

    seq: int = 0
    change: int = 0
    at: int = 0
    policy: str = ""
    audit_seq: int = 0
    audit_hash: str = ""
    activation: int = 0
    canary: int = 0

    def after(self, call: StoredCall) -> Head:
        """The head once a call was put that is new, or that has changed."""
        seq, _, at, policy, audit_seq, audit_hash, activation, canary = self
        seq, at = max(seq, call.seq), max(at, call.at)
        return Head(seq, call.change, at, policy, audit_seq, audit_hash, activation, canary)


class StoredCall(NamedTuple):
    """One call that was allowed. `seq` numbers a tenant's calls from 1 without gaps.

    `change` is the number of its last change, unique in the tenant. `principal`, `session` and
    `call_id` identify the call of the host: together unique in the tenant, a later call with the
    same three takes the place (the earlier keeps its row under another `call_id`, see
    `Transaction.put_call`). `nonce` is that of its ticket, unique in the tenant. `record` is all
    that was known of it, as text; `result` what the tool answered, as text, None while unknown.
    """

    seq: int
    change: int
    principal: str
    session: str
    call_id: str
    nonce: str
    tool: str
    digest: str
    policy: str
    catalog: str
    at: int
    expires: int
    state: CallState
    record: str
    result: str | None = None


class Leaf(NamedTuple):
    """What one call adds to one pot. Slots number the leaves of a pot from 0 without gaps, in the
    order in which they came, so that `at` never falls. An empty `text` adds nothing any more."""

    pot: str
    slot: int
    at: int
    seq: int
    text: str


#: The inner nodes of a pot with `first <= slot <= last` on one level (1 or higher):
#: (pot, level, first, last).
NodeRange = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class StoredApproval:
    """Somebody is asked whether one call may run.

    `binding` is the digest of everything that the approval is for. `document` is all else, as
    text. `state` is one of `open`, `approved`, `rejected`, `used`, `expired`.
    """

    id: str
    binding: str
    principal: str
    session: str
    state: str
    asked: int
    expires: int
    document: str


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One secret of an API key, of which the store has the hash alone.

    `hash` is unique in the store. Secrets of one `name` are one key: a new one, and one that ends.
    `ends` is when it is worth nothing any more (None: never). `document` is what the key is for, as
    text.
    """

    hash: str
    name: str
    made: int
    ends: int | None
    document: str


class AuditEntry(NamedTuple):
    """One entry of a tenant's audit, chained by `hash`; `text` is one line of JSON."""

    seq: int
    hash: str
    text: str


class Transaction(Protocol):
    """One unit of work on one tenant. Used by one thread."""

    @property
    def tenant(self) -> str: ...

    @property
    def instant(self) -> int:
        """The store's clock when the transaction began, one for all who share the store."""

    def head(self) -> Head:
        """The tenant's head, with what this transaction has set."""

    def set_head(self, head: Head) -> None: ...

    # calls

    def call_by_id(self, principal: str, session: str, call_id: str) -> StoredCall | None: ...

    def call_by_nonce(self, nonce: str) -> StoredCall | None: ...

    def put_call(self, call: StoredCall) -> None:
        """Insert the call, or replace the one with its `seq`. Where another row has the same
        principal, session and call id, that row's `call_id` becomes its nonce."""

    def calls_changed_after(self, change: int, most: int) -> Sequence[StoredCall]:
        """Calls whose last change came after `change`, in the order of their changes."""

    def calls_due(self, instant: int, most: int) -> Sequence[StoredCall]:
        """Calls in the state `reserved` that expire at `instant` or before, oldest first."""

    # what calls add up to

    def coverage(self, policy: str) -> int:
        """Up to which change the pots of a policy hold all calls; 0 at first. `policy` is the
        digest of what it adds up."""

    def cover(self, policy: str, change: int) -> None: ...

    def leaves_until(self, pot: str, instant: int) -> int:
        """How many leaves of a pot have `at <= instant`."""

    def leaves(self, pot: str, first: int, most: int) -> Sequence[Leaf]:
        """Leaves of a pot from slot `first` on, in order."""

    def leaves_of(self, seq: int) -> Sequence[Leaf]:
        """All leaves of one call."""

    def put_leaves(self, leaves: Iterable[Leaf]) -> None:
        """Insert or replace, by pot and slot."""

    def nodes(self, ranges: Sequence[NodeRange]) -> Mapping[tuple[str, int, int], str]:
        """The nodes in all of the ranges that exist, by (pot, level, slot). One round trip."""

    def put_nodes(self, nodes: Mapping[tuple[str, int, int], str]) -> None:
        """Insert or replace, by (pot, level, slot)."""

    # approvals

    def approval(self, id: str) -> StoredApproval | None: ...

    def approvals_for(self, binding: str) -> Sequence[StoredApproval]:
        """All approvals with a binding, newest first."""

    def approvals(self, state: str, after: str, most: int) -> Sequence[StoredApproval]:
        """Approvals in a state with an id greater than `after`, by id."""

    def count_approvals(self, principal: str, session: str, state: str) -> int: ...

    def put_approval(self, approval: StoredApproval) -> None:
        """Insert or replace, by id."""

    # documents: what else is kept of a tenant, as texts by kind and id (both ASCII)

    def document(self, kind: str, id: str) -> str | None: ...

    def documents(self, kind: str, before: str, most: int) -> Sequence[tuple[str, str]]:
        """(id, text) of those of a kind with an id less than `before`, the greatest first. No id
        is greater than `~`."""

    def put_document(self, kind: str, id: str, text: str) -> None:
        """Insert or replace, by kind and id."""

    def drop_document(self, kind: str, id: str) -> None:
        """Delete it, if it is there."""

    # keys

    def api_keys(self) -> Sequence[StoredKey]:
        """All of the tenant, by name, the newest of a name last."""

    def put_key(self, key: StoredKey) -> None:
        """Insert or replace, by hash."""

    def drop_key(self, hash: str) -> None: ...

    # audit

    def append_audit(self, entries: Sequence[AuditEntry]) -> None: ...


class ForgetfulTransaction(Transaction, Protocol):
    """That of a store which is not durable, and must not grow for as long as its process lives.

    What is over is for the guard to say (see `verifier.forgetting`). To forget is no part of the
    transaction: it stays done, also where the rest is undone.
    """

    def some_calls(self, most: int) -> Sequence[StoredCall]:
        """Some calls, others each time, until it has been all calls' turn."""

    def some_pots(self, most: int) -> Sequence[str]:
        """Some pots, in the same way."""

    def some_approvals(self, most: int) -> Sequence[StoredApproval]:
        """Some approvals, in the same way."""

    def forget_call(self, seq: int, *, but_id: bool) -> None:
        """Forget a call. `but_id`: it is still found by its id, as a call without a record; it
        comes to `some_calls` again."""

    def forgotten(self, tool: str) -> tuple[int, int] | None:
        """The latest change, and the latest instant, among the calls of a tool that were
        forgotten."""

    def forget_leaf(self, pot: str, slot: int) -> None: ...

    def first_leaf(self, pot: str) -> int:
        """The slot before which all leaves of a pot were forgotten."""

    def forget_leaves(self, pot: str, until: int) -> None:
        """Forget the leaves before a slot."""

    def forget_nodes(self, nodes: Iterable[tuple[str, int, int]]) -> None: ...

    def forget_pot(self, pot: str) -> None:
        """Forget that there is such a pot, whose leaves and nodes are forgotten."""

    def forget_approval(self, id: str) -> None: ...


class Store(Protocol):
    """Where a guard's memory is kept. Safe to share between threads.

    `durable`: what is committed survives the process; else its transactions are forgetful.
    `blocking`: a transaction may wait for disk, network or other processes, so that an event loop
    should not wait for it.
    """

    durable: bool
    blocking: bool

    def begin(self, tenant: str) -> AbstractContextManager[Transaction]:
        """A transaction on a tenant, which comes into being with its first. Raises StoreError
        where it cannot begin in time."""

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """A secret that all who share the store share: made by the first who asks."""

    def tenants(self) -> Sequence[str]:
        """The tenants that have rows, sorted."""

    def head(self, tenant: str) -> Head:
        """Where one tenant stands. Takes part in no transaction: it sees what is committed, and
        waits for nobody's."""

    def heads(self) -> Mapping[str, Head]:
        """Where every tenant that has rows stands. Takes part in no transaction: it sees what is
        committed, and waits for nobody's."""

    def audit(self, tenant: str, after: int, most: int) -> Sequence[AuditEntry]:
        """Entries of a tenant's audit with `seq > after`, in order. Takes part in no
        transaction: it sees what is committed."""

    def key(self, hash: str) -> tuple[str, StoredKey] | None:
        """The key with a hash, and the tenant whose it is. Takes part in no transaction."""

    def close(self) -> None: ...
