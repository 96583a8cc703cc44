"""A FastMCP server, and the SDK's client as a script: it says which call is which."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from fastmcp import Client, FastMCP
from fastmcp.client.elicitation import ElicitResult
from fastmcp.server.middleware import Middleware

from licet.adapters.frameworks.fastmcp import GuardMiddleware
from support.frameworks.desk import Desk
from support.frameworks.driver import Played, Proposed


class Doubling(Middleware):
    """A middleware behind the guard that changes what was checked."""

    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        given = context.message.arguments
        changed = {**given, "amount": given["amount"] * 2}
        message = context.message.model_copy(update={"arguments": changed})
        return await call_next(context.copy(message=message))


class Driver:
    """One connection for as long as an event loop runs."""

    def __init__(self, desk: Desk, *, rewriting: bool = False, seconds: float = 30.0) -> None:
        guard = GuardMiddleware(desk.line, seconds=seconds)
        middleware = [guard, Doubling()] if rewriting else [guard]
        self.server = FastMCP("desk", middleware=middleware)
        for each in (desk.refund, desk.lookup, desk.close, desk.wipe):
            self.server.tool(each)
        self.client: Any = None
        self.calls: dict[str, asyncio.Task[Any]] = {}
        self.questions: list[tuple[str, asyncio.Future[bool]]] = []
        self.asked = asyncio.Event()

    def registered(self) -> Any:
        return self.server

    async def play(self, turns: Sequence[Sequence[Proposed]]) -> Played:
        if self.client is None:
            self.client = Client(self.server, mode="legacy", elicitation_handler=self._question)
            await self.client.__aenter__()
        self.calls = {}
        for turn in turns:
            new = {call.id: asyncio.ensure_future(self._call(call)) for call in turn}
            self.calls |= new
            await self._settled()
        return self._played()

    async def resume(self, *, agree: bool) -> Played:
        self.asked.clear()
        for _, answer in self.questions:
            answer.set_result(agree)
        self.questions = []
        await self._settled()
        return self._played()

    async def _call(self, call: Proposed) -> Any:
        params = {"name": call.tool, "arguments": call.args}
        dispatcher = self.client.session._dispatcher
        return await dispatcher.send_raw_request("tools/call", params, {"request_id": call.id})

    async def _question(self, message: str, *_: Any) -> Any:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.questions.append((message, answer))
        self.asked.set()
        if await answer:
            return ElicitResult(action="accept", content={"approve": True})
        return ElicitResult(action="decline")

    async def _settled(self) -> None:
        """Until every call is answered, or somebody is asked."""
        question = asyncio.ensure_future(self.asked.wait())
        try:
            open_calls = {task for task in self.calls.values() if not task.done()}
            while open_calls and not question.done():
                await asyncio.wait({*open_calls, question}, return_when="FIRST_COMPLETED")
                open_calls = {task for task in open_calls if not task.done()}
        except asyncio.CancelledError:
            for task in self.calls.values():
                task.cancel()
            await asyncio.gather(*self.calls.values(), return_exceptions=True)
            raise
        finally:
            question.cancel()

    def _played(self) -> Played:
        answers = {id: task.result() for id, task in self.calls.items() if task.done()}
        asked = [text for text, _ in self.questions]
        return Played(
            {id: answer["content"][0]["text"] for id, answer in answers.items()},
            repr([answers, asked]),
            [found[1] for text in asked if (found := re.search(r"approval (\S+)\.", text))],
        )
