"""What agent-framework alone has: middleware behind the guard, tools that are shared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("agent_framework", reason="agent-framework is not installed")

from agent_framework import Agent, Content, FunctionMiddleware, Message, tool

from licet.adapters.frameworks.agent_framework import GuardMiddleware
from support.frameworks.agent_framework_client import Scripted
from support.frameworks.agent_framework_driver import Driver
from support.frameworks.desk import Desk, open_desk
from support.frameworks.driver import Proposed, refund

ARGS = {"order_id": "R1"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


class Twice(FunctionMiddleware):
    """A middleware that tries a call again."""

    async def process(self, context: Any, call_next: Any) -> None:
        await call_next()
        await call_next()


def run(tools: list[Any], middleware: list[Any], *calls: Proposed) -> list[Any]:
    client = Scripted([calls])
    asyncio.run(Agent(client, tools=tools, middleware=middleware).run("go"))
    contents = [content for message in client.seen for content in message.contents]
    return [str(c.result) for c in contents if c.type == "function_result"]


def test_a_middleware_that_tries_again_runs_once(desk: Desk) -> None:
    (told,) = run([tool(desk.refund)], [GuardMiddleware(desk.line), Twice()], refund("c1", 40))
    assert desk.ran == [("refund", "R1", 40.0)]
    assert "was not run" in told


def test_a_tool_of_an_agent_without_a_guard_is_as_it_was(desk: Desk) -> None:
    shared = tool(desk.refund)
    assert run([shared], [GuardMiddleware(desk.line)], refund("c1", 40)) == ["done R1"]
    assert run([shared], [], refund("c1", 5_000)) == ["done R1"]
    assert "rule huge" in run([shared], [GuardMiddleware(desk.line)], refund("c2", 5_000))[0]
    assert desk.ran == [("refund", "R1", 40.0), ("refund", "R1", 5_000.0)]


def test_arguments_that_do_not_fit_run_nothing(desk: Desk) -> None:
    call = Proposed("c1", "refund", {"order_id": "R1", "amount": {"$gt": 0}})
    run([tool(desk.refund)], [GuardMiddleware(desk.line)], call)
    assert desk.ran == []


def test_a_call_that_cannot_ask_is_refused_at_once(desk: Desk) -> None:
    guard = GuardMiddleware(desk.line, asking=False)
    (told,) = run([tool(desk.refund)], [guard], refund("c1", 600))
    assert desk.ran == []
    (waiting,) = desk.guard.pending()
    assert waiting.id not in told


def test_a_persons_edit_is_another_call(desk: Desk) -> None:
    async def edited() -> None:
        agent = Driver(desk)
        (approval,) = (await agent.play([[refund("c1", 600)]])).asked
        desk.guard.approve(approval, approver={"id": "boss", "manager": True})
        (request,) = agent.requests
        call = Content.from_function_call("c1", "refund", arguments={**ARGS, "amount": 900})
        yes = Content.from_function_approval_response(True, request.id, call)
        await agent._run(Message("user", [yes]))

    asyncio.run(edited())
    assert desk.ran == []


def test_one_that_runs_beside_one_that_asks_runs_once(desk: Desk) -> None:
    async def both() -> None:
        agent = Driver(desk)
        (approval,) = (await agent.play([[refund("c1", 40), refund("c2", 600)]])).asked
        desk.guard.approve(approval, approver={"id": "boss", "manager": True})
        await agent.resume(agree=True)

    asyncio.run(both())
    assert sorted(desk.ran) == [("refund", "R1", 40.0), ("refund", "R1", 600.0)]
