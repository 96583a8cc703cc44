"""How long a check takes that remembers: three limits and two rules about what came before, in
memory, on SQLite and on PostgreSQL over loopback, at a thousand recorded calls and at a million.

`make bench ARGS=benchmarks/test_memory.py`. Commits wait for the disk, as in production. Beside the
medians stands what a check costs this process in CPU time, which a busy machine does not change
much (`cpu_us`). LICET_RECORDED chooses other numbers of recorded calls.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from recorded import POLICY, fill, refund, verify

from licet import Guard
from licet.adapters.stores import open_store
from licet.verifier.history import Store
from licet.verifier.history.memory import MemoryStore
from support.postgres import Server, programs

RECORDED = [int(n) for n in os.environ.get("LICET_RECORDED", "1000,1000000").split(",")]
ROUNDS = 2_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if programs() is None:
        pytest.skip("no PostgreSQL for this platform")
    started = Server(durable=True)
    yield started
    started.discard()


def opened(kind: str, request: pytest.FixtureRequest, name: str) -> Store:
    if kind == "memory":
        return MemoryStore()
    if kind == "sqlite":
        return open_store(f"sqlite:///{request.getfixturevalue('tmp_path') / 'state.db'}")
    return open_store(request.getfixturevalue("server").create_schema(name), seconds=30)


@pytest.mark.parametrize("recorded", RECORDED)
@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])
@pytest.mark.benchmark(group="check that remembers")
def test_check(
    benchmark, kind: str, recorded: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    policy = tmp_path / "remembers.licet"
    policy.write_text(POLICY, "utf-8")
    store = opened(kind, request, f"recorded{recorded}")
    with Guard.load(policy, store=store) as guard:
        fill(guard, policy, store, recorded)
        for agent in range(20):
            verify(guard, agent)
        agents = itertools.cycle(range(20))

        def check() -> None:
            assert guard.check(refund(next(agents))).allowed

        for _ in range(100):
            check()
        before = time.process_time()
        for _ in range(200):
            check()
        benchmark.extra_info["cpu_us"] = round((time.process_time() - before) / 200 * 1e6)
        benchmark.pedantic(check, rounds=ROUNDS)
    store.close()
