"""`@guard.tool` on plain functions of every kind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from licet import Guard
from licet.adapters.frameworks.gate import RefusedError

POLICY = """
principal { id: String, manager: Bool }
tool pay(to: String, amount: Int in 0 .. 1_000, note: String?)
permit payments on pay
escalate large on pay when args.amount > 100 to approver.manager
limit budget on pay sum(args.amount) per principal.id <= 100
  when args.amount <= 100
"""
WHO = {"id": "a1", "manager": False}


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    policy = tmp_path / "pay.licet"
    policy.write_text(POLICY, "utf-8")
    with Guard.load(policy, store=f"sqlite:///{tmp_path / 'state.db'}") as guard:
        yield guard


def endings(guard: Guard) -> list[str]:
    told = [json.loads(entry.text) for entry in guard.store.audit("default", 0, 1_000)]
    return [each["body"]["outcome"] for each in told if each["kind"] == "settlement"]


def test_a_function(guard: Guard) -> None:
    ran: list[tuple[str, int, str | None]] = []

    @guard.tool
    def pay(to: str, amount: int = 60, note: str | None = None) -> str:
        ran.append((to, amount, note))
        return "paid"

    with guard.session(principal=WHO):
        assert pay("bob") == "paid"
        with pytest.raises(RefusedError, match="budget") as refused:
            pay("bob")  # the default counts as well
        assert refused.value.approval is None
    assert ran == [("bob", 60, None)]


def test_in_no_session(guard: Guard) -> None:
    @guard.tool
    def pay(to: str, amount: int) -> None:
        raise AssertionError

    with pytest.raises(RefusedError, match="nobody has said who acts"):
        pay("bob", 1)
    with guard.session(principal=WHO):
        pass
    with pytest.raises(RefusedError, match="nobody has said who acts"):
        pay("bob", 1)


def test_another_name_and_a_tool_unknown(guard: Guard) -> None:
    @guard.tool(name="pay")
    def transfer(to: str, /, amount: int) -> str:
        return f"{amount} to {to}"

    @guard.tool
    def wipe() -> None:
        raise AssertionError

    with guard.session(principal=WHO):
        assert transfer("bob", 5) == "5 to bob"
        with pytest.raises(RefusedError, match="no tool `wipe`"):
            wipe()


def test_star_arguments_have_no_names(guard: Guard) -> None:
    with pytest.raises(TypeError, match=r"\*args"):

        @guard.tool
        def pay(*to: str) -> None: ...


def test_somebody_is_asked(guard: Guard) -> None:
    @guard.tool
    def pay(to: str, amount: int) -> str:
        return "paid"

    with guard.session(principal=WHO), pytest.raises(RefusedError) as refused:
        pay("bob", 500)
    assert refused.value.approval == guard.pending()[0].id
    assert refused.value.approval not in str(refused.value)


def test_a_session_entered_twice_is_left_twice(guard: Guard) -> None:
    @guard.tool
    def pay(to: str, amount: int) -> str:
        return "paid"

    session = guard.session(principal=WHO)
    with session:
        with session:
            pass
        assert pay("bob", 1) == "paid"
    with pytest.raises(RefusedError, match="in no session"):
        pay("bob", 1)


def test_sessions_nest_and_tasks_keep_their_own(guard: Guard) -> None:
    @guard.tool
    async def pay(to: str, amount: int) -> str:
        await asyncio.sleep(0)
        return "paid"

    async def one(who: str) -> str:
        with guard.session(principal={**WHO, "id": who}):
            return await pay("bob", 100)

    async def run() -> list[str]:
        return await asyncio.gather(one("a"), one("b"))

    assert asyncio.run(run()) == ["paid", "paid"]


def test_a_coroutine_function_that_fails_and_one_that_is_cancelled(guard: Guard) -> None:
    @guard.tool
    async def pay(to: str, amount: int) -> str:
        if to == "boom":
            raise ValueError("no")
        await asyncio.sleep(60)
        return "never"

    async def run() -> None:
        with guard.session(principal=WHO):
            with pytest.raises(ValueError, match="no"):
                await pay("boom", 1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pay("bob", 1), 0.5)

    asyncio.run(run())
    assert endings(guard) == ["error", "error"]


def test_two_threads_of_60_against_100(guard: Guard) -> None:
    from concurrent.futures import ThreadPoolExecutor

    @guard.tool
    def pay(to: str, amount: int) -> str:
        return "paid"

    def one(_: int) -> str:
        with guard.session(principal=WHO):
            try:
                return pay("bob", 60)
            except RefusedError:
                return "refused"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == ["paid", "refused", "refused", "refused"]


def test_a_generator(guard: Guard) -> None:
    @guard.tool
    def pay(to: str, amount: int) -> Iterator[str]:
        sent = yield "first"
        yield f"got {sent}"
        if to == "boom":
            raise ValueError("no")

    with guard.session(principal=WHO):
        whole = pay("bob", 1)
        assert endings(guard) == []
        assert next(whole) == "first"
        assert whole.send("x") == "got x"
        assert list(whole) == []
        assert endings(guard) == ["ok"]
        with pytest.raises(ValueError, match="no"):
            list(pay("boom", 1))
        left = pay("bob", 1)
        next(left)
        left.close()
        assert endings(guard) == ["ok", "error", "error"]
        with pytest.raises(RefusedError):
            next(pay("bob", 5_000))


def test_an_async_generator(guard: Guard) -> None:
    @guard.tool
    async def pay(to: str, amount: int) -> AsyncIterator[str]:
        sent = yield "first"
        yield f"got {sent}"
        if to == "boom":
            raise ValueError("no")

    async def run() -> None:
        with guard.session(principal=WHO):
            whole = pay("bob", 1)
            assert await anext(whole) == "first"
            assert await whole.asend("x") == "got x"
            assert [each async for each in whole] == []
            with pytest.raises(ValueError, match="no"):
                [each async for each in pay("boom", 1)]
            left = pay("bob", 1)
            await anext(left)
            await left.aclose()
            with pytest.raises(RefusedError):
                await anext(pay("bob", 5_000))

    asyncio.run(run())
    assert endings(guard) == ["ok", "error", "error"]


def test_a_store_that_is_gone(guard: Guard, tmp_path: Path) -> None:
    @guard.tool
    def pay(to: str, amount: int) -> str:
        raise AssertionError

    with guard.session(principal=WHO):
        for file in tmp_path.glob("state.db*"):
            file.write_bytes(b"not a database" * 1_000)
        with pytest.raises(RefusedError):
            pay("bob", 1)
