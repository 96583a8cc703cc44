"""A LlamaIndex agent whose refunds are guarded. Runs offline: its model is a mock."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.tools import FunctionTool
from workflows.events import HumanResponseEvent

from licet import Guard
from licet.adapters.frameworks.llama_index import GuardAsks, guard_agent


def refund(order_id: str, amount: float) -> str:
    """Pay an order back."""
    return f"paid {amount:g} for {order_id}"


STEPS = iter([("c1", 2_000), ("c2", 40), ("c3", 600)])


def script(*_: Any, **__: Any) -> ChatMessage:
    step = next(STEPS, None)
    if step is None:
        return ChatMessage(role="assistant", content="done")
    id, amount = step
    args = {"order_id": "R1", "amount": amount}
    call = ToolCallBlock(tool_call_id=id, tool_name="refund", tool_kwargs=args)
    return ChatMessage(role="assistant", blocks=[call])


async def main(guard: Guard) -> None:
    session = guard.session(principal={"id": "a1", "manager": False})
    agent = FunctionAgent(
        tools=[FunctionTool.from_defaults(refund)],
        llm=MockFunctionCallingLLM(response_generator=script),
        streaming=False,
    )
    guard_agent(session, agent)  # the one line
    run = agent.run(user_msg="Refund R1.")
    told: list[str] = []
    async for event in run.stream_events():
        if isinstance(event, GuardAsks):
            print("asked:", event.tool, event.args)
            guard.approve(event.approval, approver={"id": "boss", "manager": True})
            answer = HumanResponseEvent(response="answered", approval=event.approval)
            run.ctx.send_event(answer)
        elif isinstance(event, ToolCallResult):
            told.append(f"{event.tool_id}: {event.tool_output.content}")
    await run
    print("\n".join(told))


with Guard.load(Path(__file__).parent / "refunds.licet") as guard:
    asyncio.run(main(guard))
