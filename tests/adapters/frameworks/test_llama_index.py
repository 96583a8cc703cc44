"""What LlamaIndex alone has: tools that wait for events, workflows of agents, agents that write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")

from llama_index.core.agent.workflow import (
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.llms import MockLLM
from llama_index.core.tools import FunctionTool, ToolOutput
from llama_index.core.workflow import Context
from workflows.events import HumanResponseEvent, InputRequiredEvent

from licet.adapters.frameworks.llama_index import GuardAsks, guard_agent, tools_of
from support.frameworks.desk import Desk, open_desk
from support.frameworks.driver import Proposed, refund
from support.frameworks.llama_index_driver import scripted


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


async def played(agent: Any, answer: Any = None) -> dict[str, str]:
    """What the calls of a run came to; `answer` is sent whenever something is asked."""
    handler = agent.run(user_msg="go")
    told: dict[str, str] = {}
    async for event in handler.stream_events():
        if isinstance(event, ToolCallResult):
            told[event.tool_id] = str(event.tool_output.content)
        elif isinstance(event, InputRequiredEvent) and answer is not None:
            handler.ctx.send_event(answer(event))
    await handler
    return told


def function(desk: Desk, *turns: list[Proposed], **more: Any) -> FunctionAgent:
    tools = [FunctionTool.from_defaults(async_fn=each) for each in (desk.refund, desk.lookup)]
    options = {"tools": tools, "llm": scripted(turns, []), "streaming": False, **more}
    return FunctionAgent(**options)


def test_a_tool_that_waits_for_an_event_is_one_call(desk: Desk) -> None:
    ran: list[Any] = []

    async def refund_asking(ctx: Context, order_id: str, amount: float) -> str:
        """Pay an order back, once the clerk nods."""
        said = await ctx.wait_for_event(
            HumanResponseEvent, waiter_event=InputRequiredEvent(), waiter_id="nod"
        )
        ran.append((order_id, amount, said.response))
        return "paid"

    hints = {"ctx": Context, "order_id": str, "amount": float}  # LlamaIndex reads no strings
    refund_asking.__annotations__.update(hints)
    tool = FunctionTool.from_defaults(async_fn=refund_asking, name="refund")
    agent = function(desk, [refund("c1", 60)], [refund("c2", 60)], tools=[tool])
    guard_agent(desk.line, agent)
    told = asyncio.run(played(agent, lambda _: HumanResponseEvent(response="yes")))
    assert ran == [("R1", 60, "yes")]
    assert told["c1"] == "paid"
    assert "rule small" in told["c2"]
    assert desk.line.endings == ["ok"]


def test_two_that_ask_at_once_have_an_answer_each(desk: Desk) -> None:
    def answer(event: Any) -> HumanResponseEvent:
        assert isinstance(event, GuardAsks)
        boss = {"id": "boss", "manager": True}
        if event.args["order_id"] == "R1":
            desk.guard.approve(event.approval, approver=boss)
        else:
            desk.guard.reject(event.approval, approver=boss)
        return HumanResponseEvent(response="see the guard", approval=event.approval)

    agent = function(desk, [refund("c1", 600), refund("c2", 700, "R2")])
    told = asyncio.run(played(guard_agent(desk.line, agent), answer))
    assert desk.ran == [("refund", "R1", 600.0)]
    assert told["c1"] == "done R1"
    assert "refused" in told["c2"]


def test_an_agent_of_ones_own_that_does_not_call_the_tool_spends_nothing(desk: Desk) -> None:
    class Lazy(FunctionAgent):
        async def _call_tool(self, ctx: Any, tool: Any, tool_input: Any) -> Any:
            if tool_input["order_id"] == "R1":
                return ToolOutput(
                    content="not today", tool_name="refund", raw_input={}, raw_output=""
                )
            return await super()._call_tool(ctx, tool, tool_input)

    tools = [FunctionTool.from_defaults(async_fn=desk.refund)]
    llm = scripted([[refund("c1", 100)], [refund("c2", 100, "R2")]], [])
    agent = Lazy(tools=tools, llm=llm, streaming=False)
    told = asyncio.run(played(guard_agent(desk.line, agent)))
    assert told == {"c1": "not today", "c2": "done R2"}
    assert desk.line.endings == ["cancelled", "ok"]


def test_a_call_that_cannot_ask_is_refused_at_once(desk: Desk) -> None:
    agent = guard_agent(desk.line, function(desk, [refund("c1", 600)]), asking=False)
    told = asyncio.run(played(agent))
    assert desk.ran == []
    (waiting,) = desk.guard.pending()
    assert waiting.id not in told["c1"]


def test_a_workflow_of_agents_and_its_handoffs(desk: Desk) -> None:
    handing = Proposed("h1", "handoff", {"to_agent": "clerk", "reason": "money"})
    front = function(desk, [handing], tools=[], name="front", description="Greets.")
    clerk = function(desk, [refund("c1", 60), refund("c2", 60)], name="clerk", description="Pays.")
    flow = AgentWorkflow(agents=[front, clerk], root_agent="front")
    assert [tool.metadata.name for tool in tools_of(flow)] == ["refund", "lookup"]
    told = asyncio.run(played(guard_agent(desk.line, flow)))
    assert desk.ran == [("refund", "R1", 60.0)]
    assert sorted("rule small" in told[id] for id in ("c1", "c2")) == [False, True]
    assert "refused" not in told["h1"]


def test_a_tool_of_ones_own_that_is_named_as_a_handoff_is_none(desk: Desk) -> None:
    async def handoff(to_agent: str, reason: str) -> str:
        """Not the workflow's."""
        raise AssertionError

    front = function(desk, [Proposed("h1", "handoff", {"to_agent": "a", "reason": "b"})])
    front.tools = [FunctionTool.from_defaults(async_fn=handoff)]  # past the agent's own check
    told = asyncio.run(played(guard_agent(desk.line, front)))
    assert "there is no tool `handoff`" in told["h1"]


def test_a_model_that_writes_its_calls(desk: Desk) -> None:
    script = iter(
        [
            'Thought: go\nAction: refund\nAction Input: {"order_id": "R1", "amount": 2000}',
            'Thought: go\nAction: refund\nAction Input: {"order_id": "R1", "amount": 40}',
            "Thought: I can answer without using any more tools.\nAnswer: done",
        ]
    )

    class Writing(MockLLM):
        async def achat(self, messages: Any, **_: Any) -> Any:
            from llama_index.core.llms import ChatMessage, ChatResponse

            return ChatResponse(message=ChatMessage(role="assistant", content=next(script)))

    tools = [FunctionTool.from_defaults(async_fn=desk.refund)]
    agent = ReActAgent(tools=tools, llm=Writing(), streaming=False)
    told = list(asyncio.run(played(guard_agent(desk.line, agent))).values())
    assert desk.ran == [("refund", "R1", 40.0)]
    assert "rule huge" in told[0]
    assert told[1] == "done R1"


def test_what_cannot_be_guarded(desk: Desk) -> None:
    code = CodeActAgent(code_execute_fn=lambda code: code, llm=scripted([], []))
    with pytest.raises(TypeError, match="CodeActAgent cannot be guarded"):
        guard_agent(desk.line, code)
    with pytest.raises(TypeError, match="cannot be guarded"):
        guard_agent(desk.line, FunctionTool.from_defaults(async_fn=desk.refund))
    agent = guard_agent(desk.line, function(desk))
    with pytest.raises(TypeError, match="guarded already"):
        guard_agent(desk.line, agent)
