"""What Google ADK alone has: plugins and callbacks around the guard, agents within agents."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("google.adk", reason="google-adk is not installed")

from google.adk.agents import LiveRequestQueue, LlmAgent
from google.adk.apps import App
from google.adk.models import LlmResponse
from google.adk.models.base_llm_connection import BaseLlmConnection
from google.adk.plugins.base_plugin import BasePlugin
from google.adk.runners import InMemoryRunner
from google.adk.tools.agent_tool import AgentTool
from google.adk.tools.function_tool import FunctionTool
from google.adk.tools.tool_context import ToolContext
from google.adk.workflow import START, Workflow
from google.genai import types
from pydantic import BaseModel, PrivateAttr

from licet.adapters.frameworks.google_adk import GuardPlugin
from support.frameworks.desk import Desk, open_desk
from support.frameworks.driver import Proposed, refund
from support.frameworks.google_adk_driver import Driver
from support.frameworks.google_adk_model import Scripted


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


def run(
    tools: list[Any], plugins: list[BasePlugin], *calls: Proposed, sub_agents: Any = ()
) -> dict[str, Any]:
    """What the model is told of each call."""
    model = Scripted.of([calls])
    agent = LlmAgent(name="desk", model=model, tools=tools, sub_agents=list(sub_agents))
    runner = InMemoryRunner(app=App(name="desk", root_agent=agent, plugins=plugins))

    async def talk() -> dict[str, Any]:
        session = await runner.session_service.create_session(app_name="desk", user_id="u")
        told = types.Content(role="user", parts=[types.Part(text="go")])
        answers: dict[str, Any] = {}
        async for event in runner.run_async(user_id="u", session_id=session.id, new_message=told):
            answers |= {str(each.id): each.response for each in event.get_function_responses()}
        return answers

    return asyncio.run(talk())


class Later(BasePlugin):
    """A plugin behind the guard's."""

    def __init__(self, change: Any) -> None:
        super().__init__(name="later")
        self._change = change

    async def before_tool_callback(self, *, tool: Any, tool_args: Any, tool_context: Any) -> Any:
        return self._change(tool_args)


def test_a_later_plugin_that_rewrites(desk: Desk) -> None:
    later = Later(lambda args: args.update(amount=80))
    told = run([desk.refund], [GuardPlugin(desk.line), later], refund("c1", 40))
    assert desk.ran == []
    assert "was not run" in told["c1"]["error"]


def test_a_later_plugin_that_answers_itself(desk: Desk) -> None:
    later = Later(lambda args: {"result": "cached"})
    told = run([desk.refund], [GuardPlugin(desk.line), later], refund("c1", 40))
    assert told["c1"] == {"result": "cached"}
    assert desk.ran == []


def test_a_tool_of_an_agent_without_a_guard_is_as_it_was(desk: Desk) -> None:
    shared = FunctionTool(desk.refund)
    assert run([shared], [GuardPlugin(desk.line)], refund("c1", 40))["c1"] == {"result": "done R1"}
    assert run([shared], [], refund("c1", 5_000))["c1"] == {"result": "done R1"}
    again = run([shared], [GuardPlugin(desk.line)], refund("c2", 5_000))
    assert "rule huge" in again["c2"]["error"]
    assert desk.ran == [("refund", "R1", 40.0), ("refund", "R1", 5_000.0)]


def test_a_copy_of_a_guarded_tool_is_guarded_as_itself(desk: Desk) -> None:
    first = FunctionTool(desk.refund)
    run([first], [GuardPlugin(desk.line)], refund("c1", 40))
    second = copy.copy(first)
    assert run([second], [GuardPlugin(desk.line)], refund("c2", 60))["c2"] == {"result": "done R1"}
    assert "rule small" in run([second], [GuardPlugin(desk.line)], refund("c3", 60))["c3"]["error"]
    assert desk.line.endings == ["ok", "ok"]


def test_a_tool_that_runs_another_inside_is_one_call(desk: Desk) -> None:
    inner = FunctionTool(desk.refund)
    run([inner], [GuardPlugin(desk.line)], refund("c1", 40))

    async def lookup(order_id: str, tool_context: ToolContext) -> Any:
        """A tool that is made of another."""
        args = {"order_id": order_id, "amount": 2_000}
        return await inner.run_async(args=args, tool_context=tool_context)

    call = Proposed("c2", "lookup", {"order_id": "R1"})
    assert run([lookup], [GuardPlugin(desk.line)], call)["c2"] == {"result": "done R1"}
    assert desk.line.endings == ["ok", "ok"]


def test_a_call_that_cannot_ask_is_refused_at_once(desk: Desk) -> None:
    told = run([desk.refund], [GuardPlugin(desk.line, asking=False)], refund("c1", 600))
    assert desk.ran == []
    (waiting,) = desk.guard.pending()
    assert waiting.id not in repr(told)


def test_what_the_host_is_asked_is_not_the_models(desk: Desk) -> None:
    async def play() -> tuple[str, str]:
        agent = Driver(desk)
        (approval,) = (await agent.play([[refund("c1", 600)]])).asked
        desk.guard.approve(approval, approver={"id": "boss", "manager": True})
        return approval, (await agent.resume(agree=True)).transcript

    approval, transcript = asyncio.run(play())
    assert "done R1" in transcript
    assert approval not in transcript


def test_one_that_runs_beside_one_that_asks_runs_once(desk: Desk) -> None:
    async def both() -> None:
        agent = Driver(desk)
        (approval,) = (await agent.play([[refund("c1", 40), refund("c2", 600)]])).asked
        desk.guard.approve(approval, approver={"id": "boss", "manager": True})
        await agent.resume(agree=True)

    asyncio.run(both())
    assert sorted(desk.ran) == [("refund", "R1", 40.0), ("refund", "R1", 600.0)]


def test_a_confirmation_of_adks_own_comes_after_the_guards_yes(desk: Desk) -> None:
    tool = FunctionTool(desk.refund, require_confirmation=True)
    told = run([tool], [GuardPlugin(desk.line)], refund("c1", 40), refund("c2", 2_000))
    assert "requires confirmation" in told["c1"]["error"]
    assert "rule huge" in told["c2"]["error"]
    assert desk.ran == []


def test_arguments_that_do_not_fit_run_nothing(desk: Desk) -> None:
    call = Proposed("c1", "refund", {"order_id": "R1", "amount": {"$gt": 0}})
    assert "error" in run([desk.refund], [GuardPlugin(desk.line)], call)["c1"]
    assert desk.ran == []


def test_a_transfer_is_a_call_like_others(desk: Desk) -> None:
    other = LlmAgent(name="other", model=Scripted.of([]), description="Another agent.")
    call = Proposed("c1", "transfer_to_agent", {"agent_name": "other"})
    told = run([desk.refund], [GuardPlugin(desk.line)], call, sub_agents=[other])
    assert "there is no tool `transfer_to_agent`" in told["c1"]["error"]


class Order(BaseModel):
    order_id: str


def test_an_agent_within_an_agent_is_guarded(desk: Desk) -> None:
    model = Scripted.of([[refund("i1", 2_000), refund("i2", 40)]])
    inner = LlmAgent(name="lookup", model=model, tools=[desk.refund], input_schema=Order)
    call = Proposed("c1", "lookup", {"order_id": "R1"})
    assert run([AgentTool(inner)], [GuardPlugin(desk.line)], call)["c1"] == {"result": "done"}
    assert "rule huge" in repr(model.seen)
    assert desk.ran == [("refund", "R1", 40.0)]
    assert desk.line.endings == ["ok", "ok"]


def test_the_tool_of_a_workflows_node_is_guarded(desk: Desk) -> None:
    def start(amount: float) -> Any:
        async def first() -> dict[str, Any]:
            return {"order_id": "R1", "amount": amount}

        return first

    async def flow(amount: float) -> list[Any]:
        nodes = Workflow(name="flow", edges=[(START, start(amount), FunctionTool(desk.refund))])
        app = App(name="desk", root_agent=nodes, plugins=[GuardPlugin(desk.line)])
        runner = InMemoryRunner(app=app)
        session = await runner.session_service.create_session(app_name="desk", user_id="u")
        told = types.Content(role="user", parts=[types.Part(text="go")])
        return [
            event.output
            async for event in runner.run_async(
                user_id="u", session_id=session.id, new_message=told
            )
        ]

    assert "done R1" in asyncio.run(flow(40))
    assert "rule huge" in repr(asyncio.run(flow(2_000)))
    assert desk.ran == [("refund", "R1", 40.0)]


class Connection(BaseLlmConnection):
    """A live connection that calls a tool once, and notes what it is sent."""

    def __init__(self, call: Proposed) -> None:
        self._call = call
        self.sent: list[types.FunctionResponse] = []
        self.last = asyncio.Event()

    async def send_history(self, history: list[types.Content]) -> None: ...

    async def send_realtime(self, blob: Any) -> None: ...

    async def close(self) -> None: ...

    async def send_content(self, content: types.Content) -> None:
        for part in content.parts or ():
            if part.function_response is not None:
                self.sent.append(part.function_response)
                if "last" in str(part.function_response.response):
                    self.last.set()

    async def receive(self) -> AsyncGenerator[LlmResponse, None]:
        call = types.FunctionCall(id=self._call.id, name=self._call.tool, args=self._call.args)
        part = types.Part(function_call=call)
        yield LlmResponse(content=types.Content(role="model", parts=[part]))
        await self.last.wait()
        yield LlmResponse(turn_complete=True)


class Live(Scripted):
    _connection: Any = PrivateAttr()

    @asynccontextmanager
    async def connect(self, llm_request: Any) -> AsyncIterator[BaseLlmConnection]:
        yield self._connection


def test_a_tool_that_streams_in_a_live_session(desk: Desk) -> None:
    endings: list[list[str]] = []

    async def refund_slowly(order_id: str, amount: float) -> AsyncGenerator[str, None]:
        """Pay in two steps."""
        for step in ("first", "last"):
            endings.append(list(desk.line.endings))
            yield f"{step} {amount:g}"

    refund_slowly.__name__ = "refund"

    async def talk() -> list[Any]:
        connection = Connection(refund("c1", 40))
        model = Live.of([])
        model._connection = connection
        agent = LlmAgent(name="desk", model=model, tools=[refund_slowly])
        app = App(name="desk", root_agent=agent, plugins=[GuardPlugin(desk.line)])
        runner = InMemoryRunner(app=app)
        session = await runner.session_service.create_session(app_name="desk", user_id="u")
        queue = LiveRequestQueue()
        async for event in runner.run_live(
            user_id="u", session_id=session.id, live_request_queue=queue
        ):
            if event.turn_complete:
                break
        return [each.response for each in connection.sent]

    sent = asyncio.run(talk())
    assert [each.get("result") for each in sent[-2:]] == ["first 40", "last 40"]
    assert endings == [[], []]
    assert desk.line.endings == ["ok"]
