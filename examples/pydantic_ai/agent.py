"""A Pydantic AI agent whose refunds are guarded. Runs offline: its model is a script."""

from __future__ import annotations

from pathlib import Path

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel

from licet import Guard
from licet.adapters.frameworks.pydantic_ai import GuardCapability


def refund(order_id: str, amount: float) -> str:
    """Pay an order back."""
    return f"paid {amount:g} for {order_id}"


def call(id: str, amount: float) -> ModelResponse:
    args = {"order_id": "R1", "amount": amount}
    return ModelResponse([ToolCallPart("refund", args, tool_call_id=id)])


script = iter(
    [call("c1", 2_000), call("c2", 40), call("c3", 600), ModelResponse([TextPart("done")])]
)

with Guard.load(Path(__file__).parent / "refunds.licet") as guard:
    session = guard.session(principal={"id": "a1", "manager": False})
    agent = Agent(
        FunctionModel(lambda _messages, _info: next(script)),
        tools=[refund],
        capabilities=[GuardCapability(session)],  # the one line
        output_type=[str, DeferredToolRequests],
    )
    result = agent.run_sync("Refund R1.")
    assert isinstance(result.output, DeferredToolRequests)
    answers = DeferredToolResults()
    for waiting in result.output.approvals:
        print("asked:", waiting.tool_name, waiting.args)
        approval = result.output.metadata[waiting.tool_call_id]["approval"]
        guard.approve(approval, approver={"id": "boss", "manager": True})
        answers.approvals[waiting.tool_call_id] = True
    result = agent.run_sync(message_history=result.all_messages(), deferred_tool_results=answers)
    for message in result.all_messages():
        for part in message.parts:
            if isinstance(part, ToolReturnPart):
                print(f"{part.tool_call_id}: {part.content}")
