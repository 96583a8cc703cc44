"""A Google ADK agent whose refunds are guarded. Runs offline: its model is a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.apps import App
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import InMemoryRunner
from google.genai import types
from pydantic import PrivateAttr

from licet import Guard
from licet.adapters.frameworks.google_adk import GuardPlugin


def refund(order_id: str, amount: float) -> str:
    """Pay an order back."""
    return f"paid {amount:g} for {order_id}"


class Script(BaseLlm):
    """Asks for one refund after the other."""

    model: str = "script"
    amounts: list[int]
    _turn: int = PrivateAttr(default=0)

    async def generate_content_async(self, *_: Any, **__: Any) -> AsyncGenerator[LlmResponse, None]:
        if self._turn < len(self.amounts):
            args = {"order_id": "R1", "amount": self.amounts[self._turn]}
            self._turn += 1
            call = types.FunctionCall(id=f"c{self._turn}", name="refund", args=args)
            part = types.Part(function_call=call)
        else:
            part = types.Part(text="done")
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


async def main(guard: Guard) -> None:
    session = guard.session(principal={"id": "a1", "manager": False})
    app = App(
        name="refunds",
        root_agent=LlmAgent(name="desk", model=Script(amounts=[2_000, 40, 600]), tools=[refund]),
        plugins=[GuardPlugin(session)],  # the one line
    )
    runner = InMemoryRunner(app=app)
    talk = await runner.session_service.create_session(app_name="refunds", user_id="u1")
    told = types.Content(role="user", parts=[types.Part(text="Refund R1.")])
    answers = {}
    while told.parts:
        questions = []
        async for event in runner.run_async(user_id="u1", session_id=talk.id, new_message=told):
            answers |= {each.id: each.response for each in event.get_function_responses()}
            calls = event.get_function_calls()
            questions += [call for call in calls if call.name == "adk_request_confirmation"]
        told = types.Content(role="user", parts=[])
        for question in questions:
            asked = question.args["toolConfirmation"]["payload"]
            print("asked:", asked["tool"], asked["args"])
            guard.approve(asked["approval"], approver={"id": "boss", "manager": True})
            response = types.FunctionResponse(
                id=question.id, name=question.name, response={"confirmed": True}
            )
            told.parts.append(types.Part(function_response=response))
    for id, answer in answers.items():
        print(f"{id}: {answer.get('result') or answer.get('error')}")


with Guard.load(Path(__file__).parent / "refunds.licet") as guard:
    asyncio.run(main(guard))
