"""kill -9 at every step of a transaction: nothing is half-done, and what was committed is there."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from licet.adapters.stores import open_store
from licet.verifier.history import AuditEntry, Store, Transaction
from support.children import Child, Step
from support.store_rows import approval, call, head, leaf

PUTS: dict[str, Callable[[Transaction, int], object]] = {
    "call": lambda t, n: t.put_call(call(n, call_id="same")),
    "calls sent": lambda t, n: t.call_by_nonce("x"),
    "leaves": lambda t, n: t.put_leaves([leaf("a", n - 1), leaf("b", n - 1, seq=n)]),
    "leaves sent": lambda t, n: t.leaves_of(n),
    "nodes": lambda t, n: t.put_nodes({("a", 1, 0): str(n), ("a", 1, n): str(n)}),
    "nodes sent": lambda t, n: t.nodes([("a", 1, 0, 9)]),
    "approval": lambda t, n: t.put_approval(approval("a", document=str(n))),
    "approvals sent": lambda t, n: t.approval("a"),
    "coverage": lambda t, n: t.cover("p", n),
    "audit": lambda t, n: t.append_audit([AuditEntry(n, str(n), str(n))]),
    "head": lambda t, n: t.set_head(head(n)),
}


def put_all(store: Store, number: int, step: Step = lambda line: None) -> None:
    with store.begin("acme") as t:
        step("begun")
        for name, put in PUTS.items():
            put(t, number)
            step(name)


def state(url: str) -> tuple[object, ...]:
    store = open_store(url, seconds=10)  # a server takes a moment to miss its client
    with store.begin("acme") as t:
        seen = (
            t.head(),
            t.calls_changed_after(0, 999_999),
            t.leaves("a", 0, 999_999),
            t.leaves("b", 0, 999_999),
            t.nodes([("a", 1, 0, 999_999)]),
            t.approval("a"),
            t.coverage("p"),
        )
    audit = store.audit("acme", 0, 999_999)
    store.close()
    return (*seen, audit)


def state_after(number: int) -> tuple[object, ...]:
    """What so many transactions of `put_all` leave."""
    every = range(1, number + 1)
    earlier = [call(n, call_id=f"nonce {n}") for n in range(1, number)]
    return (
        head(number),
        [*earlier, call(number, call_id="same")],
        [leaf("a", n - 1) for n in every],
        [leaf("b", n - 1, seq=n) for n in every],
        {("a", 1, 0): str(number), **{("a", 1, n): str(n) for n in every}},
        approval("a", document=str(number)),
        number,
        [AuditEntry(n, str(n), str(n)) for n in every],
    )


@pytest.mark.parametrize("last", ["begun", *PUTS])
def test_killed_in_the_middle(url: str, last: str) -> None:
    def act(step: Step) -> None:
        store = open_store(url)
        put_all(store, 1)
        put_all(store, 2, step)

    child = Child(act)
    for line in child:
        if line == last:
            break
    child.kill()
    assert state(url) == state_after(1)


def test_killed_after_the_commit(url: str) -> None:
    def act(step: Step) -> None:
        store = open_store(url)
        put_all(store, 1)
        put_all(store, 2)
        step("committed")

    child = Child(act)
    assert child.read() == "committed"
    child.kill()
    assert state(url) == state_after(2)


def test_killed_at_any_moment(url: str) -> None:
    """A child commits as fast as it can and says each; whoever kills it does not look."""

    def act(step: Step) -> None:
        store = open_store(url, seconds=10)
        with store.begin("acme") as t:
            number = t.head().seq
        while True:
            number += 1
            put_all(store, number)
            step(str(number))

    said, rng = 0, random.Random(8)
    for _ in range(8):
        child = Child(act)
        until = time.monotonic() + rng.uniform(0.02, 0.1)
        for line in child:
            said = int(line)
            if time.monotonic() > until:
                break
        time.sleep(rng.uniform(0.0, 0.006))
        child.kill()
        found = state(url)
        assert found in (state_after(said), state_after(said + 1))
        said = said if found == state_after(said) else said + 1
