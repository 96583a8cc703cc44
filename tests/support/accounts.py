"""What one budget holds, told in three ways, and a store that lets a test step in anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from licet import Guard
from licet.compiler.exact_json import decode
from licet.verifier.history import AuditEntry, Head, Store, Transaction

BUDGET = """
principal { id: String }
tool pay(user: String, amount: Int in 0 .. 1_000) -> { paid: Int >= 0 }
permit all on any
limit total on pay sum(args.amount) within 24h <= 1_000 settle at result.paid over result
"""
LIMIT = 1_000


def spent(guard: Guard, tenant: str = "default") -> int:
    """What the one limit of `BUDGET` holds to be spent or reserved. Its sums, its calls read one by
    one, and the rows with nothing of the policy's meaning have to say the same."""
    [name] = guard.program.history
    with guard._memory.sit(tenant) as sitting:
        [by_sums] = sitting.history([(name, ())], None, sitting.now)
        by_calls = sitting.by_definition((name, ()), None, sitting.now)
        by_rows = 0
        for call in sitting.tx.calls_changed_after(0, 10**9):
            if call.state == "ok" and call.result is not None:
                by_rows += decode(call.result)["paid"]
            elif call.state != "cancelled":
                by_rows += decode(call.record)["call"]["args"]["amount"]
    assert by_sums == by_calls == by_rows
    return int(by_rows)


class SteppingStore:
    """A store that calls `step` with the name of each thing that it is about to do."""

    def __init__(self, store: Store, step: Callable[[str], None]) -> None:
        self._store = store
        self._step = step
        self.durable = store.durable
        self.blocking = store.blocking

    @contextmanager
    def begin(self, tenant: str) -> Iterator[Transaction]:
        self._step("begin")
        with self._store.begin(tenant) as tx:
            yield _Stepping(tx, self._step)  # type: ignore[misc]
            self._step("commit")
        self._step("committed")

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


class _Stepping:
    def __init__(self, tx: Transaction, step: Callable[[str], None]) -> None:
        self._tx = tx
        self._step = step
        self.instant = tx.instant

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._tx, name)
        if not callable(found):
            return found

        def stepped(*values: object) -> object:
            self._step(name)
            return found(*values)

        return stepped
