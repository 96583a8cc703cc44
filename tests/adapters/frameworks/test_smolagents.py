"""What smolagents alone has: agents that write code or manage agents, tools added late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("smolagents", reason="smolagents is not installed")

from smolagents import CodeAgent, LogLevel, Model, Tool, ToolCallingAgent, tool
from smolagents.models import ChatMessage, MessageRole

from licet.adapters.frameworks.smolagents import guard_agent, tools_of
from support.frameworks.desk import Desk, open_desk
from support.frameworks.driver import Proposed, refund
from support.frameworks.smolagents_driver import Driver, Scripted

RAN: list[Any] = []


@tool
def pay(order_id: str, amount: float, note: str | None = None) -> str:
    """Pay an order back.

    Args:
        order_id: The order.
        amount: How much.
        note: For whom it may concern.
    """
    RAN.append((order_id, amount, note))
    return f"paid {amount:g}"


pay.name = "refund"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    RAN.clear()
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


class Coding(Model):
    """A model that writes one piece of code after another."""

    def __init__(self, *code: str) -> None:
        super().__init__(model_id="script")
        self._code = iter([*code, 'final_answer("done")'])
        self.seen: list[Any] = []

    def generate(self, messages: Any, *_: Any, **__: Any) -> ChatMessage:
        self.seen = list(messages)
        text = f"<code>\n{next(self._code)}\n</code>"
        return ChatMessage(role=MessageRole.ASSISTANT, content=text)


def coding(desk: Desk, *code: str, tools: Any = (pay,)) -> str:
    """What the model was told in the end."""
    model = Coding(*code)
    agent = CodeAgent(tools=[*tools], model=model, verbosity_level=LogLevel.OFF)
    guard_agent(desk.line, agent).run("go")
    return repr([each.dict() for each in model.seen])


def test_code_that_calls_tools_in_every_way(desk: Desk) -> None:
    said = coding(
        desk,
        'refund("R1", amount=10)',
        'refund({"order_id": "R2", "amount": 10})',
        'refund(order_id="R3", amount=10, note="x")',
        'refund("R4", 2_000)',
    )
    assert RAN == [("R1", 10, None), ("R2", 10, None)]
    assert "rule huge" in said
    assert desk.line.endings == ["ok", "ok"]


@pytest.mark.parametrize(
    "code",
    [
        'refund.forward("R1", 5_000)',
        'refund.forward(order_id="R1", amount=5_000)',
        'refund._tool.forward("R1", 5_000)',
        'refund.__call__.__closure__[0].cell_contents("R1", 5_000)',
        'refund("R1", 40, "x", "y")',
        'refund("R1", 40, order_id="R2")',
        "refund.to_dict()",
        'try:\n    x = refund("R1", 5_000)\nexcept Exception:\n    x = "paid"',
    ],
)
def test_code_that_goes_around_the_guard(desk: Desk, code: str) -> None:
    coding(desk, code)
    assert RAN == []


def test_a_refusal_is_no_answer_to_code(desk: Desk) -> None:
    said = coding(desk, 'told = refund("R1", 5_000)\nprint("code went on", told)')
    assert "went on refund" not in said
    assert "rule huge" in said


def test_code_that_runs_elsewhere_cannot_be_guarded(desk: Desk) -> None:
    class Elsewhere:
        def send_tools(self, tools: Any) -> None: ...

    agent = CodeAgent(tools=[pay], model=Coding(), executor=Elsewhere())
    with pytest.raises(TypeError, match="runs elsewhere"):
        guard_agent(desk.line, agent)


def test_managed_agents_are_guarded_as_well(desk: Desk) -> None:
    inner = ToolCallingAgent(
        tools=[pay],
        model=Scripted([[refund("c1", 60), refund("c2", 60)]]),
        name="clerk",
        description="Pays.",
        verbosity_level=LogLevel.OFF,
    )
    outer = ToolCallingAgent(
        tools=[],
        model=Scripted([[Proposed("m1", "clerk", {"task": "pay"})]]),
        managed_agents=[inner],
        verbosity_level=LogLevel.OFF,
    )
    assert tools_of(outer) == [pay]
    guard_agent(desk.line, outer).run("go")
    assert RAN == [("R1", 60, None)]
    with pytest.raises(TypeError, match="guarded already"):
        guard_agent(desk.line, inner)


def test_tools_that_are_added_late_do_not_run(desk: Desk) -> None:
    model = Scripted([[refund("c1", 40)]])
    agent = ToolCallingAgent(tools=[], model=model, verbosity_level=LogLevel.OFF)
    guard_agent(desk.line, agent)
    agent.tools["refund"] = pay
    agent.run("go")
    assert "added after the agent was guarded" in repr([each.dict() for each in model.seen])
    code = guard_agent(desk.line, CodeAgent(tools=[], model=Coding('refund("R1", 1)')))
    code.tools["refund"] = pay
    with pytest.raises(TypeError, match="added after"):
        code.run("go")
    assert RAN == []


def test_a_guarded_tool_that_the_host_calls_is_refused(desk: Desk) -> None:
    agent = ToolCallingAgent(tools=[pay], model=Scripted([]), verbosity_level=LogLevel.OFF)
    guard_agent(desk.line, agent)
    guarded: Tool = agent.tools["refund"]
    with pytest.raises(Exception, match="could not be decided"):
        guarded("R1", 40)
    assert RAN == []


def test_arguments_that_the_state_replaces_are_checked_as_replaced(desk: Desk) -> None:
    agent = ToolCallingAgent(
        tools=[pay], model=Scripted([[refund("c1", 40, "order")]]), verbosity_level=LogLevel.OFF
    )
    guard_agent(desk.line, agent)
    agent.run("go", additional_args={"order": "R7"})
    assert RAN == [("R7", 40, None)]


@pytest.mark.parametrize("args", [{"order": "R1"}, {}, "R1", {"order_id": "R1", "amount": "1"}])
def test_arguments_that_do_not_fit_run_nothing(desk: Desk, args: Any) -> None:
    model = Scripted([])
    agent = ToolCallingAgent(tools=[pay], model=model, verbosity_level=LogLevel.OFF)
    guard_agent(desk.line, agent)
    assert "refused" in agent.execute_tool_call("refund", args)
    assert RAN == []


def test_arguments_that_smolagents_finds_wrong_spend_nothing(desk: Desk) -> None:
    @tool
    def whole(order_id: str, amount: int) -> str:
        """Pay an order back.

        Args:
            order_id: The order.
            amount: In whole units.
        """
        return "paid"

    whole.name = "refund"
    model = Scripted([[refund("c1", 99.5)], [refund("c2", 100)]])
    agent = ToolCallingAgent(tools=[whole], model=model, verbosity_level=LogLevel.OFF)
    guard_agent(desk.line, agent).run("go")
    assert desk.line.endings == ["cancelled", "ok"]


def test_one_that_fails_beside_one_that_runs(desk: Desk) -> None:
    driver = Driver(desk)
    played = asyncio.run(driver.play([[refund("c1", 40, "boom")], [refund("c2", 40)]]))
    assert desk.line.endings == ["error", "ok"]
    assert played.texts["c2"] == "done R1"
    assert "the desk is on fire" in played.transcript
