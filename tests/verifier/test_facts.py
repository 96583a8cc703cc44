"""Resolvers: sync, async, batched, cached for one decision, limited in time; failure is unknown."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from licet import Guard
from licet.compiler.world import UNKNOWN
from licet.verifier.facts import Resolver, Resolvers
from support.shop import refund, shop

ORDER = {"owner": "u1", "total": 200}


def without_facts() -> dict[str, object]:
    call = refund()
    del call["facts"]
    return call


def fast(guard: Guard) -> None:
    guard.fact(name="blocked")(lambda owner: False)


def test_facts_that_depend_on_facts(tmp_path: Path) -> None:
    asked = []
    with shop(tmp_path) as guard:

        @guard.fact
        def order(id: str) -> dict[str, object]:
            asked.append(("order", id))
            return ORDER

        @guard.fact
        def blocked(owner: str) -> bool:
            asked.append(("blocked", owner))
            return False

        assert guard.check(without_facts()).allowed
    assert asked == [("order", "R1"), ("blocked", "u1")]


def test_async_and_batched(tmp_path: Path) -> None:
    batches: list[object] = []
    with shop(tmp_path) as guard:

        @guard.fact
        async def order(id: str) -> dict[str, object]:
            await asyncio.sleep(0)
            return ORDER

        @guard.fact(batch=True)
        def blocked(keys: list[tuple[str]]) -> list[bool]:
            batches.append(keys)
            return [False for _ in keys]

        assert guard.check(without_facts()).allowed
        assert asyncio.run(guard.acheck(without_facts())).allowed
    assert batches == [[("u1",)], [("u1",)]]


def raises(id: str) -> object:
    raise LookupError(id)


def late(id: str) -> object:
    time.sleep(1)
    return ORDER


async def late_too(id: str) -> object:
    await asyncio.sleep(1)
    return ORDER


async def raises_too(id: str) -> object:
    raise LookupError(id)


@pytest.mark.parametrize("stuck", [False, True])
def test_a_closed_guard_leaves_no_loop_open(tmp_path: Path, stuck: bool) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def order(id: str) -> dict[str, object]:
        loops.append(asyncio.get_running_loop())
        if stuck:
            await asyncio.Event().wait()
        return ORDER

    before = set(threading.enumerate())  # other tests may have left guards open
    with shop(tmp_path, resolver_seconds=0.05 if stuck else 10.0) as guard:
        guard.fact(name="order")(order)
        fast(guard)
        assert guard.check(without_facts()).allowed != stuck
    for thread in set(threading.enumerate()) - before:
        if thread.name == "licet-facts":
            thread.join(30)
    assert [loop.is_closed() for loop in loops] == [True]


@pytest.mark.parametrize("resolver", [raises, raises_too, late, late_too])
def test_failure_is_unknown(tmp_path: Path, resolver: Callable[[str], object]) -> None:
    with shop(tmp_path, resolver_seconds=0.05) as guard:
        guard.fact(name="order")(resolver)
        fast(guard)
        for verdict in (
            guard.check(without_facts()),
            asyncio.run(guard.acheck(without_facts())),
        ):
            assert (verdict.outcome, verdict.kind) == ("deny", "undetermined")


@pytest.mark.parametrize("answer", [{"owner": "u1"}, {"owner": 1, "total": 1}, "order", 7, [ORDER]])
def test_a_malformed_answer_is_refused(tmp_path: Path, answer: object) -> None:
    with shop(tmp_path) as guard:
        guard.fact(name="order")(lambda id: answer)
        fast(guard)
        assert guard.check(without_facts()).outcome == "deny"


def test_a_batch_of_the_wrong_length_is_unknown(tmp_path: Path) -> None:
    with shop(tmp_path) as guard:
        guard.fact(name="order", batch=True)(lambda keys: [])
        fast(guard)
        assert guard.check(without_facts()).kind == "undetermined"


def test_what_the_call_brings_is_not_asked_for(tmp_path: Path) -> None:
    with shop(tmp_path) as guard:
        guard.fact(name="order")(raises)
        guard.fact(name="blocked")(raises)
        assert guard.check(refund()).allowed


def test_a_fact_that_is_not_declared(tmp_path: Path) -> None:
    with shop(tmp_path) as guard, pytest.raises(ValueError, match="did you mean `order`"):
        guard.fact(name="ordr")(raises)


def test_an_answer_is_late_though_nobody_waited_for_it_yet() -> None:
    """It came while another was waited for, which had more time."""
    released = threading.Event()

    def patient(id: str) -> object:
        time.sleep(0.4)  # the other's limit passes in here
        released.set()
        return ORDER

    def tardy(owner: str) -> object:
        released.wait(5)
        return False

    resolvers = Resolvers()
    resolvers.register(Resolver("order", patient, False, 5))
    resolvers.register(Resolver("blocked", tardy, False, 0.1))
    wanted = [("order", ("R1",)), ("blocked", ("u1",))]
    assert resolvers.resolve(wanted) == {wanted[0]: ORDER, wanted[1]: UNKNOWN}
    resolvers.close()
