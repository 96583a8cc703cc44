"""Many at one budget: never a cent over it, nothing lost, nothing counted twice.

What was paid is told by the payers' own ledgers, not by the guard. `benchmarks/soak.py` does the
same for longer.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from licet import Guard
from licet.adapters.stores import open_store
from licet.verifier.history import StoreError
from licet.verifier.history.memory import MemoryStore
from support.accounts import BUDGET, LIMIT, spent
from support.desk_memory import load
from support.ledgers import Ledger, paid, work

ANN = {"id": "ann"}


def test_threads(tmp_path: Path) -> None:
    # as long as a busy machine takes: what is asked here is not how fast they are
    with load(tmp_path, BUDGET, store=MemoryStore(seconds=120)) as guard:

        def one(number: int) -> dict[str, int]:
            ledger = Ledger(tmp_path / f"{number}.ledger", sync=False)
            try:
                return work(guard, ledger, number, 6, principal=ANN)
            finally:
                ledger.close()

        with ThreadPoolExecutor(16) as pool:
            seen = list(pool.map(one, range(64)))
        assert sum(s.get("fault", 0) for s in seen) == 0
        assert sum(s.get("not run", 0) for s in seen) == 0
        assert sum(s.get("deny", 0) for s in seen) > 0
        assert paid(tmp_path) <= spent(guard) <= LIMIT


def processes(count: int, act: Callable[[int], None]) -> list[int]:
    """Forked children that run a function of their number."""
    pids = []
    for number in range(count):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                act(number)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        pids.append(pid)
    return pids


def begin(policy: Path, url: str) -> None:
    """Let the policy be the active one of a new store."""
    with Guard.load(policy, store=url) as guard:
        guard.store.close()


def patiently(make: Callable[[], Guard]) -> Guard:
    """As a service that is started again when it could not start."""
    for _ in range(5):
        try:
            return make()
        except StoreError:
            pass
    return make()


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
@pytest.mark.parametrize(("url", "count"), [("sqlite", 8), ("postgresql", 4)], indirect=["url"])
def test_processes_that_are_killed(tmp_path: Path, url: str, count: int) -> None:
    policy = tmp_path / "policy.licet"
    policy.write_text(BUDGET)
    begin(policy, url)

    def live(number: int, life: int) -> None:
        guard = patiently(lambda: Guard.load(policy, store=open_store(url, seconds=10)))
        ledger = Ledger(tmp_path / f"{number}-{life}.ledger")
        work(guard, ledger, 100 * life + number, 12 if life else 10_000, principal=ANN, most=60)

    rng = random.Random(5)
    # the first lives end by kill -9, each at a moment of its own
    pids = processes(count, lambda number: live(number, 0))
    until = time.monotonic() + 20
    while not any(p.stat().st_size for p in tmp_path.glob("*.ledger")):
        assert time.monotonic() < until
        time.sleep(0.01)
    for pid in pids:
        time.sleep(rng.uniform(0.0, 0.2))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    survivors = processes(count, lambda number: live(number, 1))
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in survivors]
    assert codes == [0] * count
    with Guard.load(policy, store=url) as guard:
        assert 0 < paid(tmp_path) <= spent(guard) <= LIMIT
        guard.store.close()


PAIR = {"tool": "pay", "args": {"user": "x", "amount": 600}, "principal": ANN, "session": "s"}


@pytest.mark.parametrize("kind", [None, "sqlite"])
def test_two_at_once_by_threads(tmp_path: Path, kind: str | None) -> None:
    store = None if kind is None else f"sqlite:///{tmp_path / 'state.db'}"
    with load(tmp_path, BUDGET, store=store) as guard, ThreadPoolExecutor(2) as pool:
        for round in range(5):
            tenant = f"tenant {round}"
            pair = [pool.submit(guard.check, PAIR, tenant=tenant) for _ in range(2)]
            assert sorted(f.result().outcome for f in pair) == ["allow", "deny"]


@pytest.mark.parametrize("kind", [None, "sqlite"])
def test_two_at_once_by_tasks(tmp_path: Path, kind: str | None) -> None:
    store = None if kind is None else f"sqlite:///{tmp_path / 'state.db'}"

    async def both(guard: Guard, tenant: str) -> list[str]:
        pair = await asyncio.gather(*(guard.acheck(PAIR, tenant=tenant) for _ in range(2)))
        return sorted(verdict.outcome for verdict in pair)

    with load(tmp_path, BUDGET, store=store) as guard:
        for round in range(5):
            assert asyncio.run(both(guard, f"tenant {round}")) == ["allow", "deny"]


def test_two_at_once_by_processes(tmp_path: Path) -> None:
    policy = tmp_path / "policy.licet"
    policy.write_text(BUDGET)
    url = f"sqlite:///{tmp_path / 'state.db'}"
    begin(policy, url)
    ready = tmp_path / "ready"

    def one(number: int) -> None:
        guard = Guard.load(policy, store=open_store(url, seconds=20))
        (tmp_path / f"up{number}").touch()
        until = time.monotonic() + 60
        while not ready.exists() and time.monotonic() < until:
            time.sleep(0.0005)
        for round in range(5):
            outcome = guard.check(PAIR, tenant=f"tenant {round}").outcome
            (tmp_path / f"{round}-{number}").write_text(outcome)

    pids = processes(2, one)
    while len(list(tmp_path.glob("up*"))) < 2:
        time.sleep(0.005)
    ready.touch()
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0]
    for round in range(5):
        assert sorted(p.read_text() for p in tmp_path.glob(f"{round}-*")) == ["allow", "deny"]
