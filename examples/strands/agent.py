"""A Strands agent whose refunds are guarded. Runs offline: its model is a script."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from strands import Agent, tool
from strands.models import Model

from licet import Guard
from licet.adapters.frameworks.strands import GuardIntervention


@tool
def refund(order_id: str, amount: float) -> str:
    """Pay an order back."""
    return f"paid {amount:g} for {order_id}"


class Script(Model):
    """Asks for one refund after the other."""

    def __init__(self, amounts: list[int]) -> None:
        self.calls = iter(enumerate(amounts, start=1))

    def update_config(self, **_: Any) -> None: ...

    def get_config(self) -> Any:
        return {}

    def structured_output(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("this script only calls tools")

    async def stream(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        number, amount = next(self.calls, (0, 0))
        yield {"messageStart": {"role": "assistant"}}
        if number:
            args = json.dumps({"order_id": "R1", "amount": amount})
            use = {"toolUseId": f"c{number}", "name": "refund"}
            yield {"contentBlockStart": {"start": {"toolUse": use}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": args}}}}
        else:
            yield {"contentBlockDelta": {"delta": {"text": "done"}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if number else "end_turn"}}


with Guard.load(Path(__file__).parent / "refunds.licet") as guard:
    session = guard.session(principal={"id": "a1", "manager": False})
    agent = Agent(
        model=Script([2_000, 40, 600]),
        tools=[refund],
        interventions=[GuardIntervention(session)],  # the one line
        callback_handler=None,
    )
    result = agent("Refund R1.")
    resumed = []
    for waiting in result.interrupts or ():
        print("asked:", waiting.reason["tool"], waiting.reason["args"])
        guard.approve(waiting.reason["approval"], approver={"id": "boss", "manager": True})
        resumed.append({"interruptResponse": {"interruptId": waiting.id, "response": "answered"}})
    agent(resumed)
    for message in agent.messages:
        for block in message["content"]:
            if answer := block.get("toolResult"):
                print(f"{answer['toolUseId']}: {answer['content'][0]['text']}")
