"""Many services at one budget, for as long as you like, ended by kill -9 again and again.

`python benchmarks/soak.py [--seconds 300] [--stores sqlite,postgresql,threads]`. Each round has a
budget of its own: processes (or 64 threads) pay random amounts from it, fail, cancel, fall silent
or are killed, and others take their place. What was paid is added up from the payers' own ledgers,
written and fsynced before each payment; it has to stay within what the guard holds to be spent, and
that within the limit. Stops with an error at the first cent that does not.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from licet import Guard
from licet.adapters.stores import open_store
from licet.verifier.history import StoreError
from support.accounts import BUDGET, LIMIT, spent
from support.ledgers import Ledger, paid, work
from support.postgres import Server

ANN = {"id": "ann"}
PROCESSES = {"sqlite": 8, "postgresql": 4}


def live(policy: Path, url: str, folder: Path, name: str, seed: int) -> None:
    """One service, until it has made its calls or somebody kills it."""
    guard = None
    while guard is None:
        try:
            guard = Guard.load(policy, store=open_store(url, seconds=10), activate=False)
        except StoreError:
            time.sleep(0.05)
    work(guard, Ledger(folder / f"{name}.ledger"), seed, 40, principal=ANN, tenant=folder.name)


def by_processes(policy: Path, url: str, folder: Path, count: int, rng: random.Random) -> int:
    """One round; how many were killed."""
    killed = 0
    running: dict[int, float] = {}
    for number in range(count * 3):
        while len(running) >= count:
            killed += _reap(running)
        seed = rng.randrange(2**40)
        pid = os.fork()
        if pid == 0:
            try:
                live(policy, url, folder, str(number), seed)
            finally:
                os._exit(0)
        # the last ones may live as long as they like
        life = rng.uniform(0.2, 3.0) if number < count * 2 else 3_600.0
        running[pid] = time.monotonic() + life
    while running:
        killed += _reap(running)
    return killed


def _reap(running: dict[int, float]) -> int:
    killed = 0
    for pid, until in list(running.items()):
        if os.waitpid(pid, os.WNOHANG)[0]:
            del running[pid]
        elif time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            del running[pid]
            killed += 1
    time.sleep(0.005)
    return killed


def by_threads(guard: Guard, folder: Path, rng: random.Random) -> Counter[str]:
    """One round of 64 threads; what happened."""

    def one(number: int) -> dict[str, int]:
        ledger = Ledger(folder / f"{number}.ledger")
        seen = work(guard, ledger, seeds[number], 20, principal=ANN, tenant=folder.name)
        ledger.close()
        return seen

    seeds = [rng.randrange(2**40) for _ in range(64)]
    total: Counter[str] = Counter()
    with ThreadPoolExecutor(64) as pool:
        for seen in pool.map(one, range(64)):
            total.update(seen)
    return total


def soak(kind: str, seconds: float, seed: int) -> None:
    rng = random.Random(seed)
    server = Server(durable=True) if kind == "postgresql" else None
    until, rounds, killed, most, all_paid = time.monotonic() + seconds, 0, 0, 0, 0
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        policy = folder / "policy.licet"
        policy.write_text(BUDGET)
        url = server.create_schema("soak") if server else f"sqlite:///{folder / 'state.db'}"
        store = None if kind == "threads" else open_store(url, seconds=30)
        with Guard.load(policy, store=store) as guard:
            while rounds == 0 or time.monotonic() < until:
                here = folder / f"round {rounds}"
                here.mkdir()
                if kind == "threads":
                    seen += by_threads(guard, here, rng)
                else:
                    killed += by_processes(policy, url, here, PROCESSES[kind], rng)
                held, gone = spent(guard, here.name), paid(here)
                if not gone <= held <= LIMIT:
                    raise SystemExit(f"{kind}, seed {seed}: paid {gone}, held {held} of {LIMIT}")
                rounds, most, all_paid = rounds + 1, max(most, held), all_paid + gone
            guard.store.close()
    if server:
        server.discard()
    print(
        f"{kind}: {rounds} budgets of {LIMIT}, {killed} processes killed, paid {all_paid:,}, "
        f"at most {most} held of one; {dict(seen) or ''}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=300.0, help="for each kind of store")
    parser.add_argument("--stores", default="threads,sqlite,postgresql")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    for kind in given.stores.split(","):
        soak(kind, given.seconds, given.seed)


if __name__ == "__main__":
    main()
