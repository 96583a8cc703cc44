"""What every adapter has to do, with a real agent of its framework. A driver says which cases do
not apply to it, and why."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from licet.adapters.catalogs import tool_lists
from licet.adapters.catalogs.locking import Lock
from licet.adapters.frameworks.finding import listed
from licet.compiler.types import STRING, DecimalType, Field
from licet.loading import load_program
from support.frameworks.desk import POLICY, Desk, open_desk
from support.frameworks.driver import Driver, Played, Proposed, refund

FRAMEWORKS = {  # a driver, and what has to be installed for it
    "agent_framework": "agent_framework",
    "claude_agent_sdk": "claude_agent_sdk",
    "claude_code": "licet",
    "codex": "licet",
    "crewai": "crewai",
    "fastmcp": "fastmcp",
    "google_adk": "google.adk",
    "langchain": "langchain",
    "langgraph": "langgraph",
    "llama_index": "llama_index.core",
    "mcp_proxy": "mcp",
    "mcp_proxy_legacy": "mcp",
    "openai_agents": "agents",
    "plain": "licet",
    "pydantic_ai": "pydantic_ai",
    "smolagents": "smolagents",
    "strands": "strands",
}
LOCKED = """
use tools "tools.json" as desk
principal { id: String, manager: Bool }
permit everything on any
"""
NOT_RUN = re.compile("was not run|call is refused")
ONLY = os.environ.get("LICET_FRAMEWORK")
#: Those that start a process for each event, and those whose adapter another one tests as well.
LONG = ("claude_code", "codex", "langgraph", "mcp_proxy_legacy")


def each() -> Iterator[Any]:
    for name in sorted(FRAMEWORKS) if ONLY is None else [ONLY]:
        yield pytest.param(name, marks=[pytest.mark.long] if name in LONG else [])


@pytest.fixture(params=each())
def driver(request: pytest.FixtureRequest) -> Any:
    """The class of one framework's driver."""
    name = str(request.param)
    if ONLY is None:
        pytest.importorskip(FRAMEWORKS[name], reason=f"{name} is not installed")
    found = importlib.import_module(f"support.frameworks.{name}_driver").Driver
    if why := getattr(found, "NOT_APPLICABLE", {}).get(request.node.originalname):
        pytest.skip(f"not applicable: {why}")
    return found


@pytest.fixture
def desk(tmp_path: Path, driver: Any) -> Iterator[Desk]:
    desk = open_desk(tmp_path, getattr(driver, "POLICY", POLICY))
    with desk.guard:
        yield desk


def play(agent: Driver, *turns: list[Proposed]) -> Played:
    return asyncio.run(agent.play(turns))


def approve(desk: Desk, approval: str) -> None:
    desk.guard.approve(approval, approver={"id": "boss", "manager": True})


def test_allowed(driver: Any, desk: Desk) -> None:
    played = play(driver(desk), [refund("c1", 40)])
    assert desk.ran == [("refund", "R1", 40.0)]
    assert played.texts == {"c1": "done R1"}
    assert desk.line.endings == ["ok"]
    assert desk.line.tickets
    assert not any(ticket in played.transcript for ticket in desk.line.tickets)


def test_denied_with_text_that_the_model_sees(driver: Any, desk: Desk) -> None:
    played = play(driver(desk), [refund("c1", 2_000)], [refund("c2", 2_000)], [refund("c3", 2_000)])
    assert desk.ran == []
    first, second, third = (played.texts[id] for id in ("c1", "c2", "c3"))
    assert "A refund is at most 1000, not 2000 (rule huge" in first
    assert "again for the same reason (rule huge" in second
    assert "Stop. " in third
    assert "refund stays refused (rule huge" in third


def test_a_refusal_does_not_end_the_run(driver: Any, desk: Desk) -> None:
    turns = [[refund(f"c{i}", 2_000)] for i in range(4)]
    played = play(driver(desk), *turns, [refund("last", 40)])
    assert desk.ran == [("refund", "R1", 40.0)]
    assert played.texts["last"] == "done R1"


def test_undetermined(driver: Any, desk: Desk) -> None:
    played = play(driver(desk), [Proposed("c1", "close", {"order_id": "R1"})])
    assert desk.ran == []
    assert "something that the host does not know yet" in played.texts["c1"]


def test_escalated_and_approved(driver: Any, desk: Desk) -> None:
    async def run() -> Played:
        agent = driver(desk)
        asked = await agent.play([[refund("c1", 600)]])
        assert desk.ran == []
        (waiting,) = desk.guard.pending()
        assert asked.asked == [waiting.id]
        approve(desk, waiting.id)
        return await agent.resume(agree=True)

    played = asyncio.run(run())
    assert desk.ran == [("refund", "R1", 600.0)]
    assert played.texts == {"c1": "done R1"}
    assert desk.line.endings == ["ok"]


def test_escalated_and_rejected(driver: Any, desk: Desk) -> None:
    async def run() -> Played:
        agent = driver(desk)
        (approval,) = (await agent.play([[refund("c1", 600)]])).asked
        desk.guard.reject(approval, approver={"id": "boss", "manager": True})
        return await agent.resume(agree=False)

    played = asyncio.run(run())
    assert desk.ran == []
    assert played.texts["c1"]


def test_the_frameworks_own_yes_approves_nothing(driver: Any, desk: Desk) -> None:
    async def run() -> None:
        agent = driver(desk)
        await agent.play([[refund("c1", 600)]])
        await agent.resume(agree=True)

    asyncio.run(run())
    assert desk.ran == []


def test_two_parallel_calls_of_60_against_100(driver: Any, desk: Desk) -> None:
    played = play(driver(desk), [refund("c1", 60), refund("c2", 60)])
    assert desk.ran == [("refund", "R1", 60.0)]
    assert sorted("rule small" in text for text in played.texts.values()) == [False, True]


def test_rewritten_between_check_and_tool(driver: Any, desk: Desk) -> None:
    played = play(driver(desk, rewriting=True), [refund("c1", 40)])
    assert desk.ran == []
    assert played.texts["c1"]


@pytest.mark.parametrize("part", ["check", "redeem"])
def test_a_guard_that_raises(driver: Any, desk: Desk, part: str) -> None:
    desk.line.fails.add(part)
    played = play(driver(desk), [refund("c1", 40)])
    assert desk.ran == []
    assert NOT_RUN.search(played.texts["c1"])
    assert "secret-of-the-operator" not in played.transcript


@pytest.mark.parametrize("part", ["check", "redeem"])
def test_a_guard_that_hangs(driver: Any, desk: Desk, part: str) -> None:
    desk.line.hangs.add(part)
    played = play(driver(desk, seconds=0.2), [refund("c1", 40)])
    assert desk.ran == []
    assert NOT_RUN.search(played.texts["c1"])


def test_a_tool_that_the_policy_does_not_know(driver: Any, desk: Desk) -> None:
    played = play(driver(desk), [Proposed("c1", "wipe", {"order_id": "R1"})])
    assert desk.ran == []
    assert re.search(r"there is no tool `\S*wipe`", played.texts["c1"])


def test_a_failed_tool_is_settled_as_one(driver: Any, desk: Desk) -> None:
    try:
        play(driver(desk), [refund("c1", 40, "boom")])
    except ValueError as error:  # some frameworks end the run, some tell the model
        assert str(error) == "the desk is on fire"  # noqa: PT017
    assert desk.line.endings == [getattr(driver, "FAILED", "error")]


def test_a_cancelled_run_is_settled_as_one(driver: Any, desk: Desk) -> None:
    async def run() -> None:
        task = asyncio.ensure_future(driver(desk).play([[refund("c1", 40, "slow")]]))
        await desk.started.wait()
        task.cancel()
        await asyncio.wait({task})
        for _ in range(1_200):
            if desk.line.endings:
                return
            await asyncio.sleep(0.05)

    asyncio.run(run())
    assert desk.line.endings == ["cancelled"]


def test_a_result_that_cannot_be_written_down_is_a_result(driver: Any, desk: Desk) -> None:
    desk.line.fails.add("settle")
    assert play(driver(desk), [refund("c1", 40)]).texts == {"c1": "done R1"}


def entries_of(agent: Any) -> list[dict[str, Any]]:
    """The agent's tools as a list; a server lists its own."""
    if hasattr(agent, "listed"):
        return cast(list[dict[str, Any]], agent.listed())
    return listed(agent.registered())


def test_its_tools_are_a_catalog(driver: Any, desk: Desk) -> None:
    agent = driver(desk)
    tools, problems = tool_lists.read({"tools": entries_of(agent)}, "desk")
    assert problems == ()
    order = Field("order_id", STRING)
    assert {tool.qualified: tool.params.fields for tool in tools} == {
        "desk.refund": (order, Field("amount", DecimalType())),
        "desk.lookup": (order,),
        "desk.close": (order,),
        "desk.wipe": (order,),
    }
    lookup = next(tool for tool in tools if tool.name == "lookup")
    assert "Look an order up." in lookup.description
    assert all(tool.destructive for tool in tools)
    assert all(tool.from_agent != hasattr(agent, "listed") for tool in tools)


def test_a_tool_that_is_not_as_it_was_locked(driver: Any, desk: Desk, tmp_path: Path) -> None:
    entries = entries_of(driver(desk))
    for each in entries:
        if each["name"] == "refund":
            each["description"] = "Pay an order back, in cents."
    (tmp_path / "tools.json").write_text(json.dumps({"tools": entries}), "utf-8")
    policy = tmp_path / "locked.licet"
    policy.write_text(LOCKED, "utf-8")
    program = load_program([policy]).program
    assert program is not None
    Lock.of(program.catalog).write(tmp_path)
    locked = open_desk(tmp_path, LOCKED)
    with locked.guard:
        calls = [refund("c1", 40), Proposed("c2", "lookup", {"order_id": "R1"})]
        played = play(driver(locked), calls)
    assert locked.ran == [("lookup", "R1", 0.0)]
    assert "has changed since its rules were reviewed" in played.texts["c1"]
    assert "cents" not in played.texts["c1"]


def test_an_id_that_is_used_again(driver: Any, desk: Desk) -> None:
    agent = driver(desk)

    async def run() -> list[Played]:
        return [await agent.play([[refund("c1", amount)]]) for amount in (40, 40, 41)]

    _, again, other = asyncio.run(run())
    assert desk.ran == [("refund", "R1", 40.0)]
    assert "refused" in again.texts["c1"]
    assert "refused" in other.texts["c1"]
    # one reservation: 60 of the 100 are left
    play(driver(desk), [refund("c2", 60)])
    assert desk.ran[1:] == [("refund", "R1", 60.0)]
