"""A small policy with everything that a guard remembers for, and a store whose clock is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from licet import Guard
from licet.verifier.history import AuditEntry, Head, Store, Transaction
from licet.verifier.history.memory import MemoryStore

SECOND = 1_000_000
#: 2026-11-25T15:00Z, a Wednesday.
NOON = 1_795_618_800 * SECOND

POLICY = """
enum Role { support, manager, finance }
principal { id: String, role: Role, on_behalf_of: String?, delegation: List<String>? }
tool note(text: String)
tool verify(user: String) -> { ok: Bool }
tool pay(user: String, amount: Decimal in 0 .. 10_000 step 0.01) -> { paid: Decimal >= 0 }
tool move(amount: Int in 0 .. 1_000) atomic
tool wire(amount: Int in 0 .. 100_000)
permit all on any
limit day    on pay sum(args.amount) per principal.id within day <= 100
             settle at result.paid over result
limit hour   on move sum(args.amount) within 1h <= 100
escalate big on wire when args.amount > 500 to approver.role == manager
escalate vast on wire when args.amount > 5_000 to approver.role == finance needs 2
"""

SUPPORT = {"id": "ann", "role": "support"}
BOSS = {"id": "boss", "role": "manager"}


def load(tmp_path: Path, text: str = POLICY, **options: Any) -> Guard:
    """A guard on a policy's text."""
    path = tmp_path / f"policy{len(list(tmp_path.glob('*.licet')))}.licet"
    path.write_text(text, "utf-8")
    return Guard.load(path, **options)


class ClockedStore:
    """A store whose clock stands still until somebody sets `instant` (microseconds)."""

    def __init__(self, store: Store | None = None, instant: int = NOON) -> None:
        self._store: Store = MemoryStore() if store is None else store
        self.instant = instant
        self.durable = self._store.durable
        self.blocking = self._store.blocking

    @contextmanager
    def begin(self, tenant: str) -> Iterator[Transaction]:
        with self._store.begin(tenant) as tx:
            yield _Clocked(tx, self.instant)  # type: ignore[misc]

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        return self._store.secret(name, make)

    def tenants(self) -> Sequence[str]:
        return self._store.tenants()

    def head(self, tenant: str) -> Head:
        return self._store.head(tenant)

    def heads(self) -> Mapping[str, Head]:
        return self._store.heads()

    def audit(self, tenant: str, after: int, most: int) -> Sequence[AuditEntry]:
        return self._store.audit(tenant, after, most)

    def close(self) -> None:
        self._store.close()

    def advance(self, seconds: float) -> None:
        self.instant += int(seconds * SECOND)


class _Clocked:
    """A transaction, but for its instant."""

    def __init__(self, tx: Transaction, instant: int) -> None:
        self._tx = tx
        self.instant = instant

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)
