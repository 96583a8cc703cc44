"""Threads that are shared fairly: who asks for much waits for itself."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence

import pytest

from licet.verifier.lanes import MOST, Lanes


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    made = Lanes(threads=3, each=2)
    yield made
    made.close()


class Gate:
    """Work that says that it has begun, and ends when it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.open = threading.Event()

    def work(self) -> None:
        self.begun.release()
        assert self.open.wait(60)


def noting(seen: list[str], what: str) -> Callable[[], None]:
    return lambda: seen.append(what)


def test_one_name_does_not_take_all_threads(lanes: Lanes) -> None:
    async def go() -> None:
        gate = Gate()
        busy = [asyncio.ensure_future(lanes.run("a", gate.work)) for _ in range(5)]
        assert await asyncio.wait_for(lanes.run("b", lambda: "answered"), 60) == "answered"
        assert not any(task.done() for task in busy)
        gate.open.set()
        await asyncio.gather(*busy)

    asyncio.run(go())


def test_work_of_a_name_begins_in_order_and_names_take_turns() -> None:
    lanes = Lanes(threads=1, each=1)
    seen: list[str] = []

    async def go() -> None:
        gate = Gate()
        first = asyncio.ensure_future(lanes.run("a", gate.work))
        await asyncio.to_thread(gate.begun.acquire)
        waiting = [
            asyncio.ensure_future(lanes.run(name[0], noting(seen, name)))
            for name in ("a1", "a2", "a3", "b1", "b2", "c1")
        ]
        await asyncio.sleep(0)
        gate.open.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(go())
    lanes.close()
    assert seen == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_what_work_raises_is_raised_and_its_thread_is_free_again(lanes: Lanes) -> None:
    def fail() -> None:
        raise LookupError("lost")

    async def go() -> None:
        for _ in range(9):
            with pytest.raises(LookupError, match="lost"):
                await lanes.run("a", fail)
        assert await lanes.run("a", lambda: 7) == 7

    asyncio.run(go())


def test_work_that_stops_iterating_leaves_nobody_waiting(lanes: Lanes) -> None:
    with pytest.raises(RuntimeError):
        asyncio.run(asyncio.wait_for(lanes.run("a", iter(()).__next__), 60))


def test_who_is_cancelled_before_its_turn_is_not_served(lanes: Lanes) -> None:
    seen: list[str] = []

    async def go() -> None:
        gate = Gate()
        busy = [asyncio.ensure_future(lanes.run("a", gate.work)) for _ in range(2)]
        gone = asyncio.ensure_future(lanes.run("a", noting(seen, "gone")))
        await asyncio.sleep(0)
        gone.cancel()
        last = asyncio.ensure_future(lanes.run("a", noting(seen, "last")))
        await asyncio.sleep(0)
        gate.open.set()
        await asyncio.gather(*busy, last)
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(go())
    assert seen == ["last"]


def waiting_behind(lanes: Lanes, join: Callable[[int], Awaitable[object]], pieces: int) -> object:
    """What pieces of work of the name `a` come to that all wait behind others of it."""

    async def go() -> list[object]:
        gate = Gate()
        busy = [asyncio.ensure_future(lanes.run("a", gate.work)) for _ in range(2)]
        joined = [asyncio.ensure_future(join(number)) for number in range(pieces)]
        await asyncio.sleep(0)
        joined[1].cancel()
        gate.open.set()
        await asyncio.gather(*busy)
        return await asyncio.gather(*joined, return_exceptions=True)

    return asyncio.run(go())


def test_what_waits_for_the_same_is_done_as_one(lanes: Lanes) -> None:
    seen: list[Sequence[int]] = []

    def together(name: str, parts: Sequence[int]) -> list[str | Exception]:
        seen.append(parts)
        return [LookupError(part) if part == 3 else f"{name}{part}" for part in parts]

    found = waiting_behind(lanes, lambda number: lanes.join("a", number, together), MOST + 3)
    assert sorted(seen) == [[0, *range(2, MOST)], [MOST, MOST + 1, MOST + 2]]
    assert isinstance(found, list)
    assert isinstance(found[1], asyncio.CancelledError)
    assert isinstance(found[3], LookupError)
    assert (found[0], found[2]) == ("a0", "a2")
    assert found[4:] == [f"a{number}" for number in range(4, MOST + 3)]


@pytest.mark.parametrize("answers", [[], ValueError("lost")], ids=["too few", "it fails"])
def test_where_it_is_not_done_nobody_has_an_answer(
    lanes: Lanes, answers: list[object] | Exception
) -> None:
    def together(name: str, parts: Sequence[int]) -> list[object]:
        if isinstance(answers, Exception):
            raise answers
        return answers

    found = waiting_behind(lanes, lambda number: lanes.join("a", number, together), 5)
    assert isinstance(found, list)
    assert all(isinstance(one, asyncio.CancelledError | RuntimeError | ValueError) for one in found)


def test_closed_it_can_be_used_again_and_so_it_can_in_several_loops(lanes: Lanes) -> None:
    for _ in range(3):
        assert asyncio.run(lanes.run("a", threading.get_ident)) != threading.get_ident()
        lanes.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_has_threads_of_its_own(lanes: Lanes) -> None:
    gate = Gate()

    async def go() -> None:
        busy = [asyncio.ensure_future(lanes.run("a", gate.work)) for _ in range(2)]
        await asyncio.to_thread(gate.begun.acquire)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                threading.Thread(target=lambda: asyncio.run(lanes.run("a", gate.open.set))).start()
                code = 0 if gate.open.wait(60) else 1
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, child, 0))[1]) == 0
        gate.open.set()
        await asyncio.gather(*busy)

    asyncio.run(go())
