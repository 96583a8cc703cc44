"""A tenant's head and audit in memory: the part of a store's transaction that a recorder uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from licet.verifier.audit import Recorder, line_of
from licet.verifier.history import AuditEntry, Head


class AuditLog:
    """Both the store and its only transaction."""

    def __init__(self, tenant: str = "acme", instant: int = 1_795_000_000_000_000) -> None:
        self.tenant = tenant
        self.instant = instant
        self.entries: list[AuditEntry] = []
        self._head = Head()

    def head(self) -> Head:
        return self._head

    def set_head(self, head: Head) -> None:
        self._head = head

    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        self.entries.extend(entries)

    def text(self) -> str:
        """As an exported file."""
        return "".join(map(line_of, self.entries))


def filled(count: int, tenant: str = "acme", recorder: Recorder | None = None) -> AuditLog:
    """A log of so many settlements."""
    log = AuditLog(tenant)
    writer = recorder or Recorder()
    for number in range(count):
        log.instant += 1_000
        writer.append(log, "settlement", settlement(number))  # type: ignore[arg-type]
    return log


def settlement(number: int) -> Mapping[str, object]:
    return {"call": f"c{number}", "nonce": f"n{number}", "outcome": "ok", "result": {"n": number}}
