"""What Pydantic AI alone has: its toolsets stand between the check and the tool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed")

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, ToolApproved
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.toolsets import FunctionToolset, WrapperToolset

from licet.adapters.frameworks.pydantic_ai import GuardCapability
from support.frameworks.desk import Desk, abandoned, open_desk

CALL = {"order_id": "R1", "amount": 40}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


@dataclass
class Waiting(WrapperToolset[Any]):
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def call_tool(self, *_: Any) -> Any:
        self.reached.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("calls", [1, 2])
def test_a_run_that_is_cancelled_before_its_tool_gives_back(desk: Desk, calls: int) -> None:
    toolset = Waiting(FunctionToolset([desk.refund, desk.lookup]))
    called = [ToolCallPart("refund", CALL, tool_call_id="c1")]
    if calls == 2:  # which the framework runs in tasks of their own
        called.append(ToolCallPart("wipe", {"order_id": "R1"}, tool_call_id="c2"))
    agent = Agent(
        FunctionModel(lambda *_: ModelResponse(called)),
        toolsets=[toolset],
        capabilities=[GuardCapability(desk.line)],
    )
    asyncio.run(abandoned(desk, toolset.reached, agent.run("go")))


def test_a_persons_edit_is_another_call(desk: Desk) -> None:
    asks = ModelResponse([ToolCallPart("refund", {**CALL, "amount": 600}, tool_call_id="c1")])
    steps = iter([asks, ModelResponse([TextPart("done")])])
    agent = Agent(
        FunctionModel(lambda *_: next(steps)),
        toolsets=[FunctionToolset([desk.refund])],
        capabilities=[GuardCapability(desk.line)],
        output_type=[str, DeferredToolRequests],
    )

    async def run() -> str:
        asked = await agent.run("go")
        (waiting,) = desk.guard.pending()
        desk.guard.approve(waiting.id, approver={"id": "boss", "manager": True})
        edited = ToolApproved(override_args={**CALL, "amount": 900})
        history, answers = asked.all_messages(), DeferredToolResults(approvals={"c1": edited})
        return repr(
            (await agent.run(message_history=history, deferred_tool_results=answers)).all_messages()
        )

    assert "needs somebody's approval" in asyncio.run(run())
    assert desk.ran == []


def test_three_refusals_of_one_tool_do_not_end_a_run(desk: Desk) -> None:
    refused = ModelResponse([ToolCallPart("refund", {**CALL, "amount": 2_000})])
    steps = iter([refused, refused, refused, ModelResponse([TextPart("done")])])
    agent = Agent(
        FunctionModel(lambda *_: next(steps)),
        toolsets=[FunctionToolset([desk.refund])],
        capabilities=[GuardCapability(desk.line)],
        retries=0,
    )
    assert asyncio.run(agent.run("go")).output == "done"
    assert desk.ran == []
