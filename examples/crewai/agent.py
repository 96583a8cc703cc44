"""A CrewAI agent whose refunds are guarded. Runs offline: its model is a script."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ["OTEL_SDK_DISABLED"] = os.environ["CREWAI_DISABLE_TELEMETRY"] = "true"  # offline
os.environ["CREWAI_TRACING_ENABLED"] = "false"

from crewai import Agent, BaseLLM, Crew, Task
from crewai.tools import tool
from pydantic import PrivateAttr

from licet import Guard
from licet.adapters.frameworks.crewai import guard_tools
from licet.adapters.frameworks.gate import Ask


@tool("refund")
def refund(order_id: str, amount: float) -> str:
    """Pay an order back."""
    return f"paid {amount:g} for {order_id}"


class Script(BaseLLM):
    _steps: Any = PrivateAttr(default=None)
    _seen: list[Any] = PrivateAttr(default_factory=list)

    def call(self, messages: Any, *_: Any, **__: Any) -> Any:
        self._seen = messages
        return next(self._steps)

    def supports_function_calling(self) -> bool:
        return True


def call(id: str, amount: float) -> list[dict[str, Any]]:
    args = json.dumps({"order_id": "R1", "amount": amount})
    return [{"id": id, "type": "function", "function": {"name": "refund", "arguments": args}}]


with Guard.load(Path(__file__).parent / "refunds.licet") as guard:

    def ask(waiting: Ask) -> None:
        """The agent waits meanwhile. A real one tells somebody, and gets their answer."""
        (approval,) = guard.pending()
        print("asked:", approval.tool, approval.args)
        guard.approve(waiting.approval, approver={"id": "boss", "manager": True})

    session = guard.session(principal={"id": "a1", "manager": False})
    model = Script(model="script")
    model._steps = iter([call("c1", 2_000), call("c2", 40), call("c3", 600), "Final Answer: done"])
    agent = Agent(
        role="refunds",
        goal="Refund what is due.",
        backstory="A clerk.",
        llm=model,
        tools=guard_tools(session, [refund], asking=ask),  # the one line
    )
    task = Task(description="Refund R1.", expected_output="What was paid.", agent=agent)
    Crew(agents=[agent], tasks=[task]).kickoff()
    for message in model._seen:
        if message["role"] == "tool":
            print(f"{message['tool_call_id']}: {message['content']}")
