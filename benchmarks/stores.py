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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from sqlalchemy import create_engine

from licet.adapters.stores import open_store
from licet.verifier.history import AuditEntry, Leaf, StoredCall
from support.postgres import Server, programs

FAN = 16
LEVELS = 4
ROUNDS = 1_000
SECOND = 1_000_000
BEGAN = 1_700_000_000 * SECOND
POLICY = "5d41402abc4b2a76"


#: Kinds of pots, and how many there are of each: from one that holds everything to many small ones.
KINDS = {"all": 1, "tool": 20, "refunds by user": 1_000, "mails by user": 1_000, "session": 50_000}


def pots(number: int) -> list[tuple[str, int]]:
    """The pots of a call, and its slot in each."""
    return [(f"{POLICY}/{kind} {number % n}", number // n) for kind, n in KINDS.items()]


class Load:
    """Calls, one after the other, after so many that were recorded before."""

    def __init__(self, url: str, recorded: int) -> None:
        self.store = open_store(url)
        self.number = recorded
        self.rng = random.Random(recorded)
        fill(url, recorded)

    def check(self) -> float:
        """One check-like transaction; its seconds."""
        number, at = self.number, BEGAN + self.number * SECOND
        asked = pots(number)
        leaves = [Leaf(pot, slot, at, number + 1, "129.95") for pot, slot in asked]
        nodes = {
            (pot, level, slot // FAN**level): f"sum {number}"
            for pot, slot in asked
            for level in range(1, LEVELS + 1)
        }
        call = StoredCall(
            seq=number + 1,
            change=number + 1,
            principal="user",
            session="session",
            call_id=f"call {number}",
            nonce=self.rng.randbytes(16).hex(),
            tool="refund",
            digest=self.rng.randbytes(32).hex(),
            policy=POLICY,
            catalog=POLICY,
            at=at,
            expires=at + 60 * SECOND,
            state="redeemed",
            record="r" * 400,
        )
        entry = AuditEntry(number + 1, self.rng.randbytes(32).hex(), "a" * 600)
        began = time.perf_counter()
        with self.store.begin("bench") as transaction:
            head = transaction.head()
            transaction.coverage(POLICY)
            transaction.calls_due(at - 60 * SECOND, 10)
            transaction.call_by_id("user", "session", call.call_id)
            for pot, _ in asked[:4]:
                transaction.leaves_until(pot, at - 86_400 * SECOND)
            transaction.nodes(
                [(pot, 1, max(0, slot // FAN - 7), slot // FAN) for pot, slot in asked]
            )
            transaction.put_call(call)
            transaction.put_leaves(leaves)
            transaction.put_nodes(nodes)
            transaction.set_head(
                head._replace(seq=number + 1, change=number + 1, at=at, audit_seq=number + 1)
            )
            transaction.cover(POLICY, number + 1)
            transaction.append_audit([entry])
        self.number += 1
        return time.perf_counter() - began


def fill(url: str, recorded: int) -> None:
    """Write what so many calls would have left, in SQL, since a million checks take long."""
    server = url.startswith("postgresql")
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    some = "md5(random()::text)" if server else "lower(hex(randomblob(16)))"
    numbers = f"""WITH RECURSIVE numbers(n) AS
        (SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {recorded})"""
    at = f"{BEGAN} + n * {SECOND}"
    policy = f"'{POLICY}'"
    with engine.begin() as connection:

        def run(statement: str) -> None:
            connection.exec_driver_sql(statement)

        run(
            f"""INSERT INTO licet_tenants (tenant, name, seq, change, at, policy, audit_seq,
            audit_hash) VALUES (1, 'bench', {recorded}, {recorded}, 0, {policy}, {recorded}, '')"""
        )
        run(
            f"""INSERT INTO licet_calls {numbers} SELECT 1, n + 1, n + 1, 'user', 'session',
            'call ' || n, {some}, 'refund', {some} || {some}, {policy}, {policy}, {at}, {at},
            'ok', '{"r" * 400}', NULL FROM numbers"""
        )
        run(
            f"""INSERT INTO licet_audit {numbers} SELECT 1, n + 1, {some} || {some},
            '{"a" * 600}' FROM numbers"""
        )
        for kind, n in KINDS.items():
            run(
                f"""INSERT INTO licet_leaves {numbers} SELECT 1,
                '{POLICY}/{kind} ' || (n {"%%" if server else "%"} {n}), n / {n}, {at}, n + 1,
                '129.95' FROM numbers"""
            )
        for level in range(1, LEVELS + 1):
            run(
                f"""INSERT INTO licet_nodes SELECT 1, pot, {level}, slot / {FAN**level}, 'sum'
                FROM licet_leaves GROUP BY pot, slot / {FAN**level}"""
            )
        run(f"INSERT INTO licet_coverage VALUES (1, {policy}, {recorded})")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE" if server else "PRAGMA wal_checkpoint")
    engine.dispose()


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
        measure("sqlite", {size: Load(f"sqlite:///{folder}/{size}.db", size) for size in sizes})
    if programs() is None:
        print("no PostgreSQL for this platform")
        return
    server = Server(durable=not given.hasty)
    try:
        urls = {size: server.create_schema(f"calls{size}") for size in sizes}
        measure("postgresql", {size: Load(url, size) for size, url in urls.items()})
    finally:
        server.discard()


if __name__ == "__main__":
    main()
