"""What CrewAI alone has: hooks that are cleared or abort, calls as text, failed tools run again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("crewai", reason="crewai is not installed")

from crewai import Agent, Crew, Task
from crewai.hooks import InterceptionPoint, clear_all_hooks, register_hook, unregister_hook
from crewai.tools import tool

from licet.adapters.frameworks.crewai import guard_tools
from support.frameworks.crewai_driver import Driver, Scripted
from support.frameworks.desk import Desk, open_desk
from support.frameworks.driver import Proposed, refund


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


class Writing(Scripted):
    """A model that writes its calls, as those do that cannot call functions."""

    def call(self, messages: Any, *_: Any, **__: Any) -> Any:
        self._seen = list(messages)
        return next(self._turns, "Thought: I now can give a great answer\nFinal Answer: done")

    def supports_function_calling(self) -> bool:
        return False


def crew(model: Scripted, turns: list[Any], tools: list[Any], *, cache: bool = False) -> Crew:
    model._turns = iter(turns)
    agent = Agent(role="desk", goal="help", backstory="none", llm=model, tools=tools)
    task = Task(description="go", expected_output="an end", agent=agent)
    return Crew(agents=[agent], tasks=[task], cache=cache)


def written(amount: float, order: str = "R1") -> str:
    args = f'{{"order_id": "{order}", "amount": {amount}}}'
    return f"Thought: go\nAction: refund\nAction Input: {args}"


def paying(ran: list[Any]) -> Any:
    @tool("refund")
    def refund(order_id: str, amount: float, note: str | None = None) -> str:
        """Pay an order back."""
        ran.append((order_id, amount, note))
        if order_id == "boom":
            raise ValueError("the desk is on fire")
        return f"paid {amount:g}"

    return refund


def test_calls_as_text_and_their_reasons(desk: Desk) -> None:
    ran: list[Any] = []
    model = Writing(model="script")
    tools = guard_tools(desk.line, [paying(ran)])
    crew(model, [written(2_000), written(40)], tools).kickoff()
    assert ran == [("R1", 40.0, None)]
    said = repr(model._seen)
    assert "A refund is at most 1000, not 2000 (rule huge" in said
    assert "blocked by hook" not in said
    assert "paid 40" in said
    assert desk.line.endings == ["ok"]


def test_a_tool_that_fails_runs_once_however_often_it_is_called(desk: Desk) -> None:
    ran: list[Any] = []
    model = Writing(model="script")
    crew(model, [written(40, "boom")], guard_tools(desk.line, [paying(ran)])).kickoff()
    assert ran == [("boom", 40.0, None)]
    assert "the desk is on fire" in repr(model._seen)
    assert desk.line.endings == ["error"]


def test_an_answer_from_the_cache_spends_nothing(desk: Desk) -> None:
    ran: list[Any] = []
    model = Scripted(model="script")
    turns = [[refund("c1", 40)], [refund("c2", 40)], [refund("c3", 60)]]
    crew(model, turns, guard_tools(desk.line, [paying(ran)]), cache=True).kickoff()
    assert ran == [("R1", 40.0, None), ("R1", 60.0, None)]
    assert desk.line.endings == ["ok", "cancelled", "ok"]


def test_an_asynchronous_crew(desk: Desk) -> None:
    ran: list[Any] = []
    model = Scripted(model="script")
    turns = [[refund("c1", 60), refund("c2", 60)]]
    asyncio.run(crew(model, turns, guard_tools(desk.line, [paying(ran)])).akickoff())
    assert ran == [("R1", 60.0, None)]
    assert "rule small" in repr(model._seen)


def test_hooks_that_were_cleared(desk: Desk) -> None:
    driver = Driver(desk)
    clear_all_hooks()
    played = asyncio.run(driver.play([[refund("c1", 40)]]))
    assert desk.ran == []
    assert "could not be decided" in played.texts["c1"]
    again = asyncio.run(Driver(desk).play([[refund("c2", 40)]]))
    assert again.texts["c2"] == "done R1"


def test_a_hook_of_ours_that_breaks_lets_nothing_through(desk: Desk) -> None:
    """CrewAI goes on where a hook raises anything but its own exception."""
    ran: list[Any] = []
    (guarded,) = guard_tools(desk.line, [paying(ran)])
    guarded._desk.gate = None
    model = Scripted(model="script")
    crew(model, [[refund("c1", 40)]], [guarded]).kickoff()
    assert ran == []
    assert "could not be decided" in repr(model._seen)


def test_another_hooks_abort_keeps_its_own_words(desk: Desk) -> None:
    def no(context: Any) -> bool | None:
        return False if context.tool_input.get("order_id") == "R2" else None

    driver = Driver(desk)
    register_hook(InterceptionPoint.PRE_TOOL_CALL, no)
    try:
        played = asyncio.run(driver.play([[refund("c1", 40, "R2")], [refund("c2", 2_000)]]))
    finally:
        unregister_hook(InterceptionPoint.PRE_TOOL_CALL, no)
    assert desk.ran == []
    assert "blocked by hook" in played.texts["c1"]
    assert "rule huge" in played.texts["c2"]


def test_tools_that_are_not_guarded_are_as_they_were(desk: Desk) -> None:
    ran: list[Any] = []
    guard_tools(desk.line, [paying(ran)])
    model = Scripted(model="script")
    crew(model, [[refund("c1", 5_000)]], [paying(ran)]).kickoff()
    assert ran == [("R1", 5_000.0, None)]


def test_a_tool_that_the_host_calls_itself_is_refused(desk: Desk) -> None:
    ran: list[Any] = []
    (guarded,) = guard_tools(desk.line, [paying(ran)])
    with pytest.raises(Exception, match="could not be decided"):
        guarded.run(order_id="R1", amount=40)
    with pytest.raises(TypeError, match="once"):
        guard_tools(desk.line, [guarded])
    assert ran == []


def test_who_cannot_be_asked_agrees_to_nothing(desk: Desk) -> None:
    def broken(_: Any) -> None:
        raise OSError("nobody is there")

    ran: list[Any] = []
    for asking in (None, broken):
        model = Scripted(model="script")
        tools = guard_tools(desk.line, [paying(ran)], asking=asking)
        call = Proposed("c1", "refund", {"order_id": "R1", "amount": 600})
        crew(model, [[call]], tools).kickoff()
        (waiting,) = desk.guard.pending()
        assert waiting.id not in repr(model._seen)
        assert "approv" in repr(model._seen)
    assert ran == []
