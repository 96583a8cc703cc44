"""Calls of a tenant that wait for the store share a transaction; each is decided for itself."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from licet import Action, Guard, Verdict
from licet.adapters.stores import open_store
from licet.verifier import reserving
from licet.verifier.deciding import Check, Shared, Slow
from licet.verifier.history import Store, StoreError, Transaction
from licet.verifier.lanes import MOST
from licet.verifier.reserving import Attempt
from licet.verifier.sitting import Sitting
from support.desk_memory import SUPPORT, load

#: Two begin by themselves, as many as run at once; the others wait.
FIRST, SHARED = 2, 2 * MOST


class Gated:
    """A store whose transactions begin once somebody opens it, and are counted; those that `fails`
    names by their numbers do not commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.open = threading.Event()
        self.open.set()
        self.begun = 0
        self.fails: Sequence[int] = ()
        self.durable, self.blocking = store.durable, store.blocking

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def begin(self, tenant: str) -> Iterator[Transaction]:
        assert self.open.wait(60)
        self.begun += 1
        number = self.begun
        with self._store.begin(tenant) as tx:
            yield tx
            if number in self.fails:
                raise StoreError("the connection was lost")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Gated]:
    made = open_store(f"sqlite:///{tmp_path / 'state.db'}", seconds=30.0)
    yield Gated(made)
    made.close()


@pytest.fixture
def guard(tmp_path: Path, store: Gated, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    monkeypatch.setattr(reserving, "LONG", 60.0)  # however slow the machine is
    with load(tmp_path, store=store) as made:
        yield made


def move(number: int, **changes: Any) -> dict[str, Any]:
    call = {"tool": "move", "args": {"amount": 2}, "principal": SUPPORT, "id": f"c{number}"}
    return {**call, **changes}


def decided(guard: Guard, store: Gated, calls: Sequence[dict[str, Any]]) -> list[Verdict]:
    """The verdicts on calls that all wait before the first is decided."""

    async def go() -> list[Verdict]:
        store.open.clear()
        asked = [asyncio.ensure_future(guard.acheck(call)) for call in calls]
        await asyncio.sleep(0)  # each has come as far as the store
        store.begun = 0
        store.open.set()
        return await asyncio.gather(*asked)

    return asyncio.run(go())


def all_of_them(change: Callable[[int], dict[str, Any]] = move) -> list[dict[str, Any]]:
    return [change(number) for number in range(FIRST + SHARED)]


def test_they_share_it_and_each_has_its_ticket(guard: Guard, store: Gated) -> None:
    verdicts = decided(guard, store, all_of_them())
    assert store.begun == FIRST + 2
    assert all(verdict.allowed for verdict in verdicts)
    assert len({str(verdict.ticket) for verdict in verdicts}) == len(verdicts)
    with guard.redeem(verdicts[-1].ticket, {"amount": 2}) as call:
        call.result = None
    assert [verdict.outcome for verdict in decided(guard, store, all_of_them())].count("allow") == (
        len(verdicts) - 1  # the same tickets; the one that was made is not made again
    )


def test_a_limit_counts_each_before_the_next(guard: Guard, store: Gated) -> None:
    calls = all_of_them(lambda number: move(number, args={"amount": 7}))
    verdicts = decided(guard, store, calls)
    assert Counter(verdict.outcome for verdict in verdicts) == {
        "allow": 100 // 7,
        "deny": len(calls) - 100 // 7,
    }
    assert all(verdict.kind == "limit" for verdict in verdicts if not verdict.allowed)


def test_one_that_fails_undoes_no_other(guard: Guard, store: Gated) -> None:
    assert guard.check(move(99)).allowed
    calls = all_of_them()
    calls[5] = move(99, args={"amount": 1})  # the id of another call
    calls[9] = {**move(9, args={"amount": 900}), "tool": "wire"}
    calls[11] = move(11, args={"amount": 2_000})
    verdicts = decided(guard, store, calls)
    refused = {
        number: verdict.kind for number, verdict in enumerate(verdicts) if not verdict.allowed
    }
    assert refused == {5: "fault", 9: "approval", 11: "bad_argument"}
    assert guard.check(move(100, args={"amount": 100 - 2 * (len(calls) - 2)})).allowed
    assert not guard.check(move(101, args={"amount": 1})).allowed  # all that was allowed counts


def test_one_that_the_store_cannot_keep_is_refused_alone(guard: Guard, store: Gated) -> None:
    calls = all_of_them()
    calls[5] = move(5, session="\ud800")
    verdicts = decided(guard, store, calls)
    assert [number for number, verdict in enumerate(verdicts) if not verdict.allowed] == [5]
    assert verdicts[5].kind == "fault"
    assert verdicts[5].violations[0].message.startswith("the store cannot keep this call: ")
    assert len(store.audit("default", 0, 99)) == 1 + len(calls)  # the policy, and each of them


def test_what_was_proved_is_written_down_with_what_it_was_proved_from(
    tmp_path: Path, store: Gated
) -> None:
    """Also where it was read anew meanwhile, in a transaction of which nothing was kept."""
    text = """
        principal { id: String }
        fact level(id: String) -> Int
        tool move(amount: Int in 0 .. 100)
        permit low on any when level(principal.id) < 7
        permit high on any when level(principal.id) > 3
        limit hour on move sum(args.amount) per principal.id within 1h <= 100
    """

    def proved(guard: Guard, amount: int) -> tuple[Check, Shared]:
        run = guard._decider.check(
            Action("move", {"amount": amount}, {"id": "ann"}), "default", commit=False
        )
        first = next(run)
        assert isinstance(first, Shared)
        slow = run.send(first.alone())
        assert isinstance(slow, Slow)
        again = run.send(slow.work())
        assert isinstance(again, Shared)
        return run, again

    with load(tmp_path, text, store=store, seconds=60.0) as guard:
        (_, first), (_, second) = proved(guard, 30), proved(guard, 20)
        times = iter([first.part])

        def one_time(sitting: Sitting) -> Attempt:
            return next(times)(sitting)

        def never(_: Sitting) -> Attempt:
            raise LookupError("lost")

        lost, kept, _ = second.together("default", [one_time, second.part, never])
    assert isinstance(lost, StopIteration)
    assert isinstance(kept, Attempt)
    with store.begin("default") as tx:
        [call] = tx.calls_changed_after(0, 9)
    assert '"history":{"hour.spent":[{"key":["ann"],"value":0}]}' in call.record


def test_where_the_store_fails_all_in_it_are_refused_and_none_is_asked_again(
    guard: Guard, store: Gated
) -> None:
    store.fails = [FIRST + 1]
    verdicts = decided(guard, store, all_of_them())
    assert store.begun == FIRST + 2
    assert Counter(verdict.kind for verdict in verdicts) == {None: FIRST + MOST, "fault": MOST}


def test_a_transaction_that_takes_long_takes_no_more_in(
    guard: Guard, store: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserving, "LONG", -1.0)
    verdicts = decided(guard, store, all_of_them())
    assert store.begun == len(verdicts)
    assert all(verdict.allowed for verdict in verdicts)


def test_a_policy_that_is_active_no_more_allows_none_of_them(
    guard: Guard, store: Gated, tmp_path: Path
) -> None:
    with load(tmp_path, "tool move(amount: Int)\npermit none on move when false\n", store=store):
        verdicts = decided(guard, store, all_of_them())
    assert {(verdict.outcome, verdict.kind) for verdict in verdicts} == {("deny", "fault")}
