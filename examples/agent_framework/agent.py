"""An agent of Microsoft's agent-framework whose refunds are guarded. Runs offline: its chat client
is a script."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from agent_framework import (
    Agent,
    AgentSession,
    BaseChatClient,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
    tool,
)

from licet import Guard
from licet.adapters.frameworks.agent_framework import GuardMiddleware


@tool(approval_mode="never_require")
def refund(order_id: str, amount: float) -> str:
    """Pay an order back."""
    return f"paid {amount:g} for {order_id}"


class Script(FunctionInvocationLayer[Any], BaseChatClient[Any]):
    """Asks for one refund after the other, and keeps what it was told."""

    def __init__(self, amounts: list[int]) -> None:
        super().__init__()
        self.calls = iter(enumerate(amounts, start=1))
        self.told: dict[str, str] = {}

    async def _inner_get_response(self, *, messages: Any, **_: Any) -> ChatResponse[Any]:
        contents = [content for message in messages for content in message.contents]
        self.told |= {c.call_id: c.result for c in contents if c.type == "function_result"}
        number, amount = next(self.calls, (0, 0))
        if not number:
            return ChatResponse(messages=[Message("assistant", [Content.from_text("done")])])
        args = json.dumps({"order_id": "R1", "amount": amount})
        call = Content.from_function_call(f"c{number}", "refund", arguments=args)
        return ChatResponse(messages=[Message("assistant", [call])])


async def main(guard: Guard) -> None:
    session = guard.session(principal={"id": "a1", "manager": False})
    client = Script([2_000, 40, 600])
    agent = Agent(
        client,
        tools=[refund],
        middleware=[GuardMiddleware(session)],  # the one line
    )
    conversation = AgentSession()
    result = await agent.run("Refund R1.", session=conversation)
    answers = []
    for waiting in result.user_input_requests:
        print("asked:", waiting.function_call.name, waiting.function_call.parse_arguments())
        approval = waiting.additional_properties["approval"]
        guard.approve(approval, approver={"id": "boss", "manager": True})
        answers.append(waiting.to_function_approval_response(True))
    await agent.run(Message("user", answers), session=conversation)
    for id, answer in client.told.items():
        print(f"{id}: {answer}")


with Guard.load(Path(__file__).parent / "refunds.licet") as guard:
    asyncio.run(main(guard))
