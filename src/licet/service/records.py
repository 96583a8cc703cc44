"""Entries of one tenant's audit, found for whoever may read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from licet.verifier.audit.entries import EntryError, body_of, envelope
from licet.verifier.history import AuditEntry, Store

#: Entries that one search looks at, and that it reads at once.
SCANNED = 5_000
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Record:
    """One entry, read. `at` is RFC 3339."""

    seq: int
    at: str
    kind: str
    hash: str
    body: Mapping[str, Any]

    @property
    def verdict(self) -> Mapping[str, Any]:
        """Of a verdict, what was answered; empty for all else."""
        found = self.body.get("verdict")
        return found if isinstance(found, dict) else {}

    def plain(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "at": self.at,
            "kind": self.kind,
            "hash": self.hash,
            "body": self.body,
        }


def last(store: Store, tenant: str) -> int:
    """The number of a tenant's last entry. Raises StoreError."""
    with store.begin(tenant) as tx:
        return tx.head().audit_seq


def one(store: Store, tenant: str, seq: int) -> Record | None:
    """An entry by its number. Raises StoreError."""
    for entry in store.audit(tenant, seq - 1, 1):
        if entry.seq == seq:
            return _read(entry, {})
    return None


def after(store: Store, tenant: str, seq: int, most: int) -> Iterator[Record]:
    """The entries that follow one, of at most `most`, in their order. Raises StoreError."""
    for entry in store.audit(tenant, seq, most):
        found = _read(entry, {})
        if found is not None:
            yield found


def search(
    store: Store, tenant: str, before: int | None, limit: int, asked: Mapping[str, str]
) -> tuple[list[Record], int | None]:
    """Entries that fit all that is asked (`kind`, `outcome`, `tool`, `rule`, `id`, `call`), newest
    first, and below which number to go on; None: there are no more. Raises StoreError."""
    newest = last(store, tenant)
    end = newest if before is None else min(before - 1, newest)
    found: list[Record] = []
    lowest = max(0, end - SCANNED)
    while end > lowest:
        start = max(lowest, end - _PAGE)
        for entry in reversed(store.audit(tenant, start, end - start)):
            shown = _read(entry, asked)
            if shown is not None:
                found.append(shown)
                if len(found) == limit:
                    return found, entry.seq if entry.seq > 1 else None
        end = start
    return found, lowest + 1 if lowest > 0 else None


def fits(record: Record, asked: Mapping[str, str]) -> bool:
    """Whether an entry is what is asked for."""
    said = record.verdict
    found = {
        "kind": record.kind,
        "outcome": said.get("outcome"),
        "tool": said.get("tool", record.body.get("tool")),
        "id": said.get("id"),
        "call": said.get("call") if said else record.body.get("call"),
    }
    if "rule" in asked and asked["rule"] not in (said.get("rules") or ()):
        return False
    return all(found[name] == wanted for name, wanted in asked.items() if name != "rule")


def _read(entry: AuditEntry, asked: Mapping[str, str]) -> Record | None:
    """An entry, or None where it is not what is asked for."""
    try:
        head = envelope(entry.text)
        if asked.get("kind", head.kind) != head.kind:
            return None
        record = Record(entry.seq, head.at, head.kind, entry.hash, body_of(entry.text))
    except EntryError:  # somebody wrote into the store: `licet audit verify` says more
        return None
    return record if fits(record, asked) else None
