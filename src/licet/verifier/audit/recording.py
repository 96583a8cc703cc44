"""Writing the audit: every entry follows the last one of its tenant, in the transaction that did
what the entry says."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import get_args

from ..history import AuditEntry, Transaction
from .bodies import Kind
from .entries import make_entry
from .redaction import Redaction

_KINDS = frozenset(get_args(Kind))


class Recorder:
    """Appends entries. Safe to share between threads: all state is the transaction's."""

    def __init__(self, redaction: Redaction | None = None) -> None:
        self._redaction = redaction

    @property
    def leaves_out(self) -> bool:
        """Whether entries leave something out, so that their bodies are looked into."""
        return self._redaction is not None

    def append(self, tx: Transaction, kind: Kind, body: Mapping[str, object]) -> AuditEntry:
        """Append one entry (`bodies` says what a body holds) and move the tenant's head to it.

        Raises TypeError or ValueError for a body that is not JSON-able without loss, and what the
        store raises; nothing may be allowed then.
        """
        if kind not in _KINDS:
            raise ValueError(f"there is no kind of audit entry `{kind}`")
        head = tx.head()
        seq = head.audit_seq + 1
        if self._redaction is not None:
            body = self._redaction.redact(body, tenant=tx.tenant, seq=seq)
        entry = make_entry(tx.tenant, seq, head.audit_hash, tx.instant, kind, body)
        tx.append_audit((entry,))
        tx.set_head(head._replace(audit_seq=entry.seq, audit_hash=entry.hash))
        return entry

    def redacted(self, body: Mapping[str, object], tenant: str) -> Mapping[str, object]:
        """A body without what the entries leave out, for what is kept beside them. Its number is
        none that an entry has, so that no commitment says that two of them are the same."""
        if self._redaction is None:
            return body
        return self._redaction.redact(body, tenant=tenant, seq=-secrets.randbits(62))
