"""Whatever happens at any step of check, redeem and settle: no allow without its reservation, no
payment that is forgotten, nothing half-done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from licet import Guard
from licet.adapters.stores import open_store
from licet.verifier.history import Store, StoreError
from licet.verifier.history.memory import MemoryStore
from licet.verifier.redeeming import RedeemError
from support.accounts import BUDGET, SteppingStore, spent
from support.desk_memory import ClockedStore, load
from support.ledgers import Ledger

ARGS = {"user": "x", "amount": 600}
CALL: dict[str, Any] = {
    "tool": "pay",
    "args": ARGS,
    "principal": {"id": "ann"},
    "session": "s",
    "id": "c1",
}
TOLD = ["allowed", "redeemed", "paid", "settled"]


def one_call(guard: Guard, tenant: str, say: Callable[[str], None]) -> None:
    """Check, redeem, pay, settle; `say` what has been reached."""
    verdict = guard.check(CALL, tenant=tenant)
    if verdict.ticket is None:
        assert (verdict.outcome, verdict.kind) == ("deny", "fault"), verdict.message
        say("refused")
        return
    say("allowed")
    try:
        running = guard.redeem(verdict.ticket, ARGS)
    except (RedeemError, StoreError):
        say("not redeemed")
        return
    say("redeemed")
    say("paid")
    try:
        with running as call:
            call.result = {"paid": 500}
    except StoreError:
        say("not settled")
        return
    say("settled")


class Desk:
    """Who looks at the store afterwards: another guard, with a clock of its own."""

    def __init__(self, guard: Guard, store: Store) -> None:
        self.store = ClockedStore(store)
        self.guard = Guard(guard.program, store=self.store, activate=False)

    def examine(self, tenant: str, said: list[str]) -> None:
        """What has to hold of a tenant after `one_call` got so far."""
        with self.store._store.begin(tenant) as tx:
            self.store.instant = tx.instant
        held = spent(self.guard, tenant)
        if "settled" in said:
            assert held == 500
        elif "paid" in said:
            assert held in (500, 600)
        elif "allowed" in said:
            assert held == 600
        else:
            assert held in (0, 600)
        if "redeemed" in said:
            again = self.guard.check(CALL, tenant=tenant)
            assert "has been made already" in again.message
        self.store.advance(301)
        later = spent(self.guard, tenant)
        if "paid" in said:
            assert later == held
        else:
            # never redeemed: given back; redeemed at the end: spent, though it was not paid
            assert later in (0, 600)
            following = {**CALL, "id": "c2", "args": {**ARGS, "amount": 400}}
            assert self.guard.check(following, tenant=tenant).allowed
            assert spent(self.guard, tenant) == later + 400


def child(act: Callable[[], None]) -> int:
    """The exit code of a fork that does something."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_killed_at_every_step(url: str, tmp_path: Path) -> None:
    left = 1_000_000

    def step(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    store = SteppingStore(open_store(url, seconds=10), step)
    with load(tmp_path, BUDGET, store=store) as guard:
        desk = Desk(guard, open_store(url, seconds=10))
        for number in range(1_000):
            tenant, said = f"tenant {number}", tmp_path / f"{number}.said"
            left = number
            code = child(lambda: one_call(guard, tenant, Ledger(said, sync=False).write))  # noqa: B023
            left = 1_000_000
            told = said.read_text().split() if said.exists() else []
            desk.examine(tenant, told)
            if code == 0:
                break
            assert code == -signal.SIGKILL
        desk.guard.close()
        desk.store.close()
    store.close()
    assert told == TOLD
    assert number > 20  # else there was hardly anything to kill


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_store_that_fails_at_any_step(kind: str, tmp_path: Path) -> None:
    """Also right after a commit that happened, of which only the failure is told."""
    left = 1_000_000

    def step(_: str) -> None:
        nonlocal left
        left -= 1
        if left == -1:
            raise StoreError("out of reach")

    inner = MemoryStore() if kind == "memory" else open_store(f"sqlite:///{tmp_path / 'state.db'}")
    with load(tmp_path, BUDGET, store=SteppingStore(inner, step)) as guard:
        desk = Desk(guard, inner)
        number, told = 0, ["refused"]
        while told != TOLD:
            tenant, told = f"tenant {number}", []
            left = number
            one_call(guard, tenant, told.append)
            left = 1_000_000
            desk.examine(tenant, told)
            number += 1
        desk.guard.close()
        inner.close()
    assert number > 20
