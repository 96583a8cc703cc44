"""What OpenAI Agents alone has: arguments as text, tools that are not functions, its own yes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("agents", reason="openai-agents is not installed")

from agents import Agent, RunConfig, RunHooks, Runner, WebSearchTool, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

from licet.adapters.frameworks.openai_agents import guard_tools
from support.frameworks.desk import Desk, abandoned, open_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


@pytest.mark.parametrize("text", ["{", "[]", '{"amount": NaN}', "null"])
def test_arguments_that_are_no_object_run_nothing(desk: Desk, text: str) -> None:
    async def run() -> None:
        script = [[function_call("refund", text, call_id="c1")], [assistant_message("done")]]
        tools = guard_tools(desk.line, [function_tool(desk.refund)])
        agent = Agent(name="desk", model=ScriptedModel(script), tools=tools)
        quiet = RunConfig(tracing_disabled=True)
        result = await Runner.run(agent, "go", run_config=quiet)
        state = result.to_state()
        for item in result.interruptions:
            state.approve(item)
        await Runner.run(agent, state, run_config=quiet)

    asyncio.run(run())
    assert desk.ran == []


def test_what_the_provider_runs_cannot_be_guarded(desk: Desk) -> None:
    with pytest.raises(TypeError, match="WebSearchTool"):
        guard_tools(desk.line, [WebSearchTool()])  # type: ignore[list-item]


class Waiting(RunHooks[Any]):
    def __init__(self) -> None:
        self.reached = asyncio.Event()

    async def on_tool_start(self, *_: Any) -> None:
        self.reached.set()
        await asyncio.Event().wait()


def test_a_run_that_is_cancelled_before_its_tool_gives_back(desk: Desk) -> None:
    hooks = Waiting()
    call = function_call("refund", {"order_id": "R1", "amount": 40}, call_id="c1")
    tools = guard_tools(desk.line, [function_tool(desk.refund)])
    agent: Any = Agent(name="desk", model=ScriptedModel([[call]]), tools=tools)
    quiet = RunConfig(tracing_disabled=True)
    run = Runner.run(agent, "go", run_config=quiet, hooks=hooks)
    asyncio.run(abandoned(desk, hooks.reached, run))
