"""One transaction: reads go to the database at once, writes together when it commits.

A read of a table that still has something to be written sends that first, so that it sees it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from licet.verifier.history import (
    AuditEntry,
    Head,
    Leaf,
    NodeRange,
    StoredApproval,
    StoredCall,
    StoredKey,
    StoreError,
)

from .database import Began, Database, Driver, Write
from .statements import HEAD_COLUMNS, Statement

#: So many ranges in one statement: SQLite takes at most 500 parts of a union.
MOST_RANGES = 100

Row = TypeVar("Row")


class SqlTransaction:
    """What `SqlStore.begin` gives. See `history.Transaction`, which says what each method does."""

    def __init__(
        self,
        database: Database,
        driver: Driver,
        tenant: str,
        began: Began,
        fail: Callable[[Exception], StoreError],
    ) -> None:
        self._database = database
        self._statements = database.statements
        self._driver = driver
        self._name = tenant
        self._instant = began.instant
        self._fail = fail
        self._process = os.getpid()
        self._broken: StoreError | None = None
        #: What the driver raised, if it did.
        self.fault: Exception | None = None
        # its number, once it has one
        self._tenant: int | None = None
        self._head = Head()
        if began.row is not None:
            self._tenant = began.row[0]
            self._head = Head(*began.row[1:])
        self._head_changed = False
        self._covered: dict[str, int] = {}
        self._calls: list[StoredCall] = []
        self._leaves: dict[tuple[str, int], Leaf] = {}
        self._nodes: dict[tuple[str, int, int], str] = {}
        #: What single nodes were found to be: nobody else changes them in the meantime.
        self._seen: dict[tuple[str, int, int], str | None] = {}
        self._approvals: dict[str, StoredApproval] = {}
        #: By kind and id; None: it is dropped.
        self._documents: dict[tuple[str, str], str | None] = {}
        #: By hash; None for one that is dropped.
        self._keys: dict[str, StoredKey | None] = {}
        self._audit: list[AuditEntry] = []

    @property
    def tenant(self) -> str:
        return self._name

    @property
    def instant(self) -> int:
        return self._instant

    def head(self) -> Head:
        return self._head

    def set_head(self, head: Head) -> None:
        self._head = head
        self._head_changed = True

    # calls

    def call_by_id(self, principal: str, session: str, call_id: str) -> StoredCall | None:
        self._write_calls()
        return self._one(
            StoredCall,
            self._statements.call_by_id,
            principal=principal,
            session=session,
            call_id=call_id,
        )

    def call_by_nonce(self, nonce: str) -> StoredCall | None:
        self._write_calls()
        return self._one(StoredCall, self._statements.call_by_nonce, nonce=nonce)

    def put_call(self, call: StoredCall) -> None:
        self._calls.append(call)

    def calls_changed_after(self, change: int, most: int) -> Sequence[StoredCall]:
        self._write_calls()
        rows = self._rows(self._statements.calls_changed_after, after=change, most=most)
        return [StoredCall(*row) for row in rows]

    def calls_due(self, instant: int, most: int) -> Sequence[StoredCall]:
        self._write_calls()
        rows = self._rows(self._statements.calls_due, until=instant, most=most)
        return [StoredCall(*row) for row in rows]

    # what calls add up to

    def coverage(self, policy: str) -> int:
        if policy not in self._covered:
            rows = self._rows(self._statements.coverage, policy=policy)
            return rows[0][0] if rows else 0
        return self._covered[policy]

    def cover(self, policy: str, change: int) -> None:
        self._covered[policy] = change

    def leaves_until(self, pot: str, instant: int) -> int:
        self._write_leaves()
        rows = self._rows(self._statements.last_leaf, pot=pot, until=instant)
        return rows[0][0] + 1 if rows else 0

    def leaves(self, pot: str, first: int, most: int) -> Sequence[Leaf]:
        self._write_leaves()
        rows = self._rows(self._statements.leaves, pot=pot, first=first, most=most)
        return [Leaf(*row) for row in rows]

    def leaves_of(self, seq: int) -> Sequence[Leaf]:
        self._write_leaves()
        return [Leaf(*row) for row in self._rows(self._statements.leaves_of, seq=seq)]

    def put_leaves(self, leaves: Iterable[Leaf]) -> None:
        self._leaves.update(((leaf.pot, leaf.slot), leaf) for leaf in leaves)

    def nodes(self, ranges: Sequence[NodeRange]) -> Mapping[tuple[str, int, int], str]:
        found: dict[tuple[str, int, int], str] = {}
        asked: list[NodeRange] = []
        for pot, level, first, last in ranges:
            key = (pot, level, first)
            if first != last or key not in self._seen:
                asked.append((pot, level, first, last))
            elif (known := self._seen[key]) is not None:
                found[key] = known
        if asked:
            self._write_nodes()
        for start in range(0, len(asked), MOST_RANGES):
            part = asked[start : start + MOST_RANGES]
            values: dict[str, object] = {}
            for n, (pot, level, first, last) in enumerate(part):
                values[f"pot{n}"] = pot
                values[f"level{n}"] = level
                values[f"first{n}"] = first
                values[f"last{n}"] = last
            for pot, level, slot, text in self._rows(self._statements.nodes(len(part)), **values):
                found[pot, level, slot] = text
            for pot, level, first, last in part:
                if first == last:
                    self._seen[pot, level, first] = found.get((pot, level, first))
        return found

    def put_nodes(self, nodes: Mapping[tuple[str, int, int], str]) -> None:
        self._nodes.update(nodes)
        self._seen.update(nodes)

    # approvals

    def approval(self, id: str) -> StoredApproval | None:
        self._write_approvals()
        return self._one(StoredApproval, self._statements.approval, id=id)

    def approvals_for(self, binding: str) -> Sequence[StoredApproval]:
        self._write_approvals()
        rows = self._rows(self._statements.approvals_for, binding=binding)
        return [StoredApproval(*row) for row in rows]

    def approvals(self, state: str, after: str, most: int) -> Sequence[StoredApproval]:
        self._write_approvals()
        rows = self._rows(self._statements.approvals, state=state, after=after, most=most)
        return [StoredApproval(*row) for row in rows]

    def count_approvals(self, principal: str, session: str, state: str) -> int:
        self._write_approvals()
        rows = self._rows(
            self._statements.count_approvals, principal=principal, session=session, state=state
        )
        count: int = rows[0][0]
        return count

    def put_approval(self, approval: StoredApproval) -> None:
        self._approvals[approval.id] = approval

    # documents

    def document(self, kind: str, id: str) -> str | None:
        self._write_documents()
        rows = self._rows(self._statements.document, kind=kind, id=id)
        return rows[0][1] if rows else None

    def documents(self, kind: str, before: str, most: int) -> Sequence[tuple[str, str]]:
        self._write_documents()
        rows = self._rows(self._statements.documents, kind=kind, before=before, most=most)
        return [(id, text) for id, text in rows]

    def put_document(self, kind: str, id: str, text: str) -> None:
        self._documents[kind, id] = text

    def drop_document(self, kind: str, id: str) -> None:
        self._documents[kind, id] = None

    # keys

    def api_keys(self) -> Sequence[StoredKey]:
        if self._keys:
            self._send(self._taken_keys(self._number()))
        found = [StoredKey(*row) for row in self._rows(self._statements.keys)]
        return sorted(found, key=lambda key: (key.name, key.made, key.hash))

    def put_key(self, key: StoredKey) -> None:
        self._keys[key.hash] = key

    def drop_key(self, hash: str) -> None:
        self._keys[hash] = None

    # audit

    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        self._audit.extend(entries)

    # the end, for the store alone

    def commit(self) -> None:
        """Write what is left, and commit. Raises StoreError, also where an earlier one was
        caught: what did not happen cannot be left out of what does."""
        tenant = self._number() if self._has_writes() else 0
        writes = [
            *self._taken_calls(tenant),
            *self._taken_leaves(tenant),
            *self._taken_nodes(tenant),
            *self._taken_approvals(tenant),
            *self._taken_documents(tenant),
            *self._taken_keys(tenant),
        ]
        if self._covered:
            writes.append(
                (
                    self._statements.cover,
                    [
                        {"tenant": tenant, "policy": policy, "change": change}
                        for policy, change in self._covered.items()
                    ],
                )
            )
        if self._audit:
            writes.append(
                (
                    self._statements.append_audit,
                    [
                        {"tenant": tenant, "seq": e.seq, "hash": e.hash, "text": e.text}
                        for e in self._audit
                    ],
                )
            )
        if self._head_changed:
            writes.append((self._statements.set_head, [{"key": tenant, **self._head_values()}]))
        self._send(writes, commit=True)

    def _has_writes(self) -> bool:
        return bool(
            self._head_changed
            or self._covered
            or self._calls
            or self._leaves
            or self._nodes
            or self._approvals
            or self._documents
            or self._keys
            or self._audit
        )

    def _number(self) -> int:
        """The tenant's, which it gets with its first row."""
        if self._tenant is None:
            made: int = self._rows_of(
                self._statements.put_tenant, {"name": self._name, **self._head_values()}
            )[0][0]
            self._tenant = made
        return self._tenant

    def _head_values(self) -> dict[str, object]:
        return {name: getattr(self._head, name) for name in HEAD_COLUMNS}

    # what is yet to be written

    def _write_calls(self) -> None:
        if self._calls:
            self._send(self._taken_calls(self._number()))

    def _write_leaves(self) -> None:
        if self._leaves:
            self._send(self._taken_leaves(self._number()))

    def _write_nodes(self) -> None:
        if self._nodes:
            self._send(self._taken_nodes(self._number()))

    def _write_approvals(self) -> None:
        if self._approvals:
            self._send(self._taken_approvals(self._number()))

    def _write_documents(self) -> None:
        if self._documents:
            self._send(self._taken_documents(self._number()))

    def _taken_calls(self, tenant: int) -> list[Write]:
        calls, self._calls = self._calls, []
        writes: list[Write] = []
        for call in calls:
            displaced = {
                "key": tenant,
                "whose": call.principal,
                "where": call.session,
                "id": call.call_id,
                "by": call.seq,
            }
            writes.append((self._statements.displace_call, [displaced]))
            writes.append((self._statements.put_call, [_row(call, tenant)]))
        return writes

    def _taken_leaves(self, tenant: int) -> list[Write]:
        leaves, self._leaves = self._leaves, {}
        if not leaves:
            return []
        return [(self._statements.put_leaf, [_row(leaf, tenant) for leaf in leaves.values()])]

    def _taken_nodes(self, tenant: int) -> list[Write]:
        nodes, self._nodes = self._nodes, {}
        if not nodes:
            return []
        rows = [
            {"tenant": tenant, "pot": pot, "level": level, "slot": slot, "text": text}
            for (pot, level, slot), text in nodes.items()
        ]
        return [(self._statements.put_node, rows)]

    def _taken_approvals(self, tenant: int) -> list[Write]:
        approvals, self._approvals = self._approvals, {}
        if not approvals:
            return []
        return [(self._statements.put_approval, [_row(a, tenant) for a in approvals.values()])]

    def _taken_documents(self, tenant: int) -> list[Write]:
        documents, self._documents = self._documents, {}
        writes: list[Write] = []
        for (kind, id), text in documents.items():
            row: dict[str, object] = {"tenant": tenant, "kind": kind, "id": id}
            if text is None:
                writes.append((self._statements.drop_document, [row]))
            else:
                writes.append((self._statements.put_document, [{**row, "text": text}]))
        return writes

    def _taken_keys(self, tenant: int) -> list[Write]:
        keys, self._keys = self._keys, {}
        writes: list[Write] = []
        for hash, key in keys.items():
            if key is None:
                writes.append((self._statements.drop_key, [{"key": tenant, "hash": hash}]))
            else:
                writes.append((self._statements.put_key, [_row(key, tenant)]))
        return writes

    # talking to the database

    def _send(self, writes: Sequence[Write], *, commit: bool = False) -> None:
        self._usable()
        try:
            self._database.write(self._driver, writes, commit=commit)
        except Exception as error:
            raise self._failed(error) from error

    def _one(self, make: Callable[..., Row], statement: Statement, **values: object) -> Row | None:
        rows = self._rows(statement, **values)
        return make(*rows[0]) if rows else None

    def _rows(self, statement: Statement, **values: object) -> list[tuple[Any, ...]]:
        """Rows of the tenant: none while it has no number."""
        return self._rows_of(statement, {"tenant": self._tenant or 0, **values})

    def _rows_of(self, statement: Statement, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        self._usable()
        try:
            rows: list[tuple[Any, ...]] = self._driver.execute(
                statement.text, statement.with_fixed(values)
            ).fetchall()
        except Exception as error:
            raise self._failed(error) from error
        return rows

    def _usable(self) -> None:
        if self._broken is not None:
            raise self._broken
        if os.getpid() != self._process:
            raise StoreError(f"{self._database.name}: a transaction cannot be used after a fork")

    def _failed(self, error: Exception) -> StoreError:
        self.fault = error
        self._broken = self._fail(error)
        return self._broken


def _row(given: StoredCall | Leaf | StoredApproval | StoredKey, tenant: int) -> dict[str, object]:
    columns = given._asdict() if isinstance(given, tuple) else asdict(given)
    return {"tenant": tenant, **columns}
