"""Approvals that were answered beside the service, at its store: told by whoever serves the tenant.

Who answers there leaves a note in the store. A service with webhooks looks for notes every second,
takes them, tells what stands in the store by then, and drops a note once it was told. A note that
was taken and not dropped, since its worker died or nobody took the message, is taken again after a
while: it is told at least once, and seldom twice. It decides nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from licet.verifier.approvals import Approval, read
from licet.verifier.history import Store, StoreError, Transaction

log = logging.getLogger("licet.service")

#: The documents with what is to be told, by the approval's id.
_NOTE: Final = "untold approval"
#: Notes of one tenant that are read at once. Those older than a day are news to nobody.
_MOST: Final = 100
_OLD: Final = 86_400 * 1_000_000
#: For so long a note belongs to the worker that took it, in microseconds, and so often it is taken.
_LEASE: Final = 60 * 1_000_000
_TIMES: Final = 10

#: Sends an approval to all that are told of it; each answer says whether it arrived.
Tell = Callable[[Approval], Sequence[Future[bool]]]


def leaving(store: Store) -> Callable[[Approval], None]:
    """What a guard tells of an approval, so that a service at the same store does. Raises
    StoreError."""

    def leave(approval: Approval) -> None:
        with store.begin(approval.tenant) as tx:
            tx.put_document(_NOTE, approval.id, str(_Note(tx.instant)))

    return leave


@dataclass(frozen=True, slots=True)
class _Note:
    """When it was left, and when it was taken last, in microseconds; how often."""

    left: int
    taken: int = 0
    times: int = 0

    @staticmethod
    def read(text: str) -> _Note:
        """Raises ValueError."""
        left, *rest = map(int, text.split())
        taken, times = rest or (0, 0)
        return _Note(left, taken, times)

    def __str__(self) -> str:
        return f"{self.left} {self.taken} {self.times}"


class Outbox:
    """Takes the notes of some tenants, and tells. Not safe to share between threads."""

    def __init__(self, store: Store, tenants: Iterable[str], tell: Tell) -> None:
        self._store, self._tenants, self._tell = store, tuple(tenants), tell
        #: What is on its way, by tenant and id: when its note was left, and what comes of it.
        self._sending: dict[tuple[str, str], tuple[int, Sequence[Future[bool]]]] = {}

    def look(self) -> None:
        """Tell what was noted since the last look. Raises StoreError."""
        for tenant in self._tenants:
            found: list[tuple[int, Approval]] = []
            with self._store.begin(tenant) as tx:
                told = self._told(tx, tenant)
                for id, text in _notes(tx):
                    if (tenant, id) not in self._sending:
                        taken = self._taken(tx, tenant, id, text)
                        if taken is not None:
                            found.append(taken)
            for key in told:
                del self._sending[key]
            for left, approval in found:
                self._sending[tenant, approval.id] = (left, self._tell(approval))

    def close(self) -> None:
        """Drop the notes of what was told since. What is not dropped is told again by another."""
        with suppress(StoreError):
            for tenant in {tenant for tenant, _ in self._sending}:
                with self._store.begin(tenant) as tx:
                    self._told(tx, tenant)

    def _told(self, tx: Transaction, tenant: str) -> list[tuple[str, str]]:
        """Drop the notes of what has arrived, keep those that are on their way; the keys of what is
        no more on its way."""
        over: list[tuple[str, str]] = []
        notes = dict(_notes(tx)) if any(of == tenant for of, _ in self._sending) else {}
        for (of, id), (left, answers) in self._sending.items():
            if of != tenant:
                continue
            note = None
            with suppress(KeyError, ValueError):
                note = _Note.read(notes[id])
            if note is None or note.left != left:  # there is something newer to tell
                over.append((of, id))
            elif all(answer.done() for answer in answers):
                over.append((of, id))
                if all(answer.result() for answer in answers):
                    tx.drop_document(_NOTE, id)
            elif tx.instant - note.taken > _LEASE // 2:
                tx.put_document(_NOTE, id, str(replace(note, taken=tx.instant)))
        return over

    def _taken(
        self, tx: Transaction, tenant: str, id: str, text: str
    ) -> tuple[int, Approval] | None:
        """Take a note: when it was left, and what it is of. None: not now, or nevermore."""
        try:
            note = _Note.read(text)
            if note.taken and tx.instant - note.taken < _LEASE:
                return None
            stored = tx.approval(id)
            if stored is not None and tx.instant - note.left < _OLD and note.times < _TIMES:
                approval = read(stored, tx.instant, tenant)
                taken = replace(note, taken=tx.instant, times=note.times + 1)
                tx.put_document(_NOTE, id, str(taken))
                return note.left, approval
            if note.times >= _TIMES:
                log.warning("%s: a webhook fails: the approval %s was not told", tenant, id)
        except (ValueError, KeyError, TypeError):  # somebody wrote into the store
            log.warning("%s: an approval cannot be read, and is told to nobody", tenant)
        tx.drop_document(_NOTE, id)
        return None


def _notes(tx: Transaction) -> Iterator[tuple[str, str]]:
    """The tenant's notes, a page at a time."""
    before = "~"
    while page := tx.documents(_NOTE, before, _MOST):
        yield from page
        before = page[-1][0]
