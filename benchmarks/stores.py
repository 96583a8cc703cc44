"""How long a check's transaction takes in a durable store, at a thousand recorded calls and at a
million.

`python benchmarks/stores.py` prints a table. The transactions are what a guard does with three
limits and two rules about the past: five pots, parts of their trees read in one go, the call
written with its leaves, the trees' nodes above them and an entry of the audit. Commits wait for the
disk, so beside them stands what the disk alone takes; `--folder /dev/shm --hasty` shows the rest.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from licet.adapters.stores import open_store
from licet.verifier.history import AuditEntry, Head, Leaf, Store, StoredCall
from support.postgres import Server, programs

FAN = 16
LEVELS = 4
ROUNDS = 1_000
SECOND = 1_000_000
POLICY = "5d41402abc4b2a76b9719d911017c592ae2a45cd"


def pots(rng: random.Random) -> list[str]:
    """All, by tool, twice by principal, by session: from one that holds everything to many small
    ones."""
    who, session, tool = rng.randrange(1_000), rng.randrange(50_000), rng.randrange(20)
    return [
        f"{POLICY[:16]}/all",
        f"{POLICY[:16]}/tool/tool{tool}",
        f"{POLICY[:16]}/refunds/user{who}",
        f"{POLICY[:16]}/mails/user{who}",
        f"{POLICY[:16]}/order/session-{session:08}",
    ]


class Load:
    """Calls, one after the other."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.rng = random.Random(seed)
        self.sizes: dict[str, int] = {}
        self.at = 1_700_000_000 * SECOND

    def fill(self, calls: int) -> None:
        while calls:
            count = min(calls, 2_000)
            calls -= count
            with self.store.begin("bench") as transaction:
                for _ in range(count):
                    head = transaction.head()
                    self.at += SECOND
                    leaves, nodes = [], {}
                    for pot in pots(self.rng):
                        slot = self.sizes.get(pot, 0)
                        self.sizes[pot] = slot + 1
                        leaves.append(Leaf(pot, slot, self.at, head.seq + 1, "129.95"))
                        for level in range(1, LEVELS + 1):
                            nodes[pot, level, slot // FAN**level] = f"sum {slot}"
                    self._write(transaction, head, leaves, nodes, "ok")

    def check(self) -> float:
        """One check-like transaction; its seconds."""
        asked = pots(self.rng)
        self.at += SECOND
        began = time.perf_counter()
        with self.store.begin("bench") as transaction:
            head = transaction.head()
            transaction.coverage(POLICY)
            transaction.calls_due(self.at - 60 * SECOND, 10)
            transaction.call_by_id("user", "session", f"call-{head.seq + 1}")
            starts = [transaction.leaves_until(p, self.at - 86_400 * SECOND) for p in asked[:4]]
            ends = [self.sizes.get(p, 0) for p in asked]
            ranges = [
                (pot, 1, max(0, end // FAN - 7), end // FAN)
                for pot, end in zip(asked, ends, strict=True)
            ]
            transaction.nodes(ranges)
            leaves, nodes = [], {}
            for pot, slot in zip(asked, ends, strict=True):
                leaves.append(Leaf(pot, slot, self.at, head.seq + 1, "129.95"))
                for level in range(1, LEVELS + 1):
                    nodes[pot, level, slot // FAN**level] = f"sum {slot} {starts[0]}"
            self._write(transaction, head, leaves, nodes, "redeemed")
        taken = time.perf_counter() - began
        for pot in asked:
            self.sizes[pot] = self.sizes.get(pot, 0) + 1
        return taken

    def _write(self, transaction, head: Head, leaves, nodes, state) -> None:  # type: ignore[no-untyped-def]
        seq = head.seq + 1
        call = StoredCall(
            seq=seq,
            change=head.change + 1,
            principal="user",
            session="session",
            call_id=f"call-{seq}",
            nonce=self.rng.randbytes(16).hex(),
            tool="refund",
            digest=self.rng.randbytes(32).hex(),
            policy=POLICY,
            catalog=POLICY,
            at=self.at,
            expires=self.at + 60 * SECOND,
            state=state,
            record="r" * 400,
        )
        transaction.put_call(call)
        transaction.put_leaves(leaves)
        transaction.put_nodes(nodes)
        transaction.append_audit([AuditEntry(seq, self.rng.randbytes(32).hex(), "a" * 600)])
        transaction.cover(POLICY, seq)
        transaction.set_head(replace(head, seq=seq, change=head.change + 1, audit_seq=seq))


def disk(folder: Path) -> float:
    """The median of writing one block at a file's end and waiting for the disk, in seconds."""
    taken = []
    with (folder / "block").open("wb", buffering=0) as file:
        for _ in range(300):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def measure(name: str, loads: dict[int, Load]) -> None:
    """In turns, so that whatever else the machine does falls upon all alike."""
    taken: dict[int, list[float]] = {size: [] for size in loads}
    for n in range(ROUNDS + 50):
        for size, load in loads.items():
            seconds = load.check()
            if n >= 50:
                taken[size].append(seconds)
    first = 0.0
    for size, all_seconds in taken.items():
        low, median, high = (statistics.quantiles(all_seconds, n=20)[n] * 1e3 for n in (0, 9, 18))
        first = first or median
        print(
            f"{name:<12}{size:>10,}{low:>9.2f}{median:>9.2f}{high:>9.2f}{median / first:>8.2f}",
            flush=True,
        )


def filled(url: str, size: int) -> Load:
    load = Load(open_store(url), seed=size)
    load.fill(size)
    return load


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("most", type=int, nargs="?", default=1_000_000)
    arguments.add_argument("--folder", help="where SQLite's files lie")
    arguments.add_argument(
        "--hasty", action="store_true", help="PostgreSQL does not wait for the disk"
    )
    given = arguments.parse_args()
    sizes = [1_000, given.most]
    columns = "".join(f"{word:>9}" for word in ("p5 ms", "median", "p95"))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        print(f"the disk alone: {disk(Path(folder)) * 1e3:.2f} ms")
        print(f"{'':<12}{'calls':>10}{columns}{'ratio':>8}")
        measure("sqlite", {size: filled(f"sqlite:///{folder}/{size}.db", size) for size in sizes})
    if programs() is None:
        print("no PostgreSQL for this platform")
        return
    server = Server(durable=not given.hasty)
    try:
        urls = {size: server.create_schema(f"calls{size}") for size in sizes}
        measure("postgresql", {size: filled(url, size) for size, url in urls.items()})
    finally:
        server.discard()


if __name__ == "__main__":
    main()
