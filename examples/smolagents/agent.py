"""A smolagents agent whose refunds are guarded. Runs offline: its model is a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from smolagents import ChatMessage, LogLevel, MessageRole, Model, ToolCallingAgent, tool
from smolagents.agents import ToolOutput
from smolagents.models import ChatMessageToolCall, ChatMessageToolCallFunction

from licet import Guard
from licet.adapters.frameworks.gate import Ask
from licet.adapters.frameworks.smolagents import guard_agent


@tool
def refund(order_id: str, amount: float) -> str:
    """Pay an order back.

    Args:
        order_id: The order.
        amount: How much.
    """
    return f"paid {amount:g} for {order_id}"


class Script(Model):
    steps = iter([("c1", 2_000), ("c2", 40), ("c3", 600)])

    def generate(self, *_: Any, **__: Any) -> ChatMessage:
        id, amount = next(self.steps, ("end", 0))
        name, args = "refund", {"order_id": "R1", "amount": amount}
        if id == "end":
            name, args = "final_answer", {"answer": "done"}
        function = ChatMessageToolCallFunction(name=name, arguments=args)
        call = ChatMessageToolCall(id=id, type="function", function=function)
        return ChatMessage(role=MessageRole.ASSISTANT, content="", tool_calls=[call])


with Guard.load(Path(__file__).parent / "refunds.licet") as guard:

    def ask(waiting: Ask) -> None:
        """The agent waits meanwhile. A real one tells somebody, and gets their answer."""
        (approval,) = guard.pending()
        print("asked:", approval.tool, approval.args)
        guard.approve(waiting.approval, approver={"id": "boss", "manager": True})

    session = guard.session(principal={"id": "a1", "manager": False})
    agent = ToolCallingAgent(tools=[refund], model=Script(), verbosity_level=LogLevel.OFF)
    guard_agent(session, agent, asking=ask)  # the one line
    outputs = [
        each for each in agent.run("Refund R1.", stream=True) if isinstance(each, ToolOutput)
    ]
    for output in outputs:
        if not output.is_final_answer:
            print(f"{output.id}: {output.observation}")
