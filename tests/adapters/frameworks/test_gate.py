"""The gate by itself: what refuses, what is forgotten, what a model is told the next time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licet import Guard
from licet.adapters.frameworks import gate as gates
from licet.adapters.frameworks.gate import Ask, Gate, Refuse, RefusedError, Run
from licet.adapters.frameworks.plain import described
from support.frameworks.desk import Desk, Line, open_desk, settled, spent

CALL = {"order_id": "R1", "amount": 40}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


def test_the_three_outcomes(desk: Desk) -> None:
    gate = Gate(desk.line, described)
    run = gate.check("refund", CALL, id="c1")
    assert isinstance(run, Run)
    assert desk.line.tickets[0] not in repr(run)
    assert isinstance(gate.check("refund", {**CALL, "amount": 2_000}, id="c2"), Refuse)
    asked = gate.check("refund", {**CALL, "amount": 600}, id="c3")
    assert isinstance(asked, Ask)
    assert asked.approval == desk.guard.pending()[0].id
    assert asked.approval not in asked.text


@pytest.mark.parametrize("part", ["check", "redeem"])
@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_synchronous_code_is_refused_as_well(desk: Desk, part: str, how: str) -> None:
    getattr(desk.line, how).add(part)
    gate = Gate(desk.line, described, seconds=0.3)
    if part == "check":
        decision = gate.check("refund", CALL, id="c1")
        assert decision == Refuse(
            "refund", "refund was not run: whether it is permitted could not be decided."
        )
        return
    decision = Gate(desk.line, described).check("refund", CALL, id="c1")
    assert isinstance(decision, Run)
    with pytest.raises(RefusedError, match="not the call that was permitted"):  # noqa: SIM117
        with gate.running(decision, CALL):
            raise AssertionError


def test_a_ticket_is_good_once(desk: Desk) -> None:
    gate = Gate(desk.line, described)
    run = gate.check("refund", CALL, id="c1")
    assert isinstance(run, Run)
    with gate.running(run, CALL) as call:
        assert call.args == CALL
    with pytest.raises(RefusedError), gate.running(run, CALL):
        raise AssertionError


def test_what_was_allowed_is_taken_once_and_by_its_name(desk: Desk) -> None:
    gate = Gate(desk.line, described)
    gate.check("refund", CALL, id="c1")
    with pytest.raises(RefusedError):
        gate.allowed("lookup", "c1")
    with pytest.raises(RefusedError):
        gate.allowed("refund", "c1")
    gate.check("refund", CALL, id="c1")
    assert gate.allowed("refund", "c1").id == "c1"
    gate.check("refund", CALL, id="c1")
    gate.check("refund", {**CALL, "amount": 41}, id="c1")  # refused: nothing stands any more
    with pytest.raises(RefusedError):
        gate.allowed("refund", "c1")


@pytest.mark.parametrize("synchronous", [True, False])
def test_a_check_that_fails_takes_back_what_was_allowed_before(
    desk: Desk, synchronous: bool
) -> None:
    gate = Gate(desk.line, described)
    assert isinstance(gate.check("refund", CALL, id="c1"), Run)
    desk.line.fails.add("check")
    if synchronous:
        decision = gate.check("refund", CALL, id="c1")
    else:
        decision = asyncio.run(gate.acheck("refund", CALL, id="c1"))
    assert isinstance(decision, Refuse)
    with pytest.raises(RefusedError):
        gate.allowed("refund", "c1")


def test_what_waits_for_its_tool_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "MOST_WAITING", 2)
    gate = Gate(desk.line, described)
    for number in range(3):
        gate.check("lookup", {"order_id": "R1"}, id=f"c{number}")
    with pytest.raises(RefusedError):
        gate.allowed("lookup", "c0")
    assert gate.allowed("lookup", "c2").id == "c2"


def test_refusals_become_shorter_and_each_reason_counts_by_itself(desk: Desk) -> None:
    gate = Gate(desk.line, described)
    huge, odd = {**CALL, "amount": 2_000}, {**CALL, "amount": 3_000}

    def said(args: dict[str, object], id: str) -> str:
        decision = gate.check("refund", args, id=id)
        assert isinstance(decision, Refuse)
        return decision.text

    first, second, third = said(huge, "c1"), said(huge, "c2"), said(huge, "c3")
    assert len(first) > len(second) > len(third)
    assert second.startswith("refund was refused again for the same reason (rule huge")
    assert "3000" in said(odd, "c4")


HIDING = """
principal { id: String, manager: Bool }
context { most: Int }
tool refund(order_id: String, amount: Int in 0 .. 10_000)
permit refunds on refund
forbid above on refund when args.amount > context.most message "Above {context.most}."
"""


@pytest.mark.parametrize("shown", [False, True])
def test_what_is_not_shown_is_in_no_refusal_however_often(tmp_path: Path, shown: bool) -> None:
    (tmp_path / "desk.licet").write_text(HIDING + ("shown context.most\n" if shown else ""))
    with Guard.load(tmp_path / "desk.licet") as guard:
        who = {"id": "a1", "manager": False}
        gate = Gate(guard.session(principal=who, context={"most": 437}), described)
        told = [gate.check("refund", {**CALL, "amount": 900}, id=f"c{n}") for n in range(3)]
    texts = [each.text for each in told if isinstance(each, Refuse)]
    assert ["437" in text for text in texts] == [shown, shown, False]


def test_a_guard_that_is_cancelled_leaves_no_task(desk: Desk) -> None:
    desk.line.hangs.add("check")

    async def run() -> None:
        gate = Gate(desk.line, described, seconds=0.1)
        decision = await gate.acheck("refund", CALL, id="c1")
        assert isinstance(decision, Refuse)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


@pytest.mark.parametrize("how", ["cancelled", "short"])
def test_what_never_came_to_the_tool_is_given_back(desk: Desk, how: str) -> None:
    async def run() -> None:
        gate = Gate(desk.line, described)
        decision = await gate.acheck("refund", CALL, id="c1")
        assert isinstance(decision, Run)
        assert spent(desk) == "40"

        async def middleware() -> None:
            async with gate.aholding(decision):
                if how == "cancelled":
                    await asyncio.Event().wait()

        task = asyncio.ensure_future(middleware())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        with pytest.raises(RefusedError):
            async with gate.arunning(decision, CALL):
                raise AssertionError

    asyncio.run(run())
    assert spent(desk) == "nothing"


def test_what_came_to_the_tool_is_held_by_nobody(desk: Desk) -> None:
    gate = Gate(desk.line, described)
    decision = gate.check("refund", CALL, id="c1")
    assert isinstance(decision, Run)
    with gate.holding(decision), gate.running(decision, CALL) as call:
        call.result = "done"
    assert desk.line.endings == ["ok"]
    assert spent(desk) == "40"


@pytest.mark.parametrize("comes", [True, False])
def test_what_a_task_did_not_bring_to_its_tool_is_given_back(desk: Desk, comes: bool) -> None:
    gate = Gate(desk.line, described)

    async def call() -> None:
        decision = await gate.acheck("refund", CALL, id="c1")
        assert isinstance(decision, Run)
        gate.hold(decision)
        if comes:
            async with gate.arunning(gate.allowed("refund", "c1"), CALL):
                pass

    asyncio.run(call())
    if comes:
        assert desk.line.endings == ["ok"]
        assert spent(desk) == "40"
    else:
        asyncio.run(settled(desk))
        assert spent(desk) == "nothing"
        with pytest.raises(RefusedError):
            gate.allowed("refund", "c1")


def test_cancelled_while_it_is_redeemed(desk: Desk) -> None:
    desk.line.hangs.add("redeem")

    async def run() -> None:
        gate = Gate(desk.line, described)
        decision = await gate.acheck("refund", CALL, id="c1")
        assert isinstance(decision, Run)

        async def tool() -> None:
            async with gate.arunning(decision, CALL):
                raise AssertionError

        task = asyncio.ensure_future(tool())
        while not decision.begun:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    asyncio.run(run())
    assert desk.line.endings == ["cancelled"]
    assert spent(desk) == "nothing"


class Slow(Line):
    """A session whose store takes its time to write down how a call ended."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def asettle(self, ticket: Any, ending: Any, result: object = None, /) -> None:
        self.asked.set()
        await self.go_on.wait()
        await super().asettle(ticket, ending, result)


def test_who_is_cancelled_twice_is_settled_all_the_same(desk: Desk) -> None:
    async def run() -> list[str]:
        line = Slow(desk.guard)
        gate = Gate(line, described)
        allowed = await gate.acheck("refund", CALL, id="c1")
        assert isinstance(allowed, Run)

        runs = asyncio.Event()

        async def tool() -> None:
            async with gate.arunning(allowed, CALL):
                runs.set()
                await asyncio.Event().wait()

        task = asyncio.ensure_future(tool())
        await runs.wait()
        task.cancel()
        await line.asked.wait()
        task.cancel()
        await asyncio.wait({task})
        line.go_on.set()
        await asyncio.gather(*gate._settling)
        return line.endings

    assert asyncio.run(run()) == ["cancelled"]
