"""Google ADK's `Runner` with a script for a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.apps import App
from google.adk.runners import InMemoryRunner
from google.genai import types

from licet.adapters.frameworks.google_adk import GuardPlugin
from support.frameworks.desk import Desk
from support.frameworks.driver import Played, Proposed
from support.frameworks.google_adk_model import Scripted

CONFIRMATION = "adk_request_confirmation"


def doubled(tool: Any, args: dict[str, Any], tool_context: Any) -> None:
    """A callback of the agent, behind the plugins, that changes what was checked."""
    args["amount"] *= 2


class Driver:
    def __init__(self, desk: Desk, *, rewriting: bool = False, seconds: float = 30.0) -> None:
        self.tools = [desk.refund, desk.lookup, desk.close, desk.wipe]
        self.guard = GuardPlugin(desk.line, seconds=seconds)
        self.callback = doubled if rewriting else None
        self.model: Any = None
        self.runner: Any = None
        self.session: Any = None
        self.questions: list[types.FunctionCall] = []

    async def play(self, turns: Sequence[Sequence[Proposed]]) -> Played:
        self.model = Scripted.of(turns)
        self.runner = InMemoryRunner(app=self._app(self.model))
        self.session = await self.runner.session_service.create_session(
            app_name="desk", user_id="u"
        )
        return await self._run(types.Part(text="go"))

    def registered(self) -> Any:
        return self._app(Scripted.of([]))

    def _app(self, model: Scripted) -> App:
        agent = LlmAgent(
            name="desk", model=model, tools=self.tools, before_tool_callback=self.callback
        )
        return App(name="desk", root_agent=agent, plugins=[self.guard])

    async def resume(self, *, agree: bool) -> Played:
        return await self._run(
            *(
                types.Part(
                    function_response=types.FunctionResponse(
                        id=each.id, name=each.name, response={"confirmed": agree}
                    )
                )
                for each in self.questions
            )
        )

    async def _run(self, *parts: types.Part) -> Played:
        message = types.Content(role="user", parts=list(parts))
        events = [
            event
            async for event in self.runner.run_async(
                user_id="u", session_id=self.session.id, new_message=message
            )
        ]
        calls = [call for event in events for call in event.get_function_calls()]
        self.questions = [call for call in calls if call.name == CONFIRMATION]
        seen = [part for content in self.model.seen for part in content.parts or ()]
        answers = [each.function_response for each in seen if each.function_response]
        return Played(
            {each.id: each.response.get("result", each.response.get("error")) for each in answers},
            repr(self.model.seen),
            [call.args["toolConfirmation"]["payload"]["approval"] for call in self.questions],
        )
