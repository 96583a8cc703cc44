"""Several processes, each with several threads, on one budget: nothing is lost, nothing twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from licet.adapters.stores import open_store
from licet.adapters.stores.turns import Turns
from licet.verifier.history import AuditEntry, Head, Store
from support.children import Child, Step
from support.store_rows import call

PROCESSES, THREADS, EACH = 4, 4, 8


def spend(store: Store) -> None:
    """Read what was spent, and add one: right only if nobody comes in between."""
    with store.begin("acme") as t:
        spent = int(t.nodes([("budget", 1, 0, 0)]).get(("budget", 1, 0), "0"))
        number = t.head().seq + 1
        t.put_call(call(number))
        t.put_nodes({("budget", 1, 0): str(spent + 1)})
        t.append_audit([AuditEntry(number, str(number), "")])
        t.set_head(Head(seq=number))


def spend_often(store: Store) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(spend, store) for _ in range(THREADS * EACH)]:
            done.result()


def check(store: Store, count: int) -> None:
    with store.begin("acme") as t:
        assert t.head() == Head(seq=count)
        assert t.nodes([("budget", 1, 0, 0)]) == {("budget", 1, 0): str(count)}
        assert [c.seq for c in t.calls_changed_after(0, 9_999)] == list(range(1, count + 1))
    assert [entry.seq for entry in store.audit("acme", 0, 9_999)] == list(range(1, count + 1))


def test_processes_and_threads_spend_one_budget(url: str) -> None:
    """Each process opens the store by itself."""
    open_store(url).close()
    children = [
        Child(lambda step: spend_often(open_store(url, seconds=60))) for _ in range(PROCESSES)
    ]
    assert [(child.read(), child.wait()) for child in children] == [("", 0)] * PROCESSES
    store = open_store(url)
    check(store, PROCESSES * THREADS * EACH)
    store.close()


def test_forked_processes_share_the_parents_store(url: str) -> None:
    """The store was used before, and is used on both sides afterwards."""
    store = open_store(url, seconds=60)
    spend(store)

    def act(step: Step) -> None:
        spend_often(store)

    children = [Child(act) for _ in range(2)]
    spend_often(store)
    assert [(child.read(), child.wait()) for child in children] == [("", 0)] * 2
    check(store, 1 + 3 * THREADS * EACH)
    store.close()


def test_a_fork_beside_threads_that_write(url: str) -> None:
    """The fork waits until no transaction is half-done in the file, or it would copy its locks."""
    store = open_store(url, seconds=60)
    thread = threading.Thread(target=spend_often, args=(store,))
    thread.start()
    children = [Child(lambda step: spend(store)) for _ in range(4)]
    thread.join()
    assert [(child.read(), child.wait()) for child in children] == [("", 0)] * 4
    check(store, 4 + THREADS * EACH)
    store.close()


def test_turns_are_taken_in_order() -> None:
    turns, served = Turns(), list[int]()
    assert turns.take("a", 0)
    assert turns.take("b", 0)
    waiting = []
    for number in range(5):
        queued = len(turns._queues["a"])

        def wait(number: int = number) -> None:
            assert turns.take("a", 60)
            served.append(number)
            turns.give("a")

        waiting.append(threading.Thread(target=wait))
        waiting[-1].start()
        while len(turns._queues["a"]) == queued:
            pass
    assert not turns.take("a", 0.01)
    turns.give("a")
    for thread in waiting:
        thread.join()
    assert served == [0, 1, 2, 3, 4]
    assert set(turns._queues) == {"b"}
