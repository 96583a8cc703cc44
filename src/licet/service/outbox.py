"""What is to be told of approvals, kept in the store until it has been.

Whoever asks for an answer or gives one leaves a note, in the transaction that writes it down: so
there is none of an approval that was not kept, and no approval that nobody will be told of. A
service with webhooks looks for notes every second, takes them, tells what stands in the store by
then, and drops a note once all have been told. A note that was taken and not dropped, since its
worker died or somebody did not take the message, is taken again after a while: each is told at
least once, and seldom twice. It decides nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
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

#: Sends an approval to all that are told of it, but for those named here; by name, whether it
#: arrived.
Tell = Callable[[Approval, Container[str]], Mapping[str, Future[bool]]]


def leave(tx: Transaction, approval: str) -> None:
    """Leave a note: what a guard announces where somebody at the same store tells of it. Raises
    StoreError."""
    tx.put_document(_NOTE, approval, str(_Note(tx.instant)))


@dataclass(frozen=True, slots=True)
class _Note:
    """When it was left, and when it was taken last, in microseconds; how often; who was told."""

    left: int
    taken: int = 0
    times: int = 0
    told: frozenset[str] = frozenset()

    @staticmethod
    def read(text: str) -> _Note:
        """Raises ValueError."""
        left, *rest = text.split()
        taken, times, *told = rest or ("0", "0")
        return _Note(int(left), int(taken), int(times), frozenset(told))

    def __str__(self) -> str:
        return " ".join((f"{self.left} {self.taken} {self.times}", *sorted(self.told)))


class Outbox:
    """Takes the notes of some tenants, and tells. Safe to share between threads."""

    def __init__(self, store: Store, tenants: Iterable[str], tell: Tell) -> None:
        self._store, self._tenants, self._tell = store, frozenset(tenants), tell
        self._lock = threading.Lock()
        self._stopped = False
        #: What is on its way, by tenant and id: when its note was left, and what comes of it.
        self._sending: dict[tuple[str, str], tuple[int, Mapping[str, Future[bool]]]] = {}

    def announce(self, tx: Transaction, approval: str) -> None:
        """Leave a note, where somebody is told of the tenant's approvals. Raises StoreError."""
        if tx.tenant in self._tenants:
            leave(tx, approval)

    def look(self) -> None:
        """Tell what was noted since the last look. Raises StoreError."""
        with self._lock:
            if not self._stopped:
                self._look()

    def stop(self) -> None:
        """Tell what is noted by now, and nothing after it."""
        with self._lock, suppress(StoreError):
            self._stopped = True
            self._look()

    def close(self) -> None:
        """Drop the notes of what was told since. What is not dropped is told again by another."""
        with self._lock, suppress(StoreError):
            for tenant in {tenant for tenant, _ in self._sending}:
                with self._store.begin(tenant) as tx:
                    self._settle(tx, tenant)

    def _look(self) -> None:
        for tenant in self._tenants:
            found: list[tuple[_Note, Approval]] = []
            with self._store.begin(tenant) as tx:
                over = self._settle(tx, tenant)
                for id, text in _notes(tx):
                    if (tenant, id) not in self._sending:
                        taken = self._taken(tx, tenant, id, text)
                        if taken is not None:
                            found.append(taken)
            for key in over:
                del self._sending[key]
            for note, approval in found:
                answers = self._tell(approval, note.told)
                self._sending[tenant, approval.id] = (note.left, answers)

    def _settle(self, tx: Transaction, tenant: str) -> list[tuple[str, str]]:
        """Drop the notes of what has arrived, write down who has it where others have not, keep
        those that are on their way; the keys of what is no more on its way."""
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
            elif all(answer.done() for answer in answers.values()):
                over.append((of, id))
                told = {name for name, answer in answers.items() if _has_arrived(answer)}
                if len(told) == len(answers):
                    tx.drop_document(_NOTE, id)
                elif told:
                    tx.put_document(_NOTE, id, str(replace(note, told=note.told | told)))
            elif tx.instant - note.taken > _LEASE // 2:
                tx.put_document(_NOTE, id, str(replace(note, taken=tx.instant)))
        return over

    def _taken(
        self, tx: Transaction, tenant: str, id: str, text: str
    ) -> tuple[_Note, Approval] | None:
        """Take a note, and what it is of. None: not now, or nevermore."""
        try:
            note = _Note.read(text)
            if note.taken and tx.instant - note.taken < _LEASE:
                return None
            stored = tx.approval(id)
            if stored is not None and tx.instant - note.left < _OLD and note.times < _TIMES:
                approval = read(stored, tx.instant, tenant)
                taken = replace(note, taken=tx.instant, times=note.times + 1)
                tx.put_document(_NOTE, id, str(taken))
                return note, approval
            if note.times >= _TIMES:
                log.warning("%s: a webhook fails: the approval %s was not told", tenant, id)
        except (ValueError, KeyError, TypeError):  # somebody wrote into the store
            log.warning("%s: an approval cannot be read, and is told to nobody", tenant)
        tx.drop_document(_NOTE, id)
        return None


def _has_arrived(answer: Future[bool]) -> bool:
    """Of what is done; what failed or was cancelled has not."""
    return not answer.cancelled() and answer.exception() is None and answer.result()


def _notes(tx: Transaction) -> Iterator[tuple[str, str]]:
    """The tenant's notes, a page at a time."""
    before = "~"
    while page := tx.documents(_NOTE, before, _MOST):
        yield from page
        before = page[-1][0]
