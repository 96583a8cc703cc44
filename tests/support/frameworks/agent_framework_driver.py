"""Microsoft agent-framework's `Agent` with a script for a chat client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent_framework import Agent, AgentSession, FunctionMiddleware, Message, tool

from licet.adapters.frameworks.agent_framework import GuardMiddleware
from support.frameworks.agent_framework_client import Scripted
from support.frameworks.desk import Desk
from support.frameworks.driver import Played, Proposed


class Doubling(FunctionMiddleware):
    """A middleware behind the guard that changes what was checked."""

    async def process(self, context: Any, call_next: Any) -> None:
        context.arguments = {**context.arguments, "amount": context.arguments["amount"] * 2}
        await call_next()


class Driver:
    def __init__(self, desk: Desk, *, rewriting: bool = False, seconds: float = 30.0) -> None:
        functions = (desk.refund, desk.lookup, desk.close, desk.wipe)
        self.tools = [tool(each, approval_mode="never_require") for each in functions]
        guard = GuardMiddleware(desk.line, seconds=seconds)
        self.middleware = [guard, Doubling()] if rewriting else [guard]
        self.client: Any = None
        self.agent: Any = None
        self.session: Any = None
        self.requests: list[Any] = []

    async def play(self, turns: Sequence[Sequence[Proposed]]) -> Played:
        self.client = Scripted(turns)
        self.agent = self._agent()
        self.session = AgentSession()
        return await self._run("go")

    def registered(self) -> Any:
        self.client = Scripted([])
        return self._agent()

    def _agent(self) -> Any:
        return Agent(self.client, tools=self.tools, middleware=self.middleware)

    async def resume(self, *, agree: bool) -> Played:
        answers = [each.to_function_approval_response(agree) for each in self.requests]
        return await self._run(Message("user", answers))

    async def _run(self, given: Any) -> Played:
        result = await self.agent.run(given, session=self.session)
        self.requests = list(result.user_input_requests)
        contents = [c for m in (*self.client.seen, *result.messages) for c in m.contents]
        results = [c for c in contents if c.type == "function_result"]
        return Played(
            {each.call_id: str(each.result) for each in results},
            repr([each.to_dict() for each in contents]),
            [each.additional_properties["approval"] for each in self.requests],
        )
