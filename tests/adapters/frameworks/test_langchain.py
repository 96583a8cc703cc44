"""What LangChain alone has: synchronous runs, injected arguments, artifacts, nodes run again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

pytest.importorskip("langchain", reason="langchain is not installed")

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.prebuilt import InjectedState

from licet.adapters.frameworks.langchain import GuardMiddleware
from support.frameworks.desk import Desk, open_desk
from support.frameworks.driver import refund


class Scripted(GenericFakeChatModel):
    def bind_tools(self, *_: Any, **__: Any) -> Any:
        return self


class Doubling(AgentMiddleware):
    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        call = request.tool_call
        args = {**call["args"], "amount": call["args"]["amount"] * 2}
        return handler(request.override(tool_call={**call, "args": args}))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


def run(desk: Desk, function: Any, args: dict[str, Any], *more: Any) -> ToolMessage:
    calls = [{"name": "refund", "args": args, "id": "c1"}]
    agent = create_agent(
        Scripted(messages=iter([AIMessage(content="", tool_calls=calls), "done"])),
        tools=[function],
        middleware=[GuardMiddleware(desk.line, interrupting=False), *more],
    )
    messages = agent.invoke({"messages": [("user", "go")]})["messages"]
    (answer,) = [each for each in messages if isinstance(each, ToolMessage)]
    return answer


def test_a_synchronous_run(desk: Desk) -> None:
    ran: list[float] = []

    @tool("refund")
    def paying(order_id: str, amount: float) -> str:
        """Pay."""
        ran.append(amount)
        return "paid"

    args = {"order_id": "R1", "amount": 40}
    assert run(desk, paying, args, Doubling()).status == "error"
    assert ran == []
    assert run(desk, paying, {**args, "amount": 41}).status == "error"  # the id is taken
    desk.line._session = desk.guard.session(principal={"id": "a2", "manager": False})
    assert run(desk, paying, args).content == "paid"
    assert run(desk, paying, {**args, "amount": 600}).status == "error"
    assert ran == [40.0]
    assert desk.line.endings == ["ok"]


def test_an_asynchronous_run_of_a_tool_without_a_coroutine(desk: Desk) -> None:
    ran: list[float] = []

    @tool("refund")
    def paying(order_id: str, amount: float) -> str:
        """Pay."""
        ran.append(amount)
        return "paid"

    calls = [
        {"name": "refund", "args": {"order_id": "R1", "amount": 60}, "id": id}
        for id in ("c1", "c2")
    ]
    agent = create_agent(
        Scripted(messages=iter([AIMessage(content="", tool_calls=calls), "done"])),
        tools=[paying],
        middleware=[GuardMiddleware(desk.line, interrupting=False)],
    )
    messages = asyncio.run(agent.ainvoke({"messages": [("user", "go")]}))["messages"]
    answers = [each.status for each in messages if isinstance(each, ToolMessage)]
    assert sorted(answers) == ["error", "success"]  # of the two, one goes beyond the day's 100
    assert ran == [60.0]
    assert desk.line.endings == ["ok"]


def test_what_the_graph_injects_is_not_the_models(desk: Desk) -> None:
    seen: list[Any] = []

    @tool("refund", response_format="content_and_artifact")
    def paying(
        order_id: str, amount: float, state: Annotated[dict, InjectedState]
    ) -> tuple[str, Any]:
        """Pay."""
        seen.append(state["messages"][0].content)
        return "paid", {"artifact": True}

    answer = run(desk, paying, {"order_id": "R1", "amount": 40})
    assert (answer.content, answer.artifact) == ("paid", {"artifact": True})
    assert seen == ["go"]
    forged = run(desk, paying, {"order_id": "R1", "amount": 40, "state": {"messages": ["x"]}})
    assert forged.status == "error"
    assert seen == ["go"]


def test_a_node_that_is_resumed_runs_nothing_twice(desk: Desk) -> None:
    """Both calls are of one ToolNode: that it stopped for one of them runs the other again."""
    from support.frameworks.langgraph_driver import Driver

    async def play() -> Any:
        agent = Driver(desk)
        (approval,) = (await agent.play([[refund("c1", 40), refund("c2", 600)]])).asked
        desk.guard.approve(approval, approver={"id": "boss", "manager": True})
        return await agent.resume(agree=True)

    played = asyncio.run(play())
    assert sorted(desk.ran) == [("refund", "R1", 40.0), ("refund", "R1", 600.0)]
    assert played.texts["c2"] == "done R1"
