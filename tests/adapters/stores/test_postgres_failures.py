"""What may happen to a server and the way to it: a StoreError, soon, and nothing is lost."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from licet.adapters.stores import open_store
from licet.adapters.stores.postgres import Postgres
from licet.adapters.stores.statements import Statement
from licet.verifier.history import Head, Store, StoreError
from support.postgres import Server
from support.store_rows import call, head


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> str:
    return server.create_schema(f"failing_{abs(hash(request.node.name))}")


def advance(store: Store) -> None:
    with store.begin("acme") as t:
        t.set_head(Head(seq=t.head().seq + 1))


def backends(server: Server) -> list[int]:
    rows = server.run("SELECT pid FROM pg_stat_activity WHERE application_name = 'licet'")
    return [int(str(pid)) for (pid,) in rows]


def terminate_all(server: Server) -> None:
    server.run(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE application_name = 'licet'"
    )


def test_a_dropped_connection_is_replaced(server: Server, url: str) -> None:
    store = open_store(url)
    advance(store)
    terminate_all(server)
    advance(store)
    terminate_all(server)
    assert store.audit("acme", 0, 9) == []
    with store.begin("acme") as t:
        assert t.head() == Head(seq=2)
    store.close()


def test_all_connections_dropped_at_once(server: Server, url: str) -> None:
    store = open_store(url)
    start = threading.Barrier(8)

    def hold(tenant: str) -> None:
        with store.begin(tenant) as t:
            start.wait()
            t.set_head(head(1))

    threads = [threading.Thread(target=hold, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(backends(server)) == 8
    terminate_all(server)
    advance(store)
    store.close()


@pytest.mark.parametrize("read_first", [False, True])
def test_a_connection_dropped_in_the_middle(server: Server, url: str, read_first: bool) -> None:
    store = open_store(url)
    advance(store)

    def interrupted() -> None:
        with store.begin("acme") as t:
            t.put_call(call(1))
            if read_first:
                t.call_by_nonce("x")
            t.set_head(head(7))
            terminate_all(server)

    with pytest.raises(StoreError):
        interrupted()
    with store.begin("acme") as t:
        assert (t.head(), t.calls_changed_after(0, 9)) == (Head(seq=1), [])
    store.close()


def test_a_server_that_stops_and_starts_again(server: Server, url: str) -> None:
    store = open_store(url, seconds=1.0)
    advance(store)
    server.stop()
    try:
        for attempt in (lambda: advance(store), store.tenants, lambda: open_store(url)):
            with pytest.raises(StoreError):
                attempt()
    finally:
        server.start()
    advance(store)
    with store.begin("acme") as t:
        assert t.head() == Head(seq=2)
    store.close()


def test_a_tenant_that_another_process_holds(url: str) -> None:
    holder, store = open_store(url), open_store(url, seconds=0.3)
    with holder.begin("acme"):
        with pytest.raises(
            StoreError, match=r"another transaction of this tenant has lasted for 0\.3 s"
        ):
            advance(store)
        with store.begin("other") as t:  # nobody else's business
            t.set_head(head(1))
    advance(store)
    holder.close()
    store.close()


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_server_that_says_nothing(server: Server, url: str) -> None:
    """It is there, the connection stands, and no answer comes: no limit of its own can help."""
    store = open_store(url, seconds=0.3)
    advance(store)
    with (
        stopped(backends(server)),
        pytest.raises(StoreError, match=r"the server did not answer in time \(0\.3 s\)"),
    ):
        advance(store)
    advance(store)
    with store.begin("acme") as t:
        assert t.head() == Head(seq=2)
    store.close()


def test_a_server_that_says_nothing_in_the_middle(server: Server, url: str) -> None:
    """Whether it commits is then not known; but it is all or nothing, and found out later."""
    store = open_store(url, seconds=0.3)

    def interrupted(pids: list[int]) -> None:
        with store.begin("acme") as t:
            t.put_call(call(1))
            t.set_head(head(1))
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)

    advance(store)
    pids = backends(server)
    try:
        with pytest.raises(StoreError, match="did not answer"):
            interrupted(pids)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    later = open_store(url)
    with later.begin("acme") as t:
        assert (t.head(), t.calls_changed_after(0, 9)) in [
            (Head(seq=1), []),
            (head(1), [call(1)]),
        ]
    later.close()
    store.close()


def test_a_client_that_stopped_in_the_middle_loses_its_turn(url: str) -> None:
    stuck, store = open_store(url, seconds=0.2), open_store(url, seconds=10)

    def late() -> None:
        with stuck.begin("acme") as t:
            t.set_head(head(9))
            advance(store)  # waits until the server has thrown the other out

    with pytest.raises(StoreError):
        late()
    with store.begin("acme") as t:
        assert t.head() == Head(seq=1)
    stuck.close()
    store.close()


def test_tables_that_are_gone(server: Server, url: str) -> None:
    store = open_store(url)
    schema = url.rpartition("%3D")[2]
    advance(store)
    server.run(f"DROP TABLE {schema}.licet_tenants")
    with pytest.raises(StoreError, match='"licet_tenants" does not exist'):
        advance(store)
    store.close()


def test_what_a_database_sets_for_its_sessions_does_not_count(server: Server, url: str) -> None:
    """A commit is on disk, a transaction writes, and it waits for locks."""
    settings = {
        "synchronous_commit": "off",
        "default_transaction_read_only": "on",
        "default_transaction_isolation": "serializable",
        "lock_timeout": "1ms",
    }
    with psycopg.connect(server.url("postgres"), autocommit=True) as operator:
        for name, value in settings.items():
            operator.execute(f"ALTER ROLE licet SET {name} = '{value}'".encode())
        try:
            store = open_store(url)
            advance(store)
            driver = Postgres(url, 2.0).connect()
            assert driver.execute("SHOW synchronous_commit").fetchone() == ("on",)
            assert driver.execute("SHOW lock_timeout").fetchone() == ("2s",)
            driver.close()
            store.close()
        finally:
            operator.execute("ALTER ROLE licet RESET ALL")


def test_two_tenants_do_not_wait_for_each_other(url: str) -> None:
    store = open_store(url)
    both = threading.Barrier(2, timeout=10)

    def hold(tenant: str) -> None:
        with store.begin(tenant):
            both.wait()

    thread = threading.Thread(target=hold, args=("a",))
    thread.start()
    hold("b")
    thread.join()
    store.close()


def test_every_lookup_of_the_server_is_by_key(url: str) -> None:
    """As in test_plans.py, while the tables are empty: when a server likes least to use a key."""
    open_store(url).close()
    database = Postgres(url, 1.0)
    statements = {n: s for n, s in vars(database.statements).items() if isinstance(s, Statement)}
    statements["nodes"] = database.statements.nodes(5)
    driver = database.connect()
    slow = {}
    for name, statement in statements.items():
        numbers: dict[str, int] = {}
        text = re.sub(
            r"%\((\w+)\)s",
            lambda found, numbers=numbers: f"${numbers.setdefault(found[1], len(numbers) + 1)}",
            statement.text,
        )
        rows = driver.execute(f"EXPLAIN (GENERIC_PLAN) {text}".encode()).fetchall()
        plan = "\n".join(line for (line,) in rows)
        if "Seq Scan" in plan or "Sort" in plan:
            slow[name] = plan
    driver.close()
    assert slow == {}
